/**
 * Runs a task for many callers at once. Calls that come while it runs share the next run, so that each caller's run began
 * after its call.
 */
export class Coalesced<I, R> {
  readonly #task: (inputs: readonly I[]) => Promise<R>;
  #waiting: I[] = [];
  #next: Promise<R> | undefined;
  #running: Promise<unknown> = Promise.resolve();

  constructor(task: (inputs: readonly I[]) => Promise<R>) {
    this.#task = task;
  }

  run(...inputs: readonly I[]): Promise<R> {
    this.#waiting.push(...inputs);
    this.#next ??= this.#begin();
    return this.#next;
  }

  async #begin(): Promise<R> {
    const before = this.#running;
    const mine = (async () => {
      await before;
      const inputs = this.#waiting;
      this.#waiting = [];
      this.#next = undefined;
      return this.#task(inputs);
    })();
    // A failure is its callers' own; the next run begins all the same.
    this.#running = mine.catch(() => undefined);
    return mine;
  }
}
