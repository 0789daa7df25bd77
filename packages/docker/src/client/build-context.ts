import { createHash, type Hash } from 'node:crypto';
import type { BigIntStats } from 'node:fs';
import { readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, posix, relative, sep } from 'node:path';
import type { Readable } from 'node:stream';
import { isPlumbstackError, PlumbstackError } from '@plumbstack/core';
import { becameShorter, packContext, type AddedFile } from './context-archive.js';
import { listContext, stampOf, type ContextFile } from './context-files.js';
import type { ImageBuild } from './docker-client.js';
import { Dockerignore } from './dockerignore.js';
import { FileDigests } from './file-digests.js';

/** What is sent to the engine for one build. */
export interface BuildContext {
  /** Path of the Dockerfile in the archive. */
  readonly dockerfile: string;
  /** The archive, packed while it is read: never whole in memory. */
  pack(): Readable;
  /** What it is called by, and what of it can be told from one that differs. */
  contents(known?: FileDigests): Promise<ContextContents>;
}

export interface ContextContents {
  /**
   * A digest, as `sha256:…`, of everything that decides the image: paths, modes, link targets and contents of what would
   * be sent, and the build's own options. Not of times and owners, which are not kept or not sent.
   */
  readonly digest: string;
  /** Beginnings of the digests of its files by path; of its folders and files where those are many. */
  readonly code: Readonly<Record<string, string>>;
}

/** What decides the image's content: all of a build but what the image is called, and without the values of secrets. */
export type BuildSource = Omit<ImageBuild, 'labels' | 'tag' | 'secrets'> & {
  readonly labels?: ImageBuild['labels'];
  readonly secrets?: readonly { readonly id: string }[];
};

/**
 * What `build` would send, so that what has not changed need not be built again. Fails as a build would.
 *
 * @param known digests of files that an earlier call has read
 */
export async function contextContents(build: BuildSource, known?: FileDigests): Promise<ContextContents> {
  return whileItChanges(async () => (await openBuildContext(build)).contents(known));
}

/**
 * What a folder or a file holds that is mounted rather than sent, by the rules of a context: without what its `.dockerignore`
 * names, and within the same size.
 */
export async function folderContents(path: string, known: FileDigests): Promise<ContextContents> {
  return whileItChanges(async () => {
    try {
      const info = await stat(path, { bigint: true });
      const root = info.isDirectory() ? path : dirname(path);
      const files = info.isDirectory() ? await listFurtherContext(path) : [fileAlone(basename(path), info)];
      refuseLarge(root, files, 'read for every plan,');
      const described = await describeAll(root, files, known);
      const hash = createHash('sha256');
      for (const [, each] of described) hash.update(each);
      return { digest: `sha256:${hash.digest('hex')}`, code: codeOf(described) };
    } catch (error) {
      return rethrow(error, path);
    }
  });
}

function fileAlone(path: string, info: BigIntStats): ContextFile {
  const stamp = stampOf(info);
  return {
    ...{ path, type: 'file', mode: Number(info.mode) & 0o7777, mtime: new Date(Number(info.mtimeMs)) },
    size: Number(info.size),
    ...(stamp !== undefined && { stamp }),
  };
}

/** SHA-256 of the same. */
export async function contextDigest(build: BuildSource, known?: FileDigests): Promise<string> {
  return (await contextContents(build, known)).digest;
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

/** The folders that hold what a build would send, its contexts themselves first. What cannot be read has none. */
export async function contextFolders(build: BuildSource): Promise<readonly string[]> {
  const { context, contexts = {} } = build;
  const listed = async (
    root: string,
    list: () => Promise<readonly ContextFile[]>,
  ): Promise<readonly string[]> => {
    const files = await list().catch(() => []);
    const folders = files.flatMap(({ path, type }) => {
      const folder = type === 'directory' ? path : posix.dirname(path);
      return folder === '.' ? [] : [join(root, folder)];
    });
    return [root, ...new Set(folders)];
  };
  const own =
    context === undefined
      ? []
      : [
          listed(context, async () => (await readContext(context, build)).files),
          listed(context, () => listFurtherContext(context)),
        ];
  const further = Object.values(contexts).map((each) => listed(each, () => listFurtherContext(each)));
  return [...new Set((await Promise.all([...own, ...further])).flat())];
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
    context === undefined ? alone(withSteps(inline ?? '', build, [])) : await readContext(context, build);
  const root = context ?? '/';
  return {
    dockerfile,
    pack: () => packContext(root, files, added),
    contents: (known = new FileDigests()) =>
      contentsOf(build, { root, files, added, dockerfile }, known).catch((error) => rethrow(error, context)),
  };
}

/** The text of a build's Dockerfile. Fails as {@link openBuildContext} does. */
export async function readDockerfile(build: BuildSource): Promise<string> {
  const { context, dockerfile, inline, steps } = build;
  if (context === undefined && inline === undefined)
    throw missing('the build has neither a context folder nor a Dockerfile', '');
  try {
    // What is sent decides which lines there are, where some are about a file.
    if (context !== undefined && Array.isArray(steps)) return (await readContext(context, build)).text ?? '';
    const text =
      inline ?? (await readFile(join(context ?? '', await dockerfileIn(context ?? '', dockerfile)), 'utf8'));
    return withSteps(text, build, []);
  } catch (error) {
    return rethrow(error, context);
  }
}

/** The Dockerfile with its further lines, those about files that are sent. */
function withSteps(
  dockerfile: string,
  { steps = [], context }: BuildSource,
  files: readonly ContextFile[],
): string {
  const all = typeof steps === 'string' ? [steps] : steps;
  const lines = all.flatMap((step) => {
    if (typeof step === 'string') return [step];
    const isSent = files.some(({ path, type }) => path === step.file && type !== 'directory');
    if (isSent) return [step.lines];
    if (step.optional) return [];
    throw missing(
      'a file that the image is made of does not exist, or .dockerignore names it',
      join(context ?? '', step.file),
    );
  });
  return [dockerfile, ...lines].join('\n');
}

interface Selection {
  readonly files: readonly ContextFile[];
  readonly added: readonly AddedFile[];
  readonly dockerfile: string;
  /** The Dockerfile's, where it is not that of a file alone. */
  readonly text?: string;
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
    if (file !== undefined && own === undefined && build.steps === undefined) {
      const files = await listContext(context, root, new Set(['.dockerignore', file]));
      return { files, added: [], dockerfile: file };
    }
    const files = await listContext(context, root, new Set());
    const text = withSteps(inline ?? (await readFile(join(context, file ?? ''), 'utf8')), build, files);
    return { ...withDockerfile(files, text, ignoreText(files, common, own)), text };
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

export async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
    throw error;
  });
}

async function contentsOf(
  build: BuildSource,
  { root, files, added, dockerfile }: Selection & { readonly root: string },
  known: FileDigests,
): Promise<ContextContents> {
  const { inline, args, target, platform, labels = {}, contexts = {}, secrets = [], ssh, builder } = build;
  if (build.steps !== undefined) refuseLarge(root, files);
  const hash = createHash('sha256');
  const options = {
    ...{ dockerfile, inline, target, platform, ssh, builder },
    args: sorted(args),
    labels: sorted(labels),
    secrets: secrets.map(({ id }) => id).sort(),
  };
  hash.update(JSON.stringify(options));
  for (const { path, content } of added) hash.update(JSON.stringify([path, content]));
  const described = await describeAll(root, files, known);
  for (const [, each] of described) hash.update(each);
  for (const [name, folder] of sorted(contexts)) {
    hash.update(JSON.stringify(['context', name]));
    for (const [, each] of await describeAll(folder, await listFurtherContext(folder), known))
      hash.update(each);
  }
  return { digest: `sha256:${hash.digest('hex')}`, code: codeOf(described) };
}

/** Of a folder that is sent as it is, without anybody having written what of it is wanted. */
const mostBytes = 500e6;

/** Before it is read: it would be read at every plan. */
function refuseLarge(root: string, files: readonly ContextFile[], what = 'sent'): void {
  const sizes = new Map<string, number>();
  for (const { path, size = 0 } of files) {
    const [name = ''] = path.split('/');
    sizes.set(name, (sizes.get(name) ?? 0) + size);
  }
  const total = [...sizes.values()].reduce((sum, each) => sum + each, 0);
  if (total <= mostBytes) return;
  const largest = [...sizes].sort(([, a], [, b]) => b - a).slice(0, 3);
  const megabytes = (bytes: number): string => `${Math.ceil(bytes / 1e6)} MB`;
  throw new PlumbstackError(
    'INVALID_OPTION',
    `the folder ${root} is ${what} with all that is in it, and has ${megabytes(total)}: ` +
      `${largest.map(([name, bytes]) => `${name} ${megabytes(bytes)}`).join(', ')}.`,
    {
      details: { path: root, bytes: total, largest: Object.fromEntries(largest) },
      hint: `Name in ${join(root, '.dockerignore')} what the app does not need, and mount data: mounts: [{ bind, target }].`,
    },
  );
}

/** How many names a container carries. */
const mostNames = 50;

function codeOf(described: readonly Described[]): Readonly<Record<string, string>> {
  const byName = (name: (path: string) => string): Readonly<Record<string, string>> => {
    const hashes = new Map<string, Hash>();
    for (const [path, each] of described) {
      const hash = hashes.get(name(path)) ?? createHash('sha256');
      hashes.set(name(path), hash.update(each));
    }
    return Object.fromEntries([...hashes].map(([key, hash]) => [key, hash.digest('hex').slice(0, 8)]));
  };
  const forms = [(path: string) => path, (path: string) => path.split('/')[0] ?? '', () => '.'];
  return forms.map(byName).find((each) => Object.keys(each).length <= mostNames) ?? {};
}

function sorted(record: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** What of a file decides the image, as text. */
type Described = readonly [path: string, text: string];

async function describeAll(
  root: string,
  files: readonly ContextFile[],
  known: FileDigests,
): Promise<readonly Described[]> {
  const contents = files.flatMap(({ type, path, size, stamp }) =>
    type === 'file' ? [{ path: join(root, path), size: size ?? 0, stamp }] : [],
  );
  const digests = (await known.of(contents)).values();
  return files.map(({ path, type, mode, target: link }) => {
    const content = type === 'file' ? digests.next().value : undefined;
    return [path, JSON.stringify([path, type, mode, link, content])];
  });
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
