// @ts-check
import { readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { run, timed } from './run.mjs';

/** @param {string} path */
const modifiedMs = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? -Infinity;

/**
 * Installs the npm dependencies when they are missing or older than the lockfile.
 * @param {{ root: string, log: (line: string) => void }} options
 */
export async function ensureDependencies({ root, log }) {
  // pnpm writes this file last, so that an install that was cut short does not count.
  const marker = join(root, 'node_modules', '.modules.yaml');
  if (modifiedMs(marker) >= modifiedMs(join(root, 'pnpm-lock.yaml'))) {
    log('dependencies: present');
    return;
  }
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  log(`dependencies: installing with ${packageManager}`);
  const duration = await timed(() =>
    // npx brings the pinned version: pnpm need not look for it, nor in the lockfile for what it would find.
    run('npx', ['--yes', packageManager, 'install', '--frozen-lockfile', '--pm-on-fail=ignore'], {
      cwd: root,
      env: { CI: 'true' }, // pnpm asks nothing
      timeoutMs: 10 * 60_000,
    }),
  );
  const now = new Date();
  utimesSync(marker, now, now); // pnpm leaves it as it was when there was nothing to do
  log(`dependencies: installed (${duration})`);
}
