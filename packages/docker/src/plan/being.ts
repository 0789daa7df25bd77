import type { ContainerDetails, ContainerSummary } from '../client/docker-client.js';

/** How a container is: nothing more is to be waited for; it may yet come up by itself; it will not. */
export type Being = 'up' | 'coming' | 'over';

/** What an engine tells of a container at one moment, by a list or by a closer look. */
export type Seen = Pick<ContainerSummary, 'state' | 'health'> &
  Partial<Pick<ContainerDetails, 'restartCount'>>;

export interface Circumstances {
  /** Whether it passes the check that it was described with, where others than the engine run it. @default true */
  readonly answers?: boolean;
  /** Whether it depends on nothing of its stack, so that nothing has to come up before it can. @default false */
  readonly isAlone?: boolean;
}

/** Restarts after which what waits for nothing will not come up: an engine has tried for more than three seconds. */
const hopelessRestarts = 5;

/**
 * The one rule of what is up, for all who ask: it runs, the check that the engine makes is passed, the image's own too, and so
 * is the check that it was described with. What an engine starts again may yet come up, and what fails a check may yet pass
 * it: how long that is waited for is the resource's `startTimeoutMs`.
 */
export function beingOf(
  { state, health = 'unknown', restartCount = 0 }: Seen,
  { answers = true, isAlone = false }: Circumstances = {},
): Being {
  switch (state) {
    case 'running':
      return answers && (health === 'healthy' || health === 'unknown') ? 'up' : 'coming';
    case 'restarting':
      return isAlone && restartCount >= hopelessRestarts ? 'over' : 'coming';
    case 'paused':
      return 'coming';
    default:
      return 'over';
  }
}

/** With such a policy an engine starts again what ends by itself: only what somebody stopped stays down. */
export function wasStopped({ state, settings }: Pick<ContainerDetails, 'state' | 'settings'>): boolean {
  return state === 'exited' && (settings.restart === 'always' || settings.restart === 'unless-stopped');
}
