// @ts-check
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { ensureClient } from './engine-install.mjs';
import { ensureEngine } from './engine.mjs';
import { pull } from './pull.mjs';
import { run, timed } from './run.mjs';
import { runScript } from './setup-error.mjs';
import { buildStandIn, importBase, standInLabel } from './stand-ins.mjs';

/** @typedef {{ log: (line: string) => void, env: Record<string, string> }} Options */
/** @typedef {Options & { images?: readonly string[] }} ImagesOptions `images`: those that are needed; all by default */

const base = 'debian:forky-slim';

/** The images that the product and its examples use, and the folder of each one's stand-in; slowest first. */
const standInFolders = new Map([
  ['rstudio/plumber:latest', 'plumber'],
  ['postgres:18', 'postgres'],
  ['nginx:1.30', 'nginx'],
  ['haproxy:3.2', 'haproxy'],
  ['redis:8', 'redis'],
  ['node:24-slim', 'node'],
]);

/**
 * Pulls the images that are missing; where no registry answers, builds stand-ins for them from
 * Debian's packages, which carry the same names and behave alike.
 * @param {ImagesOptions} options
 */
export async function ensureImages({ log, env, images = [...standInFolders.keys()] }) {
  await ensureClient(log);
  const all = [base, ...images];
  const present = await imageNames([], env);
  const [first, ...rest] = all.filter((image) => !present.has(image));
  if (!first) return log(`images: present (${all.join(', ')})`);

  /** @param {string} image */
  const pulled = async (image) => {
    let done = false;
    const duration = await timed(async () => (done = await pull(image, env)));
    if (done) log(`image ${image}: pulled (${duration})`);
    return done;
  };
  /** @param {string} image */
  const standIn = async (image) => {
    const folder = standInFolders.get(image);
    const duration = await timed(() => (folder ? buildStandIn(image, folder, env) : importBase(image, env)));
    log(`image ${image}: built from Debian packages (${duration})`);
  };

  const registryAnswers = await pulled(first);
  if (!registryAnswers) {
    log('images: no registry answers; building stand-ins from Debian packages (about 60 s)');
    await standIn(first);
  }
  await twoAtATime(rest, async (image) => {
    if (!(registryAnswers && (await pulled(image)))) await standIn(image);
  });
}

/** @param {Options} options */
async function removeStandIns({ log, env }) {
  const names = await imageNames(['--filter', `label=${standInLabel}`], env);
  const ours = [base, ...standInFolders.keys()].filter((image) => names.has(image));
  if (ours.length > 0) await run('docker', ['image', 'rm', ...ours], { env, timeoutMs: 60_000 });
  log(`images: removed ${ours.join(', ') || 'none'}`);
}

/**
 * @param {readonly string[]} filters
 * @param {Record<string, string>} env
 */
async function imageNames(filters, env) {
  const args = ['image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', ...filters];
  return new Set((await run('docker', args, { env, timeoutMs: 30_000 })).split('\n'));
}

/**
 * @template T
 * @param {readonly T[]} items
 * @param {(item: T) => Promise<void>} work
 */
async function twoAtATime(items, work) {
  const remaining = items.values();
  const lane = async () => {
    for (const item of remaining) await work(item);
  };
  await Promise.all([lane(), lane()]);
}

// By itself: makes what is missing; with --remove, removes the stand-ins, so that the next time makes them anew.
if (argv[1] === fileURLToPath(import.meta.url)) {
  await runScript(async () => {
    const log = console.log;
    const { env } = await ensureEngine({ log });
    await (argv.includes('--remove') ? removeStandIns : ensureImages)({ log, env });
  });
}
