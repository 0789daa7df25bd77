// @ts-check
import { join } from 'node:path';
import { argv } from 'node:process';
import { root, setup } from './setup.mjs';
import { runInForeground } from './setup/run-in-foreground.mjs';
import { runScript } from './setup/setup-error.mjs';

await runScript(async () => {
  const { env } = await setup({ log: console.log });
  // What `npx ts-node main.ts` runs, without npx between, which would keep signals to itself.
  const tsNode = join(root, 'node_modules', '.bin', 'ts-node');
  const cwd = join(root, 'examples', 'whole-stack');
  process.exitCode = await runInForeground(tsNode, ['main.ts', ...argv.slice(2)], { cwd, env });
});
