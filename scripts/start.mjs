// @ts-check
import { join } from 'node:path';
import { argv } from 'node:process';
import { root, setup } from './setup.mjs';
import { runInForeground } from './setup/run-in-foreground.mjs';
import { runScript } from './setup/setup-error.mjs';

/** What the stack runs, slowest to make first. */
const images = ['rstudio/plumber:latest', 'nginx:1.30', 'haproxy:3.2'];

await runScript(async () => {
  const { env } = await setup({ log: console.log, images });
  // What `npx ts-node main.ts` runs, without npx between, which would keep signals to itself.
  const tsNode = join(root, 'node_modules', '.bin', 'ts-node');
  const cwd = join(root, 'examples', 'whole-stack');
  process.exitCode = await runInForeground(tsNode, ['main.ts', ...argv.slice(2)], { cwd, env });
});
