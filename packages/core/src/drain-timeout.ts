import { integer } from './check.js';

/** How long what leaves may take to finish, in milliseconds: as long as a run may reasonably wait for it. */
export const drainTimeout = integer(0, 3_600_000);

/** Of an app, and so of a pool of it. */
export const defaultDrainTimeoutMs = 30_000;
