import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Readable } from 'node:stream';
import { isPlumbstackError, PlumbstackError } from '@plumbstack/core';
import { pack } from 'tar-fs';
import type { ImageBuild } from './docker-client.js';
import { Dockerignore, type Verdict } from './dockerignore.js';

/** What is sent to the engine for one build. */
export interface BuildContext {
  /** Path of the Dockerfile in the archive. */
  readonly dockerfile: string;
  /** The archive, packed while it is read: never whole in memory. */
  pack(): Readable;
  /**
   * A digest, as `sha256:…`, of everything that decides the image: paths, modes, link targets and contents of what would
   * be sent, and the build's own options. Not of times and owners, which are not kept or not sent.
   */
  digest(): Promise<string>;
}

/** What decides the image's content; the rest of a build is what the image is called. */
export type BuildSource = Omit<ImageBuild, 'labels' | 'tag'>;

/** SHA-256 of what `build` would send, so that what has not changed need not be built again. Fails as a build would. */
export async function contextDigest(build: BuildSource): Promise<string> {
  return (await openBuildContext(build)).digest();
}

/**
 * Reads which files a build consists of. Its ignore file is `<Dockerfile>.dockerignore`, else `.dockerignore`; the
 * Dockerfile and `.dockerignore` are sent even where it names them. Symbolic links stay links; sockets, pipes and devices
 * are left out; all belongs to root, as with the `docker` program.
 *
 * @throws `NOT_FOUND` for a missing folder or Dockerfile, `INVALID_OPTION` for a Dockerfile outside the context
 */
export async function openBuildContext(build: BuildSource): Promise<BuildContext> {
  const { context, inline } = build;
  if (context === undefined && inline === undefined)
    throw missing('the build has neither a context folder nor a Dockerfile', '');
  const files = context === undefined ? [] : await readContext(context, build);
  const added = inline === undefined ? [] : await addedFiles(context, inline, files);
  const kept = files.filter(({ path }) => added.every((each) => each.path !== path));
  const dockerfile = added[0]?.path ?? posix.normalize(build.dockerfile);
  return {
    dockerfile,
    pack: () => packContext(context ?? '/', kept, added),
    digest: () =>
      digestOf(build, context ?? '/', kept, added, dockerfile).catch((error) => rethrow(error, context)),
  };
}

interface ContextFile {
  /** From the context's root, with `/`. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink';
  readonly mode: number;
  readonly target?: string;
}

interface AddedFile {
  readonly path: string;
  readonly content: string;
}

async function readContext(context: string, build: BuildSource): Promise<ContextFile[]> {
  try {
    const folder = await stat(context).catch(() => undefined);
    if (folder === undefined) throw missing('the build context does not exist', context);
    if (!folder.isDirectory()) throw missing('the build context is not a folder', context);
    const always = ['.dockerignore'];
    if (build.inline === undefined) always.push(await dockerfileIn(context, build.dockerfile));
    const ignore = await ignoreFile(context, build.dockerfile);
    const files: ContextFile[] = [];
    await walk(context, '', ignore.root(), new Set(always), files);
    return files.sort((a, b) => (a.path < b.path ? -1 : 1));
  } catch (error) {
    return rethrow(error, context);
  }
}

async function dockerfileIn(context: string, dockerfile: string): Promise<string> {
  const path = posix.normalize(dockerfile);
  if (path.startsWith('/') || path.split('/')[0] === '..') {
    throw new PlumbstackError(
      'INVALID_OPTION',
      `the Dockerfile ${dockerfile} is not inside the build context.`,
      {
        details: { path: dockerfile, context },
        hint: 'Give its path from the context folder, or its text as `inline`.',
      },
    );
  }
  const found = await stat(join(context, path)).catch(() => undefined);
  if (found?.isFile() !== true) throw missing('the Dockerfile does not exist', join(context, path));
  return path;
}

async function ignoreFile(context: string, dockerfile: string): Promise<Dockerignore> {
  for (const name of [`${posix.normalize(dockerfile)}.dockerignore`, '.dockerignore']) {
    const path = join(context, name);
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    if (text !== undefined) return new Dockerignore(text, path);
  }
  return new Dockerignore('', '');
}

/** Goes down one folder. A folder that is ignored itself is entered only where a `!` pattern wants something in it. */
async function walk(
  context: string,
  folder: string,
  verdict: Verdict,
  always: ReadonlySet<string>,
  found: ContextFile[],
): Promise<void> {
  for (const name of await readdir(join(context, folder))) {
    const path = folder === '' ? name : `${folder}/${name}`;
    const own = verdict.inside(path);
    const wanted = !own.ignored || always.has(path);
    const above = [...always].some((each) => each.startsWith(`${path}/`));
    if (!wanted && !above && !own.mayHoldWanted(path)) continue;
    const info = await lstat(join(context, path));
    const mode = info.mode & 0o7777;
    if (info.isDirectory()) {
      if (wanted) found.push({ path, type: 'directory', mode });
      await walk(context, path, own, always, found);
    } else if (wanted && info.isSymbolicLink()) {
      found.push({ path, type: 'symlink', mode, target: await readlink(join(context, path)) });
    } else if (wanted && info.isFile()) found.push({ path, type: 'file', mode });
  }
}

/**
 * The inline Dockerfile under a name that nothing in the context has, and an ignore file that names it: the engine takes a
 * Dockerfile that is ignored out of the context once it has read it, so no `COPY . .` copies it into the image.
 */
async function addedFiles(
  context: string | undefined,
  inline: string,
  files: readonly ContextFile[],
): Promise<AddedFile[]> {
  const taken = new Set(files.map(({ path }) => path));
  const id = createHash('sha256').update(inline).digest('hex').slice(0, 16);
  let name = `.plumbstack-${id}.Dockerfile`;
  while (taken.has(name)) name = `.plumbstack${name}`;
  const ignore =
    context === undefined
      ? undefined
      : await readFile(join(context, '.dockerignore'), 'utf8').catch(() => undefined);
  // Without an ignore file of its own the context gets one that ignores itself, too.
  const text = ignore === undefined ? `.dockerignore\n${name}\n` : `${ignore}\n${name}\n`;
  return [
    { path: name, content: inline },
    ...(context === undefined ? [] : [{ path: '.dockerignore', content: text }]),
  ];
}

function packContext(context: string, files: readonly ContextFile[], added: readonly AddedFile[]): Readable {
  const archive = pack(context, {
    entries: files.map(({ path }) => path),
    ignore: () => true, // What is in a folder is in the list itself.
    // tar-fs takes the process's own umask off every mode unless told not to; its types do not know the option.
    ...{ umask: 0 },
    map: (header) => ({ ...header, mode: header.mode & 0o7777, uid: 0, gid: 0 }),
    finalize: false,
    finish: (tar) => {
      for (const { path, content } of added) {
        tar.entry({ name: path, mode: 0o644, mtime: new Date(0), type: 'file' }, content);
      }
      tar.finalize();
    },
  });
  return Readable.from(archive as AsyncIterable<Buffer>, { objectMode: false });
}

async function digestOf(
  build: BuildSource,
  context: string,
  files: readonly ContextFile[],
  added: readonly AddedFile[],
  dockerfile: string,
): Promise<string> {
  const { inline, args, target, platform } = build;
  const hash = createHash('sha256');
  const options = {
    dockerfile,
    inline,
    target,
    platform,
    args: Object.entries(args).sort(([a], [b]) => (a < b ? -1 : 1)),
  };
  hash.update(JSON.stringify(options));
  for (const { path, content } of added) hash.update(JSON.stringify([path, content]));
  for (const { path, type, mode, target: link } of files) {
    hash.update(JSON.stringify([path, type, mode, link]));
    if (type === 'file') hash.update(await fileDigest(join(context, path)));
  }
  return `sha256:${hash.digest('hex')}`;
}

async function fileDigest(path: string): Promise<Buffer> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest();
}

function missing(what: string, path: string): PlumbstackError {
  return new PlumbstackError('NOT_FOUND', `${what}${path === '' ? '.' : `: ${path}`}`, {
    details: { path },
    hint: 'A relative path starts from the folder of the program, or from the `baseDir` of its stack.',
  });
}

/** What reading the folder threw, as ours. */
export function rethrow(error: unknown, context: string | undefined): never {
  if (isPlumbstackError(error)) throw error;
  const { code, path = context, message } = error as NodeJS.ErrnoException;
  throw new PlumbstackError('IMAGE_BUILD_FAILED', `the build context cannot be read: ${message}`, {
    details: { path, code, lastLines: [] },
    hint: 'Make it readable, or name it in .dockerignore if the build does not need it.',
    cause: error,
  });
}
