// @ts-check
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { baseEnv } from './run.mjs';

const firstWordTimeoutMs = 5_000;
const wholePullTimeoutMs = 15 * 60_000;

/**
 * Pulls an image. A registry that sends nothing soon is taken to be out of reach; a pull that is
 * under way gets its time.
 * @param {string} image
 * @param {Record<string, string>} env
 * @returns {Promise<boolean>} whether the image is now here
 */
export async function pull(image, env) {
  const client = spawn('docker', ['pull', image], {
    env: { ...baseEnv, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: wholePullTimeoutMs,
  });
  const noFirstWord = setTimeout(() => client.kill(), firstWordTimeoutMs);
  client.stdout.on('data', () => clearTimeout(noFirstWord));
  const [exitCode] = await once(client, 'close');
  clearTimeout(noFirstWord);
  return exitCode === 0;
}
