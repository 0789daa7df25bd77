import { close, constants, fstat, open, read, type Stats } from 'node:fs';

/**
 * A regular file that is open for reading. On Node's own callbacks: for 20,000 small files, file handles take twice as long
 * as these, and streams eight times.
 */
export class OpenFile implements Disposable {
  readonly #descriptor: number;

  private constructor(descriptor: number) {
    this.#descriptor = descriptor;
  }

  /** What was a file when it was listed: a link that has taken its place meanwhile is not followed. */
  static async open(path: string): Promise<OpenFile> {
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);
    return new Promise((resolve, reject) =>
      open(path, flags, (error, file) => (error ? reject(error) : resolve(new OpenFile(file)))),
    );
  }

  stat(): Promise<Stats> {
    return new Promise((resolve, reject) =>
      fstat(this.#descriptor, (error, info) => (error ? reject(error) : resolve(info))),
    );
  }

  /** Fills a buffer from where the last call ended; resolves to how much of it, which is less only at the file's end. */
  async read(into: Buffer): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const count = await this.#readOnce(into, filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  #readOnce(into: Buffer, offset: number): Promise<number> {
    return new Promise((resolve, reject) =>
      read(this.#descriptor, into, offset, into.length - offset, null, (error, count) =>
        error ? reject(error) : resolve(count),
      ),
    );
  }

  [Symbol.dispose](): void {
    close(this.#descriptor);
  }
}
