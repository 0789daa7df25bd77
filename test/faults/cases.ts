import type { EngineCall } from '../support/fault-proxy';
import { disturbances, type Case } from './disturb';

/** Every call that writes with every disturbance, and of the calls that read each kind once. */
export function allCases(calls: readonly EngineCall[]): readonly Case[] {
  return targets(calls).flatMap((call) => disturbances.map((disturbance) => ({ call, disturbance })));
}

/**
 * Every call that writes with one disturbance, in turn, so that each kind of disturbance meets many kinds of calls; of the
 * kinds of calls that read every third.
 *
 * @param offset another one deals the disturbances out in another way
 */
export function sampledCases(calls: readonly EngineCall[], offset: number): readonly Case[] {
  let reads = 0;
  return targets(calls)
    .filter(({ isWrite }) => isWrite || reads++ % 3 === offset % 3)
    .flatMap((call, index) => {
      const disturbance = disturbances[(index + offset) % disturbances.length];
      return disturbance === undefined ? [] : [{ call, disturbance }];
    });
}

/** Calls in the order of their names, so that another order of what runs at once changes nothing. */
function targets(calls: readonly EngineCall[]): readonly EngineCall[] {
  return calls
    .filter(({ isWrite, nth }) => isWrite || nth === 1)
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : a.nth - b.nth));
}
