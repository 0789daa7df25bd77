/** First in, first out, and never more than `capacity`: what is over it is the oldest, and is handed back. */
export class BoundedQueue<T> implements Iterable<T> {
  readonly #capacity: number;
  #items: (T | undefined)[] = [];
  #head = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  /** Adds one, and returns the one that had to go for it. */
  push(item: T): T | undefined {
    this.#items.push(item);
    return this.size > this.#capacity ? this.shift() : undefined;
  }

  /** Takes the oldest. */
  shift(): T | undefined {
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    if (this.size > 0) this.#head++;
    // `Array.prototype.shift` moves every other item. Here that is done once for as many as have gone.
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    yield* this.#items.slice(this.#head) as T[];
  }
}
