import { refuseConfig } from './config-text.js';

/** The backend of the workers: its servers are `pool/w1`, `pool/w2`, ... in the runtime API. */
export const poolBackend = 'pool';
/** The one frontend that takes requests for the pool. */
export const poolFrontend = 'requests';
/** Where workers take turns: the backend in which requests wait, */
export const turnBackend = 'turns';
/** the frontend that takes those whose turn it is, */
export const turnFrontend = 'admitted';
/** and the one that answers those who may not even wait. */
export const refusalFrontend = 'refused';

/**
 * Folder in the container, writable by HAProxy's user, for its sockets and its servers' states. One that every image has:
 * where the mount point was made for the container, runc gives a tmpfs the mode of the folder under it at the second
 * start, whatever the mount asks for (seen with runc 1.1.5), and HAProxy could not come back.
 */
export const haproxyRunFolder = '/tmp';

/** Name of a slot's server, and the value of its cookie: the same worker for ever. */
export function serverName(slot: number): string {
  if (!Number.isSafeInteger(slot) || slot < 1)
    refuseConfig('a whole number of at least 1', 'the number of a slot');
  return `w${slot}`;
}
