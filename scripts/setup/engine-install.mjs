// @ts-check
import { rmSync, writeFileSync } from 'node:fs';
import { aptInstall, aptUpdate, debianArchive } from './apt.mjs';
import { timed } from './run.mjs';
import { SetupError } from './setup-error.mjs';

const suite = 'forky';
const sourceFile = `/etc/apt/sources.list.d/plumbstack-${suite}.sources`;
const pinFile = `/etc/apt/preferences.d/plumbstack-${suite}`;
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/**
 * Installs Debian's docker.io: a recent one from a later suite, otherwise this system's own.
 * @param {(line: string) => void} log
 */
export async function installDockerd(log) {
  // A source of somebody else's that is broken does not matter: what is missing shows in the install.
  await aptUpdate().catch(() => log('engine: apt-get update reported errors, going on'));
  try {
    await installClient(log, ['docker.io', 'iptables']);
  } catch (later) {
    log("engine: that failed; installing this system's own docker.io (about 60 s)");
    removeSuite();
    await aptInstall(['docker.io'], { recommends: true }).catch((own) => {
      throw new SetupError(
        `No Docker engine could be installed. Install one: https://docs.docker.com/engine/install/\n` +
          `Tried: ${/** @type {Error} */ (later).message}\n\nand: ${own.message}`,
      );
    });
  }
}
