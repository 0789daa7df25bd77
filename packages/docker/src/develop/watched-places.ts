import { realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { PlumbstackError, type StackSpec } from '@plumbstack/core';
import { contextFolders, type BuildSource } from '../client/build-context.js';
import { buildSource } from '../observe/read-inputs.js';
import { sourcesOf } from '../observe/read-sources.js';

/** Folders that are watched, and in each the names that count: all of them, or these. */
export type WatchedPlaces = ReadonlyMap<string, 'all' | ReadonlySet<string>>;

/** Paths of the program's machine that decide what a stack is made of. */
export interface WatchedPaths {
  /** Folders with all that is directly in them. */
  readonly folders: readonly string[];
  /** Files, and folders of which only the name counts: they may be made anew, or be links that are switched. */
  readonly names: readonly string[];
}

/**
 * Everything that `up` reads from files: build contexts and mounts with `restartOn` by the rules of their ignore files, and files that
 * are named by path.
 */
export async function watchedPaths(
  spec: StackSpec,
  absolute: (path: string) => string,
): Promise<WatchedPaths> {
  const builds: readonly BuildSource[] = spec.resources.flatMap((each) =>
    'image' in each && each.image.type === 'build' ? [buildSource(each.image, absolute)] : [],
  );
  const mounted = spec.resources.flatMap((each) =>
    each.kind === 'app' || each.kind === 'service'
      ? each.mounts.flatMap((mount) =>
          mount.type === 'bind' && mount.restartOn !== undefined ? [absolute(mount.source)] : [],
        )
      : [],
  );
  // What is mounted has the rules of a context.
  const all = [...builds, ...mounted.map((context) => ({ dockerfile: '', args: {}, inline: '', context }))];
  const folders = (await Promise.all(all.map(contextFolders))).flat();
  const roots = all.flatMap(({ context, contexts = {} }: BuildSource) => [
    ...(context === undefined ? [] : [context]),
    ...Object.values(contexts),
  ]);
  const files = [
    ...sourcesOf(spec).map(({ source }) => source),
    ...spec.resources.flatMap((each) =>
      each.kind === 'secret' && each.source.type === 'file' ? [each.source.path] : [],
    ),
    ...spec.resources.flatMap((each) =>
      each.kind === 'router' && each.root !== undefined ? [each.root] : [],
    ),
  ];
  return { folders, names: [...roots, ...files.map(absolute)] };
}

export function refuseNothing(stack: string, { folders, names }: WatchedPaths): void {
  if (folders.length + names.length > 0) return;
  throw new PlumbstackError('INVALID_OPTION', 'there is nothing to watch: it is made of no files.', {
    resource: stack,
    hint: 'What is built from a folder is watched, and files, secrets and pages that are named by path. Use up for the rest.',
  });
}

/** Where changes of these paths show. What does not exist shows in the nearest folder above it that does. */
export async function placesOf({ folders, names }: WatchedPaths): Promise<WatchedPlaces> {
  const places = new Map<string, 'all' | Set<string>>();
  const addName = (path: string): void => {
    const known = places.get(dirname(path)) ?? new Set();
    if (known !== 'all') places.set(dirname(path), known.add(basename(path)));
  };
  for (const path of names) {
    addName(await nearest(path));
    // What a link leads to is edited where it lies.
    const target = await realpath(path).catch(() => path);
    if (target !== path) addName(target);
  }
  for (const folder of folders) if (await exists(folder)) places.set(folder, 'all');
  return places;
}

/** The path itself, or that of its parents whose own folder is there. */
async function nearest(path: string): Promise<string> {
  const folder = dirname(path);
  return folder === path || (await exists(folder)) ? path : nearest(folder);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
