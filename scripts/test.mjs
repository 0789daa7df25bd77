// @ts-check
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { root, setup } from './setup.mjs';
import { ensureBrowser } from './setup/browser.mjs';
import { ensureCertificateAuthority } from './setup/certificate-authority.mjs';
import { ensurePodman } from './setup/podman.mjs';
import { runInForeground } from './setup/run-in-foreground.mjs';
import { runScript } from './setup/setup-error.mjs';

const reporter = fileURLToPath(new URL('mocha-reporter.cjs', import.meta.url));
const noCounts = { passes: 0, failures: 0, pending: 0, complete: false };

/** One for each processor. Most files wait for containers most of the time, but with more, those wait for a processor that tests ask. */
const jobs = Math.min(Math.max(2, availableParallelism()), 4);

/** What takes longest begins first, so that nothing is left to run alone. */
function allFiles() {
  const longest = ['faults', 'conformance', 'transparency', 'docker/pool', 'docker/runtime', 'examples'];
  const groups = [...longest.map((each) => join('test', each)), 'test'];
  /** @param {string} file */
  const group = (file) => groups.findIndex((each) => file.startsWith(each));
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((each) => each.endsWith('.spec.ts') && !each.includes('node_modules'))
    .map((each) => join('test', each))
    .sort((a, b) => group(a) - group(b) || (a < b ? -1 : 1));
}

await runScript(async () => {
  const engine = await setup({ log: console.log });
  // After set-up: each may install packages, and only one can at a time.
  const browser = await ensureBrowser({ log: console.log });
  await ensureCertificateAuthority({ log: console.log });
  await ensurePodman({ log: console.log });
  const env = { ...engine.env, ...browser.env };
  const folder = mkdtempSync(join(tmpdir(), 'plumbstack-test-'));
  const countsFile = join(folder, 'counts.json');
  const given = argv.slice(2);
  // Files in mocha's own configuration would be added to the ones that are asked for.
  const files = given.some((each) => each.endsWith('.ts'))
    ? []
    : ['--parallel', '--jobs', String(jobs), ...allFiles()];
  const args = ['--reporter', reporter, '--reporter-option', `counts=${countsFile}`, ...given, ...files];
  const exitCode = await runInForeground('node_modules/.bin/mocha', args, { cwd: root, env });
  const counts = existsSync(countsFile) ? JSON.parse(readFileSync(countsFile, 'utf8')) : noCounts;
  rmSync(folder, { recursive: true });

  // A run that broke off has failed, whatever it had counted and whatever code it ended with.
  const failed = counts.failures || (exitCode !== 0 || !counts.complete ? 1 : 0);
  const noTestRan = counts.passes + failed === 0;
  if (noTestRan) console.error('No test ran.');
  process.exitCode = exitCode || (failed > 0 || noTestRan ? 1 : 0);
  console.log(`${counts.passes} passed, ${failed} failed, ${counts.pending} skipped`);
});
