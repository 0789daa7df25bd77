/** A tar stream's unit. It ends with two of them that are empty: what has none has been cut off, or is something else. */
const endBytes = 2 * 512;

/** How what an engine unpacks by itself begins, if it is compressed: gzip, bzip2, xz, Zstandard. */
const compressed: readonly string[] = ['1f8b', '425a68', 'fd377a585a00', '28b52ffd'];

/** Looks at how a stream begins and ends, as it passes: an engine takes one that was cut off between two files for a whole one. */
export class ArchiveEnd {
  #start = Buffer.alloc(0);
  #end = Buffer.alloc(0);

  async *watch(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      if (this.#start.length < 8) this.#start = Buffer.concat([this.#start, chunk]).subarray(0, 8);
      this.#end = Buffer.concat([this.#end, chunk.subarray(-endBytes)]).subarray(-endBytes);
      yield chunk;
    }
  }

  /** Whether it was an archive to its end. Of a compressed one, who decompresses it knows. */
  get isWhole(): boolean {
    const start = this.#start.toString('hex');
    if (compressed.some((each) => start.startsWith(each))) return true;
    return this.#end.length === endBytes && this.#end.every((byte) => byte === 0);
  }
}
