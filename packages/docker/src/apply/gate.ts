export interface Entry {
  /** Ends the wait for a place, with its own reason. */
  readonly signal?: AbortSignal | undefined;
  /** Goes before those that wait and are not: what finishes something that was begun. @default false */
  readonly urgent?: boolean;
}

/**
 * Lets a limited number of tasks run at once; the others wait in order. A task that has a place must not wait for anything
 * that may itself need one.
 */
export class Gate {
  #free: number;
  readonly #urgent = new Set<() => void>();
  readonly #waiting = new Set<() => void>();

  constructor(width: number) {
    this.#free = width;
  }

  async run<T>(task: () => Promise<T>, { signal, urgent = false }: Entry = {}): Promise<T> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#turn(urgent ? this.#urgent : this.#waiting, signal);
    try {
      return await task();
    } finally {
      const [next = () => void this.#free++] = [...this.#urgent, ...this.#waiting];
      next();
    }
  }

  #turn(queue: Set<() => void>, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        queue.delete(enter);
        signal?.removeEventListener('abort', abort);
      };
      const enter = (): void => {
        leave();
        resolve();
      };
      const abort = (): void => {
        leave();
        reject(signal?.reason as Error);
      };
      queue.add(enter);
      signal?.addEventListener('abort', abort, { once: true });
    });
  }
}
