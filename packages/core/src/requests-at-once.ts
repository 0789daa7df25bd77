import { integer } from './check.js';

/** How many requests a worker of a pool may have at once: what HAProxy's `maxconn` of a server is given. */
export const requestsAtOnce = integer(1, 100_000);
