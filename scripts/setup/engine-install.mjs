// @ts-check
import { rmSync, writeFileSync } from 'node:fs';
import { aptInstall, aptUpdate, debianArchive } from './apt.mjs';
import { hasCommand, lastLines, timed } from './run.mjs';
import { SetupError } from './setup-error.mjs';

const suite = 'forky';
const sourceFile = `/etc/apt/sources.list.d/plumbstack-${suite}.sources`;
const pinFile = `/etc/apt/preferences.d/plumbstack-${suite}`;

/**
 * Installs Debian's docker.io: a recent one from a later suite, otherwise this system's own.
 * @param {(line: string) => void} log
 */
export async function installDockerd(log) {
  log(`engine: none answers; installing docker.io from Debian ${suite} (about 30 s)`);
  try {
    log(`engine: installed (${await timed(() => installFromSuite([`docker.io/${suite}`, 'iptables']))})`);
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    log(`engine: that failed (${lastLines(message, 1)})`);
    log("engine: installing this system's own docker.io (about 60 s)");
    rmSync(sourceFile, { force: true });
    rmSync(pinFile, { force: true });
    await aptInstall(['docker.io'], { recommends: true }).catch((own) => {
      throw new SetupError(
        'No Docker engine could be installed. Install one: https://docs.docker.com/engine/install/\n' +
          `${message}\n${own.message}`,
      );
    });
  }
}

/**
 * An engine may well be here without the client: its socket is mounted into many a container.
 * @param {(line: string) => void} log
 */
export async function ensureClient(log) {
  if (hasCommand('docker')) return;
  log(`docker client: missing; installing docker-cli from Debian ${suite}`);
  await installFromSuite([]).catch((error) => {
    throw new SetupError(
      `Install the docker command (package docker-cli), then repeat this.\n${error.message}`,
    );
  });
}

/**
 * Installs the docker client and what else is asked for, from the later suite.
 * @param {readonly string[]} packages
 */
async function installFromSuite(packages) {
  // A broken source of somebody else's does not matter: what is missing shows in the install.
  await aptUpdate().catch(() => {});
  await addSuite();
  await aptInstall([...packages, `docker-cli/${suite}`, `docker-buildx/${suite}`]);
}

/** Adds the suite beside the machine's own, so that nothing that is installed is upgraded from it. */
async function addSuite() {
  const archive = await debianArchive();
  if (!archive) throw new SetupError('This system does not get its packages from Debian.');
  // Testing suites are also signed with the keys of older releases: the machine's keyring will do.
  // Their Release file expires within days, which a mirror, or a clock, may well be behind.
  writeFileSync(
    sourceFile,
    `Types: deb
URIs: ${archive}
Suites: ${suite}
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
Check-Valid-Until: no
`,
  );
  // 100: newer versions of what came from it, and of nothing else.
  writeFileSync(pinFile, `Package: *\nPin: release n=${suite}\nPin-Priority: 100\n`);
  const onlyThisSource = ['-o', `Dir::Etc::SourceList=${sourceFile}`, '-o', 'Dir::Etc::SourceParts=-'];
  await aptUpdate([...onlyThisSource, '-o', 'APT::Get::List-Cleanup=0']);
}
