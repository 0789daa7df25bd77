import type { AppOptions } from './app.js';
import { isRecord, line, refuse } from './check.js';
import { image as checkImage, type BuildOptions } from './image.js';
import type { Mount } from './mount.js';

/** What the recipes for one file take: everything of an app but what they set. */
export type RecipeOptions = Omit<AppOptions, 'build' | 'command' | 'entrypoint'>;

/** Where the entry's folder is in the container. */
export const codeFolder = '/app';

export interface Entry {
  /** The folder on the machine that runs the program. */
  readonly folder: string;
  /** The file's name in it. */
  readonly file: string;
}

/** Splits the path of an entry into its folder and its name. @param names what the name must look like */
export function entryOf(recipe: string, given: string, names: RegExp, wanted: string): Entry {
  const path = line(given, `${recipe}: the file`);
  const slash = path.lastIndexOf('/');
  // The container sees the file's folder, and the root folder holds everything else too.
  if (slash === 0) refuse(`${recipe}: the file`, 'in a folder of its own, not in "/"', given);
  const file = path.slice(slash + 1);
  if (!names.test(file)) refuse(`${recipe}: the file`, wanted, given);
  return { folder: slash > 0 ? path.slice(0, slash) : '.', file };
}

/** What a program without types may have written: an option that the recipe sets, or knows nothing of. */
export function refuseOwn(recipe: string, given: unknown): void {
  if (!isRecord(given)) refuse(`${recipe}: the options`, 'an object of options', given);
  for (const ours of ['command', 'entrypoint'])
    if (ours in given) refuse(`${recipe}: ${ours}`, `left out, as ${recipe}(...) sets it`, given[ours]);
}

/** Of recipes that build all of the image. */
export function refuseBuild(recipe: string, given: object): void {
  if (!('build' in given)) return;
  refuse(
    `${recipe}: build`,
    `left out, as ${recipe}(...) builds the image`,
    given.build,
    'With a Dockerfile of its own, an app needs no recipe: stack.app(name, { build, port }).',
  );
}

/** Name of the image that is built upon. It is the base of another one, so when it is pulled is the builder's affair. */
export function baseOf(recipe: string, given: AppOptions['image'], byDefault: string): string {
  const { reference, policy } = checkImage(given ?? byDefault, `${recipe}: image`);
  if (policy !== 'missing')
    refuse(`${recipe}: image.pull`, '"missing", as the image is the base of another one', policy);
  return reference;
}

/** An instruction's arguments in the form that no shell reads. */
export const listed = (...words: readonly string[]): string => JSON.stringify(words);

/**
 * An image of a folder. What is installed comes before the code: a builder keeps the layers above the first file that
 * changed, so an edit installs nothing anew.
 */
export function imageOf(
  base: string,
  { folder }: Entry,
  install: readonly string[],
  check: readonly string[] | undefined,
): BuildOptions {
  return {
    context: folder,
    inline: [`FROM ${base}`, `WORKDIR ${codeFolder}`, ...install, ''].join('\n'),
    steps: [
      `COPY ${listed('.', `${codeFolder}/`)}`,
      ...(check === undefined ? [] : [`RUN ${listed(...check)}`]),
      '',
    ].join('\n'),
  };
}

/** The same folder as it is. @param check what is to pass before a container is stopped for one with another content */
export function liveMount({ folder }: Entry, check: readonly string[] | undefined): Mount {
  return {
    ...{ bind: folder, target: codeFolder, readOnly: true, restartOn: 'change' },
    ...(check !== undefined && { check }),
  };
}
