import { BoundedQueue } from './bounded-queue.js';
import type { LifecycleEvent, LifecycleEventOf } from './lifecycle-event.js';
import type { StreamOptions } from './lifecycle-source.js';

/** What a stream needs of the emitter it belongs to. */
export interface StreamOrigin {
  /** Begins to listen. */
  listen(listener: (event: LifecycleEvent) => void): Disposable;
  /** What is remembered from that number on, and what of it is not. */
  recall(since: number): Recalled;
  /** An event made for this stream alone. */
  gap(seq: number, reason: string): LifecycleEventOf<'stream:gap'>;
  /** A reader begins to wait for the next event, or ends to. */
  awaits(change: 1 | -1): void;
}

export interface Recalled {
  readonly events: readonly LifecycleEvent[];
  /** What should be there and is not. */
  readonly missing: Missing | undefined;
}

export interface Missing {
  /** The last number that is missing. */
  readonly seq: number;
  readonly reason: string;
}

interface Reader {
  readonly resolve: (result: IteratorResult<LifecycleEvent, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

const defaultBufferSize = 10_000;
const done = { value: undefined, done: true } as const;

/** The events for one reader: what was not read yet waits in a buffer of bounded size. */
export class EventStream implements AsyncIterableIterator<LifecycleEvent, undefined> {
  readonly #origin: StreamOrigin;
  readonly #filter: (event: LifecycleEvent) => boolean;
  readonly #signal: AbortSignal | undefined;
  readonly #buffer: BoundedQueue<LifecycleEvent>;
  readonly #readers: Reader[] = [];
  #listening: Disposable | undefined;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  // The gap is not in the buffer but before it: one object that grows, however much is dropped.
  #forgotten: Missing | undefined;
  #dropped: { readonly seq: number; readonly count: number } | undefined;

  constructor(origin: StreamOrigin, options: StreamOptions = {}) {
    const { filter = () => true, signal, since, bufferSize = defaultBufferSize } = options;
    this.#origin = origin;
    this.#filter = filter;
    this.#signal = signal;
    this.#buffer = new BoundedQueue(bufferSize);
    if (signal?.aborted === true) {
      this.#end();
      return;
    }
    signal?.addEventListener('abort', this.#end, { once: true });
    this.#listening = origin.listen((event) => this.#push(event));
    if (since !== undefined) this.#replay(origin.recall(since));
  }

  next(): Promise<IteratorResult<LifecycleEvent, undefined>> {
    const value = this.#takeGap() ?? this.#buffer.shift();
    if (value !== undefined) return Promise.resolve({ value, done: false });
    if (this.#failure !== undefined) {
      const { error } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(error);
    }
    if (this.#ended) return Promise.resolve(done);
    return new Promise((resolve, reject) => {
      this.#readers.push({ resolve, reject });
      this.#origin.awaits(1);
    });
  }

  return(): Promise<IteratorResult<LifecycleEvent, undefined>> {
    this.#end();
    return Promise.resolve(done);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #replay({ events, missing }: Recalled): void {
    this.#forgotten = missing;
    for (const event of events) this.#push(event);
  }

  #push(event: LifecycleEvent): void {
    if (this.#ended || !this.#passes(event)) return;
    const reader = this.#takeReader();
    if (reader !== undefined) {
      reader.resolve({ value: event, done: false });
      return;
    }
    const dropped = this.#buffer.push(event);
    if (dropped !== undefined) this.#dropped = { seq: dropped.seq, count: (this.#dropped?.count ?? 0) + 1 };
  }

  // A filter is the reader's own, and so is its failure: the reader gets it, after what passed before.
  #passes(event: LifecycleEvent): boolean {
    try {
      return this.#filter(event);
    } catch (error) {
      this.#release();
      const reader = this.#takeReader();
      if (reader === undefined) this.#failure = { error };
      else reader.reject(error);
      this.#endReaders();
      return false;
    }
  }

  #takeGap(): LifecycleEvent | undefined {
    const reasons: string[] = [];
    if (this.#forgotten !== undefined) reasons.push(this.#forgotten.reason);
    if (this.#dropped !== undefined)
      reasons.push(`${this.#dropped.count} events came faster than they were read`);
    const seq = this.#dropped?.seq ?? this.#forgotten?.seq;
    this.#forgotten = this.#dropped = undefined;
    return seq === undefined ? undefined : this.#origin.gap(seq, reasons.join('; '));
  }

  readonly #end = (): void => {
    this.#release();
    this.#buffer.clear();
    this.#forgotten = this.#dropped = this.#failure = undefined;
    this.#endReaders();
  };

  #release(): void {
    this.#ended = true;
    this.#signal?.removeEventListener('abort', this.#end);
    this.#listening?.[Symbol.dispose]();
    this.#listening = undefined;
  }

  #endReaders(): void {
    for (let reader = this.#takeReader(); reader !== undefined; reader = this.#takeReader())
      reader.resolve(done);
  }

  #takeReader(): Reader | undefined {
    const reader = this.#readers.shift();
    if (reader !== undefined) this.#origin.awaits(-1);
    return reader;
  }
}
