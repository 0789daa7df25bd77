import { integer } from './check.js';

/** How many versions before the present one are remembered where nobody says. */
export const defaultKeepVersions = 3;

/** Each is remembered with all that it takes to run it again: fifty are a long history, and no heap of old images yet. */
export const keepVersions = integer(0, 50);
