import { createHash, type Hash } from 'node:crypto';
import { readFile, realpath, stat } from 'node:fs/promises';
import { join, posix, relative, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { isPlumbstackError, PlumbstackError } from '@plumbstack/core';
import { becameShorter, packContext, type AddedFile } from './context-archive.js';
import { listContext, type ContextFile } from './context-files.js';
import type { ImageBuild } from './docker-client.js';
import { Dockerignore } from './dockerignore.js';
import { FileDigests } from './file-digests.js';

/** What is sent to the engine for one build. */
export interface BuildContext {
  /** Path of the Dockerfile in the archive. */
  readonly dockerfile: string;
  /** The archive, packed while it is read: never whole in memory. */
  pack(): Readable;
  /**
   * A digest, as `sha256:…`, of everything that decides the image: paths, modes, link targets and contents of what would
   * be sent, and the build's own options. Not of times and owners, which are not kept or not sent.
   *
   * @param known digests of files that an earlier call has read
   */
  digest(known?: FileDigests): Promise<string>;
}

/** What decides the image's content: all of a build but what the image is called, and without the values of secrets. */
export type BuildSource = Omit<ImageBuild, 'labels' | 'tag' | 'secrets'> & {
  readonly labels?: ImageBuild['labels'];
  readonly secrets?: readonly { readonly id: string }[];
};

/** SHA-256 of what `build` would send, so that what has not changed need not be built again. Fails as a build would. */
export async function contextDigest(build: BuildSource, known?: FileDigests): Promise<string> {
  return whileItChanges(async () => (await openBuildContext(build)).digest(known));
}

/** How often a folder that files vanish from while it is read is read anew. */
const mostReadings = 10;
/** What a file fails with that was there when the folder was listed: it is gone, or something else, or shorter. */
const changeCodes: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', becameShorter];

/** Reads a build context, and anew where something changed it meanwhile: what comes of it is of some moment. */
export async function whileItChanges<T>(read: () => Promise<T>): Promise<T> {
  for (let reading = 1; ; reading++) {
    try {
      return await read();
    } catch (error) {
      const isChange =
        isPlumbstackError(error, 'IMAGE_BUILD_FAILED') && changeCodes.includes(error.details['code']);
      if (!isChange || reading === mostReadings) throw error;
    }
  }
}

/**
 * Reads which files a build consists of. Its ignore file is `<Dockerfile>.dockerignore`, else `.dockerignore`; the
 * Dockerfile and `.dockerignore` are sent even where it names them. Symbolic links stay links, wherever they lead; sockets
 * and devices are left out; all belongs to root, as with the `docker` program.
 *
 * @throws `NOT_FOUND` for a missing folder or Dockerfile, `INVALID_OPTION` for a Dockerfile outside the context
 */
export async function openBuildContext(build: BuildSource): Promise<BuildContext> {
  const { context, inline } = build;
  if (context === undefined && inline === undefined)
    throw missing('the build has neither a context folder nor a Dockerfile', '');
  const { files, added, dockerfile } =
    context === undefined ? alone(inline ?? '') : await readContext(context, build);
  const root = context ?? '/';
  return {
    dockerfile,
    pack: () => packContext(root, files, added),
    digest: (known = new FileDigests()) =>
      digestOf(build, { root, files, added, dockerfile }, known).catch((error) => rethrow(error, context)),
  };
}

/** The text of a build's Dockerfile. Fails as {@link openBuildContext} does. */
export async function readDockerfile({ context, dockerfile, inline }: BuildSource): Promise<string> {
  if (inline !== undefined) return inline;
  if (context === undefined) throw missing('the build has neither a context folder nor a Dockerfile', '');
  try {
    return await readFile(join(context, await dockerfileIn(context, dockerfile)), 'utf8');
  } catch (error) {
    return rethrow(error, context);
  }
}

interface Selection {
  readonly files: readonly ContextFile[];
  readonly added: readonly AddedFile[];
  readonly dockerfile: string;
}

function alone(inline: string): Selection {
  const dockerfile = ownName(inline, new Set());
  return { files: [], added: [{ path: dockerfile, content: inline }], dockerfile };
}

async function readContext(context: string, build: BuildSource): Promise<Selection> {
  try {
    await refuseNoFolder(context);
    const { inline } = build;
    const file = inline === undefined ? await dockerfileIn(context, build.dockerfile) : undefined;
    const common = await readIfThere(join(context, '.dockerignore'));
    const ownIgnore = `${posix.normalize(build.dockerfile)}.dockerignore`;
    const own = file === undefined ? undefined : await readIfThere(join(context, ownIgnore));
    const [ignored = '', from] = own === undefined ? [common, '.dockerignore'] : [own, ownIgnore];
    const root = new Dockerignore(ignored, join(context, from)).root();
    if (file !== undefined && own === undefined) {
      const files = await listContext(context, root, new Set(['.dockerignore', file]));
      return { files, added: [], dockerfile: file };
    }
    const files = await listContext(context, root, new Set());
    const text = inline ?? (await readFile(join(context, file ?? ''), 'utf8'));
    return withDockerfile(files, text, ignoreText(files, common, own));
  } catch (error) {
    return rethrow(error, context);
  }
}

async function refuseNoFolder(context: string): Promise<void> {
  // For whatever reason it cannot be looked at: it is no folder to build from.
  const folder = await stat(context).catch(() => undefined);
  if (folder === undefined) throw missing('the build context does not exist', context);
  if (!folder.isDirectory()) throw missing('the build context is not a folder', context);
}

/** The Dockerfile's path in the context; where it is a link, of what that leads to: the engine follows none. */
async function dockerfileIn(context: string, dockerfile: string): Promise<string> {
  const path = posix.normalize(dockerfile);
  if (path.startsWith('/') || path.split('/')[0] === '..') throw outside(dockerfile, context);
  const found = await realpath(join(context, path)).catch(() => undefined);
  const file = found === undefined ? undefined : await stat(found);
  if (found === undefined || file?.isFile() !== true)
    throw missing('the Dockerfile does not exist', join(context, path));
  const inside = relative(await realpath(context), found).split(sep);
  if (inside[0] === '..') throw outside(dockerfile, context);
  return inside.join('/');
}

/**
 * The engine's builder knows `.dockerignore` alone: it takes a Dockerfile that this one names out of the context once it has
 * read it, and itself where it names itself. So a Dockerfile that is in no folder, or has an ignore file of its own, goes under
 * a name that nothing in the context has, and the ignore file names that one: no `COPY . .` copies it into the image.
 */
function withDockerfile(files: readonly ContextFile[], text: string, ignore: string): Selection {
  const taken = new Set(files.map(({ path }) => path));
  const dockerfile = ownName(text, taken);
  const added = [
    { path: dockerfile, content: text },
    { path: '.dockerignore', content: `${ignore}\n${dockerfile}\n` },
  ];
  return { files: files.filter(({ path }) => path !== '.dockerignore'), added, dockerfile };
}

/** What the engine is to take for `.dockerignore`, before its last line. */
function ignoreText(
  files: readonly ContextFile[],
  common: string | undefined,
  own: string | undefined,
): string {
  if (own === undefined) return common ?? '.dockerignore';
  // What the Dockerfile's own ignore file says of `.dockerignore` counts, not what that says of itself.
  const isSent = files.some(({ path }) => path === '.dockerignore');
  return isSent ? `${common ?? ''}\n!.dockerignore` : '.dockerignore';
}

function ownName(text: string, taken: ReadonlySet<string>): string {
  const id = createHash('sha256').update(text).digest('hex').slice(0, 16);
  let name = `.plumbstack-${id}.Dockerfile`;
  while (taken.has(name)) name = `.plumbstack${name}`;
  return name;
}

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}

async function digestOf(
  build: BuildSource,
  { root, files, added, dockerfile }: Selection & { readonly root: string },
  known: FileDigests,
): Promise<string> {
  const { inline, args, target, platform, labels = {}, contexts = {}, secrets = [], ssh, builder } = build;
  const hash = createHash('sha256');
  const options = {
    ...{ dockerfile, inline, target, platform, ssh, builder },
    args: sorted(args),
    labels: sorted(labels),
    secrets: secrets.map(({ id }) => id).sort(),
  };
  hash.update(JSON.stringify(options));
  for (const { path, content } of added) hash.update(JSON.stringify([path, content]));
  await addContents(hash, root, files, known);
  for (const [name, folder] of sorted(contexts)) {
    hash.update(JSON.stringify(['context', name]));
    await addContents(hash, folder, await listFurtherContext(folder), known);
  }
  return `sha256:${hash.digest('hex')}`;
}

function sorted(record: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

async function addContents(
  hash: Hash,
  root: string,
  files: readonly ContextFile[],
  known: FileDigests,
): Promise<void> {
  const contents = files.flatMap(({ type, path, size, stamp }) =>
    type === 'file' ? [{ path: join(root, path), size: size ?? 0, stamp }] : [],
  );
  const digests = (await known.of(contents)).values();
  for (const { path, type, mode, target: link } of files) {
    const content = type === 'file' ? digests.next().value : undefined;
    hash.update(JSON.stringify([path, type, mode, link, content]));
  }
}

/** BuildKit reads a `.dockerignore` in each folder that it is given. */
async function listFurtherContext(folder: string): Promise<readonly ContextFile[]> {
  await refuseNoFolder(folder);
  const path = join(folder, '.dockerignore');
  const ignore = new Dockerignore((await readIfThere(path)) ?? '', path);
  return listContext(folder, ignore.root(), new Set());
}

function missing(what: string, path: string): PlumbstackError {
  return new PlumbstackError('NOT_FOUND', `${what}${path === '' ? '.' : `: ${path}`}`, {
    details: { path },
    hint: 'A relative path starts from the folder of the program, or from the `baseDir` of its stack.',
  });
}

function outside(dockerfile: string, context: string): PlumbstackError {
  return new PlumbstackError(
    'INVALID_OPTION',
    `the Dockerfile ${dockerfile} is not inside the build context.`,
    {
      details: { path: dockerfile, context },
      hint: 'Give its path from the context folder, or its text as `inline`.',
    },
  );
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
