import { createHash } from 'node:crypto';

/** Results of what takes long, by a digest of what they were made of: what that was is not kept. The oldest goes first. */
export class Remembered<T> {
  readonly #most: number;
  readonly #results = new Map<string, T>();

  constructor(most: number) {
    this.#most = most;
  }

  of(salt: string, value: Buffer | string, make: () => T): T {
    const key = createHash('sha256').update(`${salt}\0`).update(value).digest('hex');
    const found = this.#results.get(key) ?? make();
    this.#results.delete(key);
    this.#results.set(key, found);
    const [oldest = ''] = this.#results.keys();
    if (this.#results.size > this.#most) this.#results.delete(oldest);
    return found;
  }
}
