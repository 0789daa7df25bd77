// @ts-check
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { ensureDependencies } from './setup/dependencies.mjs';
import { ensureEngine } from './setup/engine.mjs';
import { ensureImages } from './setup/images.mjs';
import { run, timed } from './setup/run.mjs';
import { runScript } from './setup/setup-error.mjs';

export const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Makes ready what a program of this repository needs: dependencies and build, engine and images.
 * What is there already is left alone.
 * @param {{ log: (line: string) => void, images?: readonly string[] }} options `images`: all by default
 * @returns {Promise<{ env: Record<string, string> }>} what leads a program to the engine
 */
export async function setup({ log, images }) {
  const engine = prepareEngine(log, images);
  const packages = preparePackages(log);
  // What fails in one is thrown after the other has ended, and so is the last thing shown.
  await Promise.allSettled([engine, packages]);
  await packages;
  return engine;
}

/**
 * @param {(line: string) => void} log
 * @param {readonly string[] | undefined} images
 */
async function prepareEngine(log, images) {
  const { env } = await ensureEngine({ log });
  await ensureImages({ log, env, ...(images && { images }) });
  return { env };
}

/** @param {(line: string) => void} log */
async function preparePackages(log) {
  await ensureDependencies({ root, log });
  const duration = await timed(() =>
    run('node_modules/.bin/tsc', ['-b'], { cwd: root, timeoutMs: 5 * 60_000 }),
  );
  log(`build: done (${duration})`);
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  await runScript(async () => {
    await setup({ log: console.log });
  });
}
