/**
 * The end of one call: when its time is up, or when its caller aborts. Everything that the call holds hangs on `signal`;
 * `clear` releases the timer and the listener.
 */
export class Deadline {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  #timeUp: () => unknown;
  readonly #milliseconds: number;
  readonly #ended: Promise<never>;
  #timer: NodeJS.Timeout | undefined;
  #ticking = true;
  readonly #background: boolean;

  /**
   * @param timeUp makes the reason of the end by time
   * @param options `background`: whether the program may end before
   */
  constructor(
    milliseconds: number,
    timeUp: () => unknown,
    caller?: AbortSignal,
    { background = false }: { readonly background?: boolean } = {},
  ) {
    this.#background = background;
    this.#milliseconds = milliseconds;
    this.#timeUp = timeUp;
    this.#caller = caller;
    this.#ended = new Promise((_, reject) => {
      this.signal.addEventListener('abort', () => reject(this.signal.reason), { once: true });
    });
    this.#ended.catch(() => {}); // Nobody may be racing when it ends.
    if (caller?.aborted) this.#controller.abort(caller.reason);
    else caller?.addEventListener('abort', this.#onAbort, { once: true });
    this.restart();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Gives the full time again, unless the clock has been stopped. */
  restart(): void {
    clearTimeout(this.#timer);
    if (this.signal.aborted || !this.#ticking) return;
    this.#timer = setTimeout(() => this.#controller.abort(this.#timeUp()), this.#milliseconds);
    if (this.#background) this.#timer.unref();
  }

  /** Another reason for the end by time. */
  endsWith(timeUp: () => unknown): void {
    this.#timeUp = timeUp;
  }

  /** No more end by time; the caller's abort still counts. */
  stopClock(): void {
    this.#ticking = false;
    clearTimeout(this.#timer);
  }

  /** Settles as `work`, or rejects with the reason of the end, whichever is first: also where `work` never settles. */
  race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([this.#ended, work]);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => {
    clearTimeout(this.#timer);
    this.#controller.abort(this.#caller?.reason);
  };
}
