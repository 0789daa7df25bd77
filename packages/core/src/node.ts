import type { AppOptions } from './app.js';
import { flag } from './check.js';
import {
  baseOf,
  codeFolder,
  entryOf,
  imageOf,
  listed,
  liveMount,
  refuseBuild,
  refuseOwn,
  type RecipeOptions,
} from './recipe.js';

export interface NodeOptions extends RecipeOptions {
  /**
   * Installs what the folder's `package-lock.json` says, by `npm ci --omit=dev`, in a layer that is kept while it and
   * `package.json` stay the same. Name `node_modules` in the folder's `.dockerignore` then: what is there of this machine would
   * be copied over it. @default false
   */
  readonly install?: boolean;
  /**
   * Mounts the folder instead of copying it, with its own `node_modules`, for the time in which it is written: a change is another
   * container that reads what was saved, and a part of no version. The engine is on the program's machine. What a
   * `.dockerignore` in the folder names, as `node_modules`, is not looked at. @default false
   */
  readonly live?: boolean;
}

/** Docker Hub's official image, of the release with long-term support: https://hub.docker.com/_/node */
const defaultImage = 'node:24-slim';
/** The official image, wherever it is mirrored: it has a user `node`, and others may have none. */
const official = /(?:^|\/)node(?:[:@]|$)/;
const names = /.\.[cm]?[jt]s$/;

/**
 * Turns one file of a server on Node into an app's options, as `plumber()` does for R: an image that has the file's folder at
 * `/app`, port 8000 in `PORT`, which the server is to listen on, and `NODE_ENV=production`. It runs as the user `node` where the
 * base is the official image. A file that does not parse fails the build (`IMAGE_BUILD_FAILED`), before anything is updated.
 *
 * @param file path of the entry, as `./api/server.js`; a relative one starts from the stack's `baseDir`
 * @example stack.app('api', node('./api/server.js', { install: true }))
 */
export function node(file: string, given: NodeOptions = {}): AppOptions {
  const entry = entryOf('node', file, names, 'a file that Node runs, as server.js');
  refuseOwn('node', given);
  refuseBuild('node', given);
  const { install = false, live = false, image, mounts = [], ...rest } = given;
  const isLive = flag(live, 'node: live');
  const isInstalled = flag(install, 'node: install') && !isLive;
  const base = baseOf('node', image, defaultImage);
  const path = `${codeFolder}/${entry.file}`;
  const port = rest.port ?? 8000;
  const packages = [
    'USER root',
    `COPY ${listed('package.json', 'package-lock.json', `${codeFolder}/`)}`,
    `RUN ${listed('npm', 'ci', '--omit=dev', '--no-audit', '--no-fund')}`,
  ];
  // `--check` reads JavaScript alone.
  const check = entry.file.endsWith('ts') ? undefined : ['node', '--check', path];
  return {
    ...rest,
    ...(isLive ? { image: base } : { build: imageOf(base, entry, isInstalled ? packages : [], check) }),
    ...(official.test(base) && { user: rest.user ?? 'node' }),
    port,
    mounts: [...mounts, ...(isLive ? [liveMount(entry, check)] : [])],
    workingDir: rest.workingDir ?? codeFolder,
    env: { NODE_ENV: 'production', PORT: String(port), ...rest.env },
    entrypoint: ['node'],
    command: [path],
  };
}
