/** What goes on until its own signal aborts, or all of it is ended. */
export class Watches {
  readonly #running = new Map<Promise<void>, AbortController>();

  /** Runs it under a signal that aborts with the one that is given, and with {@link end}. */
  async run(given: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const ending = new AbortController();
    // A signal of the caller's may live for long: nothing of this stays on it.
    const abort = (): void => ending.abort(given?.reason);
    given?.addEventListener('abort', abort, { once: true });
    if (given?.aborted === true) abort();
    const running = work(ending.signal);
    this.#running.set(running, ending);
    try {
      await running;
    } finally {
      this.#running.delete(running);
      given?.removeEventListener('abort', abort);
    }
  }

  /** Ends all that runs, and waits for it. */
  async end(): Promise<void> {
    for (const ending of this.#running.values()) ending.abort();
    await Promise.allSettled(this.#running.keys());
  }
}
