/** A tar stream's unit: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html, "ustar Interchange Format" */
const block = 512;
/** Headers of headers, which may stand before the first entry, are small. */
const mostBytes = 64 * block;

/**
 * Looks at the beginning of a tar stream for the entry of its own folder, `./`: an engine that unpacks a stream skips it, and
 * with it the folder's owner and mode.
 */
export class ArchiveRoot {
  #seen = Buffer.alloc(0);
  #isWhole = false;

  /** The same chunks, looked at as they pass. */
  async *watch(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      if (!this.#isWhole) this.#seen = Buffer.concat([this.#seen, chunk]).subarray(0, mostBytes);
      this.#isWhole ||= this.#seen.length >= mostBytes;
      yield chunk;
    }
  }

  /** The entry alone, as a stream of its own under another name; nothing where there is none, or it is compressed. */
  as(name: string): Buffer | undefined {
    const header = firstHeader(this.#seen);
    if (header === undefined || !['./', '.'].includes(textOf(header, 0, 100))) return undefined;
    const renamed = Buffer.from(header);
    renamed.fill(0, 0, 100).write(`${name}/`, 0);
    renamed.fill(' ', 148, 156);
    const sum = renamed.reduce((total, byte) => total + byte, 0);
    renamed.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return Buffer.concat([renamed, Buffer.alloc(2 * block)]);
  }
}

/** The first header that is an entry's own. */
function firstHeader(archive: Buffer): Buffer | undefined {
  for (let at = 0; at + block <= archive.length;) {
    const header = archive.subarray(at, at + block);
    if (textOf(header, 257, 5) !== 'ustar') return undefined;
    if (!['x', 'g'].includes(textOf(header, 156, 1))) return header;
    const size = Number.parseInt(textOf(header, 124, 12), 8);
    at += block + Math.ceil(size / block) * block;
  }
  return undefined;
}

function textOf(header: Buffer, start: number, length: number): string {
  return header.toString('latin1', start, start + length).split('\0', 1)[0] ?? '';
}
