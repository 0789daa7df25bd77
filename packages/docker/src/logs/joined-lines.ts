import { setMaxListeners } from 'node:events';
import type { LogLine } from '@plumbstack/core';

type Source = AsyncIterator<LogLine, void, undefined>;
type Outcome =
  { readonly source: Source; readonly result: IteratorResult<LogLine, void> } | { readonly error: unknown };

/**
 * Lines of several sources as they come, each source's in its order, until the signal aborts or the reader stops. A source may
 * be added at any time. Each has at most one line read ahead: who reads slowly holds the sources back.
 */
export class JoinedLines {
  readonly #ended = new AbortController();
  readonly #signal: AbortSignal | undefined;
  readonly #sources = new Set<Source>();
  // A line that is there waits here: a race between promises would gather callbacks on those that say nothing for hours.
  readonly #ready: Outcome[] = [];
  #wake: () => void = () => undefined;

  constructor(signal?: AbortSignal) {
    this.#signal = signal;
    // Every source listens to it: as many as there are containers are no leak.
    setMaxListeners(0, this.#ended.signal);
  }

  /** Aborts when nothing more is read: a source may say nothing for hours, and would be waited for. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  add(lines: AsyncIterable<LogLine, void, undefined>): void {
    const source = lines[Symbol.asyncIterator]();
    this.#sources.add(source);
    this.#pull(source);
  }

  /** Fails the reader with what made it impossible to go on. */
  fail(error: unknown): void {
    this.#push({ error });
  }

  async *read(): AsyncGenerator<LogLine, void, undefined> {
    const { signal } = this.#ended;
    const end = (): void => {
      this.#ended.abort();
      this.#wake();
    };
    this.#signal?.addEventListener('abort', end, { once: true });
    if (this.#signal?.aborted === true) end();
    try {
      while (!signal.aborted) {
        const outcome = this.#ready.shift();
        if (outcome === undefined) await new Promise<void>((resolve) => (this.#wake = resolve));
        else if ('error' in outcome) throw outcome.error;
        else if (outcome.result.done === true) this.#sources.delete(outcome.source);
        else {
          yield outcome.result.value;
          this.#pull(outcome.source);
        }
      }
    } finally {
      this.#signal?.removeEventListener('abort', end);
      end();
      // One that fails while it ends has nobody left to tell.
      await Promise.allSettled([...this.#sources].map(async (each) => each.return?.()));
    }
  }

  #pull(source: Source): void {
    if (this.#ended.signal.aborted) return;
    source.next().then(
      (result) => this.#push({ source, result }),
      (error: unknown) => this.#push({ error }),
    );
  }

  #push(outcome: Outcome): void {
    this.#ready.push(outcome);
    this.#wake();
  }
}
