import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PlumbstackError } from '@plumbstack/core';
import { pack, type Pack } from 'tar-fs';
import type { ContextFile } from './context-files.js';
import { OpenFile } from './open-file.js';

/** A file that is in the archive and not in the folder. */
export interface AddedFile {
  readonly path: string;
  readonly content: string;
}

/** In place of an error's code of Node. */
export const becameShorter = 'BECAME_SHORTER';

/** How much of one file is in memory. */
const pieceBytes = 256 * 1024;
/** How many small files are. */
const filesAhead = 8;

/**
 * The archive of a context, packed while it is read: never whole in memory. tar-fs's own walk knows no further names of a
 * file and no pipes, and reads each file through a stream, at four times the time; so it is given nothing to walk, and what is
 * listed is put in here.
 */
export function packContext(
  context: string,
  files: readonly ContextFile[],
  added: readonly AddedFile[],
): Readable {
  const archive = pack('/', {
    entries: [],
    finalize: false,
    finish: (tar) => {
      fill(tar, context, files, added).then(
        () => tar.finalize(),
        (error: unknown) => tar.destroy(error as Error),
      );
    },
  });
  return Readable.from(archive as AsyncIterable<Buffer>, { objectMode: false });
}

async function fill(
  tar: Pack,
  context: string,
  files: readonly ContextFile[],
  added: readonly AddedFile[],
): Promise<void> {
  for await (const { file, content } of readAhead(context, files)) {
    if (file.type !== 'file') {
      await put(tar, { ...headerOf(file), type: file.type, linkname: file.target ?? null });
    } else if (content !== undefined) await put(tar, { ...headerOf(file), type: 'file' }, content);
    else await putLarge(tar, join(context, file.path), file);
  }
  for (const { path, content } of added)
    await put(tar, { name: path, mode: 0o100644, mtime: new Date(0), type: 'file' }, Buffer.from(content));
}

interface ReadFile {
  readonly file: ContextFile;
  /** Of a small file. */
  readonly content?: Buffer;
}

/** The files in their order, of which small ones are read while those before them are sent. */
async function* readAhead(
  context: string,
  files: readonly ContextFile[],
): AsyncGenerator<ReadFile, void, undefined> {
  const coming: Promise<ReadFile>[] = [];
  for (const file of files) {
    const reading = readSmall(context, file);
    reading.catch(() => {}); // It is awaited in its turn, unless one before it has failed.
    coming.push(reading);
    if (coming.length > filesAhead) yield (await coming.shift()) as ReadFile;
  }
  for (const reading of coming) yield await reading;
}

async function readSmall(context: string, file: ContextFile): Promise<ReadFile> {
  if (file.type !== 'file' || (file.size ?? 0) > pieceBytes) return { file };
  const path = join(context, file.path);
  using opened = await OpenFile.open(path);
  const { size } = await opened.stat();
  if (size > pieceBytes) return { file };
  const content = Buffer.allocUnsafe(size);
  // Nothing of it is sent yet: one that became shorter is what it is now.
  return { file, content: content.subarray(0, await opened.read(content)) };
}

/** What a file grows by while it is read is left out, as its header has its size already. */
async function putLarge(tar: Pack, path: string, file: ContextFile): Promise<void> {
  using opened = await OpenFile.open(path);
  const { size } = await opened.stat();
  const entry = tar.entry({ ...headerOf(file), type: 'file', size });
  await pipeline(pieces(opened, size, path), entry);
}

async function* pieces(file: OpenFile, size: number, path: string): AsyncGenerator<Buffer, void, undefined> {
  for (let left = size; left > 0;) {
    const piece = Buffer.allocUnsafe(Math.min(left, pieceBytes));
    if ((await file.read(piece)) < piece.length) throw shrunk(path);
    left -= piece.length;
    yield piece;
  }
}

function put(tar: Pack, header: Header, content?: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error ? reject(error) : resolve());
    if (content === undefined) tar.entry(header, done);
    else tar.entry(header, content, done);
  });
}

type Header = Parameters<Pack['entry']>[0];

function headerOf({ path, mode, mtime }: ContextFile): Header {
  return {
    name: path,
    // The bit of a regular file, which is not written, keeps tar-stream from reading mode 0 as none.
    mode: mode | 0o100000,
    // tar-stream writes no time before 1970 and none beyond 2038.
    mtime: new Date(Math.min(Math.max(mtime.getTime(), 0), 0x7fff_ffff * 1000)),
    uid: 0,
    gid: 0,
  };
}

function shrunk(path: string): PlumbstackError {
  return new PlumbstackError('IMAGE_BUILD_FAILED', `${path} became shorter while it was sent.`, {
    details: { path, code: becameShorter, lastLines: [] },
    hint: 'Run again when nothing writes to the build context, or name the file in .dockerignore.',
  });
}
