// @ts-check
import { run } from './run.mjs';

const env = { DEBIAN_FRONTEND: 'noninteractive' };
const timeoutMs = 10 * 60_000;
const waitForLock = ['-o', 'DPkg::Lock::Timeout=120'];

/** @param {readonly string[]} options */
export const aptUpdate = (options = []) =>
  run('apt-get', ['update', '--quiet', ...waitForLock, ...options], { env, timeoutMs });

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
      ...waitForLock,
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
