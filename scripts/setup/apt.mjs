// @ts-check
import { setTimeout as delay } from 'node:timers/promises';
import { run } from './run.mjs';

const env = { DEBIAN_FRONTEND: 'noninteractive' };
const timeoutMs = 10 * 60_000;
const lockTimeoutMs = 2 * 60_000;

/**
 * apt-get can wait for the lock of the packages, and not for that of the lists, which a machine's
 * daily update holds just after it has booted.
 * @param {readonly string[]} options
 */
export async function aptUpdate(options = []) {
  const deadline = AbortSignal.timeout(lockTimeoutMs);
  for (;;) {
    try {
      return await run('apt-get', ['update', '--quiet', ...options], { env, timeoutMs });
    } catch (error) {
      const isLocked = /** @type {Error} */ (error).message.includes('/var/lib/apt/lists/lock');
      if (!isLocked || deadline.aborted) throw error;
      await delay(1_000);
    }
  }
}

/**
 * @param {readonly string[]} packages
 * @param {{ recommends?: boolean }} [options]
 */
export const aptInstall = (packages, { recommends = false } = {}) =>
  run(
    'apt-get',
    [
      'install',
      '--yes',
      '--quiet',
      '-o',
      `DPkg::Lock::Timeout=${lockTimeoutMs / 1000}`,
      ...(recommends ? [] : ['--no-install-recommends']),
      ...packages,
    ],
    { env, timeoutMs },
  );

/**
 * The address from which this machine gets Debian's own packages, or undefined on other systems.
 * @returns {Promise<string | undefined>}
 */
export async function debianArchive() {
  const targets = await run(
    'apt-get',
    ['indextargets', '--format', '$(RELEASE) $(REPO_URI)', 'Created-By: Packages', 'Origin: Debian'],
    { timeoutMs },
  );
  const archives = targets.split('\n').map((line) => line.split(' '));
  return archives.find(([release]) => release && !release.includes('-'))?.[1];
}
