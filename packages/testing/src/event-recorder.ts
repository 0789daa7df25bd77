import { PlumbstackError, type WaitOptions } from '@plumbstack/core';
import type {
  LifecycleEvent,
  LifecycleEventName,
  LifecycleEventOf,
  LifecycleSource,
} from '@plumbstack/events';

/** Keeps every event from its making on, until it is disposed. */
export interface EventRecorder extends Disposable {
  /** What has been told so far, oldest first. */
  readonly events: readonly LifecycleEvent[];
  /** The names alone, in the same order. */
  names(): readonly LifecycleEventName[];
  /** Events of one name. */
  of<N extends LifecycleEventName>(name: N): readonly LifecycleEventOf<N>[];
  /**
   * The first event of that name for which the predicate holds: one that was told before, or the next one.
   * Throws `TIMEOUT` with the names of what was told instead; `timeoutMs` is 10000 unless given.
   */
  waitFor<N extends LifecycleEventName>(
    name: N,
    predicate?: (event: LifecycleEventOf<N>) => boolean,
    options?: WaitOptions,
  ): Promise<LifecycleEventOf<N>>;
  /** Forgets what was told so far. */
  clear(): void;
}

/**
 * Records what a source tells.
 * @example
 * using recorder = recordEvents(runtime.events);
 * await deployment.scale('workers', 3);
 * assert.equal(recorder.of('worker:joined').length, 2);
 */
export function recordEvents(source: LifecycleSource): EventRecorder {
  return new Recorder(source);
}

class Recorder implements EventRecorder {
  readonly #events: LifecycleEvent[] = [];
  readonly #waiting = new Set<() => void>();
  readonly #subscription: Disposable;

  constructor(source: LifecycleSource) {
    this.#subscription = source.on('*', (event) => {
      this.#events.push(event);
      for (const look of [...this.#waiting]) look();
    });
  }

  get events(): readonly LifecycleEvent[] {
    return [...this.#events];
  }

  names(): readonly LifecycleEventName[] {
    return this.#events.map(({ type }) => type);
  }

  of<N extends LifecycleEventName>(name: N): readonly LifecycleEventOf<N>[] {
    return this.#events.filter((event): event is LifecycleEvent & LifecycleEventOf<N> => event.type === name);
  }

  async waitFor<N extends LifecycleEventName>(
    name: N,
    predicate: (event: LifecycleEventOf<N>) => boolean = () => true,
    { timeoutMs = 10_000, signal }: WaitOptions = {},
  ): Promise<LifecycleEventOf<N>> {
    signal?.throwIfAborted();
    let release: () => void = () => undefined;
    const found = new Promise<LifecycleEventOf<N>>((resolve, reject) => {
      const look = (): void => {
        try {
          const event = this.of(name).find(predicate);
          if (event !== undefined) resolve(event);
        } catch (error) {
          reject(error);
        }
      };
      const stop = (): void => reject(signal?.reason);
      const timer = setTimeout(() => reject(this.#neverTold(name, timeoutMs)), timeoutMs);
      signal?.addEventListener('abort', stop);
      this.#waiting.add(look);
      release = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', stop);
        this.#waiting.delete(look);
      };
      look();
    });
    try {
      return await found;
    } finally {
      release();
    }
  }

  clear(): void {
    this.#events.length = 0;
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
  }

  #neverTold(name: string, timeoutMs: number): PlumbstackError {
    const told = this.names();
    return new PlumbstackError('TIMEOUT', `no such ${name} was told within ${timeoutMs} ms.`, {
      details: { name, told },
      hint: told.length === 0 ? 'Nothing at all was told.' : `Told were: ${told.slice(-20).join(', ')}.`,
    });
  }
}
