// @ts-check
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { aptInstall, aptUpdate, debianArchive } from './apt.mjs';
import { hasCommand, run } from './run.mjs';
import { SetupError } from './setup-error.mjs';

/** By this label people, and set-up itself, tell a stand-in from an official image. */
export const standInLabel = 'io.plumbstack.stand-in=true';

const timeoutMs = 10 * 60_000;

const baseOptions = [
  '--variant=minbase',
  // A mirror, or a clock, may be behind the few days for which a testing suite says it is valid.
  '--aptopt=Acquire::Check-Valid-Until "false"',
  '--aptopt=Acquire::Languages "none"',
  // As in the official slim images. The folders stay: packages put links into them.
  '--customize-hook=cd "$1/usr/share" && find doc info lintian locale man -type f ! -name copyright -delete',
];

/**
 * Makes an image of a bare Debian out of Debian's packages.
 * @param {string} image
 * @param {Record<string, string>} env
 */
export async function importBase(image, env) {
  if (!hasCommand('mmdebstrap')) await installMmdebstrap();
  const folder = mkdtempSync(join(tmpdir(), 'plumbstack-base-'));
  try {
    const archive = join(folder, 'base.tar');
    const mirror = await debianArchive();
    // Other kinds of address, such as a mirror list, mean nothing inside the image.
    const reusable = mirror?.startsWith('http') ? [mirror] : [];
    await run('mmdebstrap', [...baseOptions, 'forky', archive, ...reusable], { timeoutMs });
    const changes = ['--change', 'CMD ["bash"]', '--change', `LABEL ${standInLabel}`];
    await run('docker', ['import', ...changes, archive, image], { env, timeoutMs });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function installMmdebstrap() {
  if (process.getuid?.() !== 0 || !hasCommand('apt-get')) {
    throw new SetupError(
      'No image registry answers. Their stand-ins can be built on Debian and Ubuntu, as root:\n' +
        'repeat the command as root there, or bring the images here with docker save and docker load.',
    );
  }
  await aptUpdate().catch(() => {}); // the install says what is missing
  await aptInstall(['mmdebstrap', 'debian-archive-keyring']);
}

/**
 * @param {string} image
 * @param {string} folder in `images/`
 * @param {Record<string, string>} env
 */
export async function buildStandIn(image, folder, env) {
  const context = fileURLToPath(new URL(`images/${folder}`, import.meta.url));
  await run('docker', ['build', '--tag', image, '--label', standInLabel, context], { env, timeoutMs });
}
