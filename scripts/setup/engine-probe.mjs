// @ts-check
import { get } from 'node:http';
import { run } from './run.mjs';

/**
 * What is known of an engine at an address: `hangs` accepted a connection and then said nothing.
 * @typedef {{ state: 'answers', version: string }
 *   | { state: 'absent' | 'hangs' | 'forbidden' }} EngineState
 */

/**
 * Asks the engine at a `DOCKER_HOST` address for its version.
 * @param {string} host
 * @param {number} timeoutMs
 * @returns {Promise<EngineState>}
 */
export function probeEngine(host, timeoutMs) {
  if (!URL.canParse(host)) return askThroughClient(host, timeoutMs);
  const { protocol, hostname, port, pathname } = new URL(host);
  if (protocol === 'unix:') return askOverHttp({ socketPath: pathname }, timeoutMs);
  if (protocol === 'tcp:' && !process.env.DOCKER_TLS_VERIFY && port !== '2376') {
    return askOverHttp({ host: hostname, port: port || '2375' }, timeoutMs);
  }
  return askThroughClient(host, timeoutMs);
}

/**
 * @param {import('node:http').RequestOptions} address
 * @param {number} timeoutMs
 * @returns {Promise<EngineState>}
 */
function askOverHttp(address, timeoutMs) {
  return new Promise((resolve) => {
    let connected = false;
    const signal = AbortSignal.timeout(timeoutMs);
    const request = get({ ...address, path: '/version', agent: false, signal }, async (response) => {
      try {
        const text = (await response.setEncoding('utf8').toArray()).join('');
        resolve({ state: 'answers', version: JSON.parse(text).Version });
      } catch {
        resolve({ state: signal.aborted ? 'hangs' : 'absent' });
      }
    });
    request.once('socket', (socket) => socket.once('connect', () => (connected = true)));
    request.once('error', (/** @type {NodeJS.ErrnoException} */ { code }) => {
      if (code === 'EACCES') resolve({ state: 'forbidden' });
      else resolve({ state: connected && signal.aborted ? 'hangs' : 'absent' });
    });
  });
}

/**
 * TLS and ssh are the docker client's business.
 * @param {string} host
 * @param {number} timeoutMs
 * @returns {Promise<EngineState>}
 */
async function askThroughClient(host, timeoutMs) {
  try {
    const version = await run('docker', ['version', '--format', '{{.Server.Version}}'], {
      env: process.env.DOCKER_HOST ? { DOCKER_HOST: host } : {},
      timeoutMs,
    });
    return { state: 'answers', version: version.trim() };
  } catch (error) {
    const { killed } = /** @type {any} */ (error).cause;
    return { state: killed ? 'hangs' : 'absent' };
  }
}
