import { lstat as lstatWithCallback, type BigIntStats, type Dirent } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PlumbstackError } from '@plumbstack/core';
import type { Verdict } from './dockerignore.js';

/** One thing in a build context, as it is sent. */
export interface ContextFile {
  /** From the context's root, with `/`. */
  readonly path: string;
  readonly type: 'file' | 'link' | 'symlink' | 'directory' | 'fifo';
  /** Permission bits. */
  readonly mode: number;
  readonly mtime: Date;
  /** What a symbolic link holds; for a further name of one file, the first name. */
  readonly target?: string;
  /** Of a file. */
  readonly size?: number;
  /** Of a file: another one after every change of it. Nothing where it changed so lately that it may be the same. */
  readonly stamp?: string;
}

/**
 * Everything in a context that is to be sent, parents first: what `root` does not leave out, the paths of `always`, and the
 * folders above them, also where those are ignored themselves. What is ignored is not looked at: only its name is read.
 */
export async function listContext(
  context: string,
  root: Verdict,
  always: ReadonlySet<string>,
): Promise<readonly ContextFile[]> {
  const listing = new Listing(context, always);
  await listing.enter('', root);
  return withLinks(listing.found.sort((a, b) => (a.path < b.path ? -1 : 1)));
}

interface FoundFile extends ContextFile {
  /** Of a file with several names: the same for each. */
  readonly node?: string;
}

/** Names looked at together. More are no faster: Node has four threads for them. */
const together = 16;
const lstat = promisify(lstatWithCallback) as (
  path: string,
  options: { readonly bigint: true },
) => Promise<BigIntStats>;

class Listing {
  readonly found: FoundFile[] = [];
  readonly #context: string;
  readonly #always: ReadonlySet<string>;

  constructor(context: string, always: ReadonlySet<string>) {
    this.#context = context;
    this.#always = always;
  }

  /** Goes down one folder; resolves to whether it holds anything that is sent. */
  async enter(folder: string, verdict: Verdict): Promise<boolean> {
    const names = await readdir(join(this.#context, folder), { withFileTypes: true });
    const wanted: [string, Dirent][] = [];
    const inner: [string, Verdict, boolean][] = [];
    for (const entry of names) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (!entry.isDirectory()) {
        if (this.#always.has(path) || !verdict.ignores(path)) wanted.push([path, entry]);
        continue;
      }
      const own = verdict.inside(path);
      if (!own.ignored || own.mayHoldWanted(path) || this.#isAbove(path))
        inner.push([path, own, !own.ignored]);
    }
    for (let at = 0; at < wanted.length; at += together)
      await Promise.all(wanted.slice(at, at + together).map(([path, entry]) => this.#add(path, entry)));
    let holds = wanted.length > 0;
    for (const [path, own, isWanted] of inner) {
      const holdsWanted = await this.enter(path, own);
      if (!isWanted && !holdsWanted) continue;
      await this.#addFolder(path);
      holds = true;
    }
    return holds;
  }

  #isAbove(path: string): boolean {
    return [...this.#always].some((each) => each.startsWith(`${path}/`));
  }

  async #addFolder(path: string): Promise<void> {
    const { mode, mtimeMs } = await this.#look(path);
    this.found.push({
      path,
      type: 'directory',
      mode: Number(mode) & 0o7777,
      mtime: new Date(Number(mtimeMs)),
    });
  }

  async #add(path: string, entry: Dirent): Promise<void> {
    // A socket has no form in an archive; a device is nobody's to send.
    if (!entry.isFile() && !entry.isSymbolicLink() && !entry.isFIFO()) return;
    const info = await this.#look(path);
    const base = { path, mode: Number(info.mode) & 0o7777, mtime: new Date(Number(info.mtimeMs)) };
    if (entry.isFIFO()) this.found.push({ ...base, type: 'fifo' });
    else if (entry.isSymbolicLink())
      this.found.push({ ...base, type: 'symlink', target: await readlink(join(this.#context, path)) });
    else {
      const stamp = stampOf(info);
      this.found.push({
        ...base,
        type: 'file',
        size: Number(info.size),
        ...(stamp !== undefined && { stamp }),
        ...(info.nlink > 1n && { node: `${info.dev}:${info.ino}` }),
      });
    }
  }

  async #look(path: string): Promise<BigIntStats> {
    try {
      return await lstat(join(this.#context, path), { bigint: true });
    } catch (cause) {
      // Node reads a name that is not UTF-8 with this sign in place of its bytes, and then there is no such file.
      if (!path.includes('\uFFFD') || (cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
      throw new PlumbstackError(
        'IMAGE_BUILD_FAILED',
        `a file's name is not UTF-8: ${JSON.stringify(path)}.`,
        {
          details: { path, lastLines: [] },
          hint: 'Rename it, or name it in .dockerignore (`?` stands for any character).',
          cause,
        },
      );
    }
  }
}

/** The clocks of some file systems go in steps of two seconds. https://learn.microsoft.com/windows/win32/sysinfo/file-times */
const coarsestClockMs = 2000;

export function stampOf({
  dev,
  ino,
  size,
  mtimeNs,
  ctimeNs,
  mtimeMs,
  ctimeMs,
}: BigIntStats): string | undefined {
  const latest = Number(mtimeMs > ctimeMs ? mtimeMs : ctimeMs);
  if (latest > Date.now() - coarsestClockMs) return undefined;
  return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
}

/** Further names of a file are sent as links to its first, as the `docker` program does. */
function withLinks(files: readonly FoundFile[]): readonly ContextFile[] {
  const first = new Map<string, string>();
  return files.map(({ node, ...file }) => {
    if (node === undefined) return file;
    const target = first.get(node);
    if (target !== undefined) return { ...file, type: 'link', target };
    first.set(node, file.path);
    return file;
  });
}
