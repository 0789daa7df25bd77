import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { PlumbstackError } from '@plumbstack/core';
import { extract, pack } from 'tar-fs';
import type { PutFile } from './docker-client.js';

/**
 * An archive of what is on no disk. Of folders it holds those alone that are asked for: the engine makes the others on the way
 * (0755, root), and an entry for a folder that exists changes that one's mode and owner.
 *
 * @throws `INVALID_OPTION` for a path that is absolute or leads out of the folder
 */
export function packFiles(files: readonly PutFile[]): Readable {
  const entries = files.map((file) => ({ ...file, path: innerPath(file.path) }));
  const archive = pack('/', {
    entries: [],
    finalize: false,
    finish: (tar) => {
      for (const { path, content, mode, uid = 0, gid = 0, type = 'file' } of entries) {
        const header = { name: path, mode, uid, gid, mtime: new Date() };
        if (type === 'folder') tar.entry({ ...header, type: 'directory' });
        else tar.entry({ ...header, type }, content as string);
      }
      tar.finalize();
    },
  });
  return Readable.from(archive as AsyncIterable<Buffer>, { objectMode: false });
}

/** An archive of nothing, which is two empty blocks. */
export function packNothing(): Readable {
  return packFiles([]);
}

function innerPath(path: string): string {
  const normal = posix.normalize(path);
  if (
    path === '' ||
    normal.startsWith('/') ||
    normal === '.' ||
    normal.split('/')[0] === '..' ||
    normal.endsWith('/')
  ) {
    throw new PlumbstackError(
      'INVALID_OPTION',
      `${JSON.stringify(path)} is no path of a file below a folder.`,
      {
        details: { path },
      },
    );
  }
  return normal;
}

/**
 * The regular files in an archive, by path. Nothing is written to a disk.
 *
 * @throws `ENGINE_FAILED` for more than `limitBytes` of content, or what is no archive
 */
export async function unpackFiles(
  archive: AsyncIterable<Uint8Array>,
  limitBytes: number,
): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  // tar-fs's own listener is the one that writes to disk; without it what is left is the parser.
  const parser = extract('/').removeAllListeners('entry');
  let bytes = 0;
  parser.on('entry', (header, content, next) => {
    const chunks: Buffer[] = [];
    content.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > limitBytes) parser.destroy(tooLarge(limitBytes));
      else chunks.push(chunk);
    });
    content.on('end', () => {
      // A second name of one file is an entry without content, that names the first.
      const linked = header.type === 'link' ? files.get(header.linkname ?? '') : undefined;
      if (header.type === 'file' || linked !== undefined)
        files.set(header.name, linked ?? Buffer.concat(chunks));
      next();
    });
    // Ends with the parser, in the middle of a file too, and that one's error is told below; untold, this one ends the process.
    content.on('error', () => {});
    content.resume();
  });
  await pipeline(archive, parser);
  return files;
}

function tooLarge(limitBytes: number): PlumbstackError {
  return new PlumbstackError('ENGINE_FAILED', `the files are larger than ${limitBytes} bytes together.`, {
    details: { limitBytes },
    hint: 'Name a narrower path.',
  });
}
