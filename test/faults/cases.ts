import type { EngineCall } from '../support/fault-proxy';
import { disturbances, type Case } from './disturb';

/** Every call that writes with every disturbance, and of the calls that read each kind once. */
export function allCases(calls: readonly EngineCall[]): readonly Case[] {
  return targets(calls).flatMap((call) => disturbances.map((disturbance) => ({ call, disturbance })));
}

/**
 * Each disturbance once, at calls that are spread over all that there are. What any call in any way leads to is tried over the
 * engine that is data; here is shown that a real engine, and a process that is killed, do as that one does.
 *
 * @param offset another one chooses other calls
 */
export function sampledCases(calls: readonly EngineCall[], offset: number): readonly Case[] {
  const all = targets(calls);
  const distance = all.length / disturbances.length;
  return disturbances.flatMap((disturbance, index) => {
    const call = all[Math.floor((index + (offset % 4) / 4) * distance)];
    return call === undefined ? [] : [{ call, disturbance }];
  });
}

/** Calls in the order of their names, so that another order of what runs at once changes nothing. */
function targets(calls: readonly EngineCall[]): readonly EngineCall[] {
  return calls
    .filter(({ isWrite, nth }) => isWrite || nth === 1)
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.nth - b.nth));
}
