import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { setImmediate as turn } from 'node:timers/promises';
import { install, type Clock } from '@sinonjs/fake-timers';

/** A run that was to end and does not: nothing is left that could go on, or far more time has passed than it may take. */
export class NeverEnds extends Error {}

/** Turns of the event loop without anything to do, after which nothing but time goes on. */
const quietTurns = 3;

/**
 * Runs work on a clock that jumps: as soon as everything waits, to the next moment that something waits for. So a minute
 * takes no time, and what waits for nothing is found at once.
 */
export class VirtualTime implements Disposable {
  readonly #clock: Clock;
  readonly #timeout = AbortSignal.timeout;
  readonly #scrypt = crypto.scrypt;
  readonly #begin: number;
  #derivations = 0;

  constructor() {
    this.#clock = install({
      now: Date.UTC(2030, 0, 1),
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
    });
    this.#begin = this.#clock.now;
    // Of its own in Node, on the real clock.
    AbortSignal.timeout = (ms: number): AbortSignal => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(new DOMException('timed out', 'TimeoutError')), ms);
      return controller.signal;
    };
    // A thread computes it, and the event loop does not tell of that.
    crypto.scrypt = this.#counted(crypto.scrypt);
    syncBuiltinESMExports();
  }

  /** Milliseconds since it began. */
  get now(): number {
    return this.#clock.now - this.#begin;
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#clock.countTimers();
  }

  /** The outcome of work. Throws {@link NeverEnds} where it has none within that many milliseconds of the clock. */
  async run<T>(what: string, limitMs: number, work: () => Promise<T>): Promise<T> {
    const end = this.now + limitMs;
    let outcome: { readonly value: T } | { readonly error: unknown } | undefined;
    void work().then(
      (value) => (outcome = { value }),
      (error: unknown) => (outcome = { error }),
    );
    while (outcome === undefined) {
      await this.#untilQuiet();
      if (outcome !== undefined) break;
      if (this.#clock.countTimers() === 0) throw new NeverEnds(`${what} waits for nothing that could come`);
      if (this.now > end) throw new NeverEnds(`${what} has not ended after ${this.now} ms`);
      this.#clock.next();
    }
    const ended = outcome;
    if ('error' in ended) throw ended.error;
    return ended.value;
  }

  [Symbol.dispose](): void {
    this.#clock.uninstall();
    AbortSignal.timeout = this.#timeout;
    crypto.scrypt = this.#scrypt;
    syncBuiltinESMExports();
  }

  #counted(scrypt: typeof crypto.scrypt): typeof crypto.scrypt {
    return (...args: unknown[]): void => {
      const done = args.pop() as (...outcome: unknown[]) => void;
      this.#derivations += 1;
      const counted = (...outcome: unknown[]): void => {
        this.#derivations -= 1;
        done(...outcome);
      };
      (scrypt as (...all: unknown[]) => void)(...args, counted);
    };
  }

  async #untilQuiet(): Promise<void> {
    for (let quiet = 0; quiet < quietTurns;) {
      await turn();
      const isBusy =
        this.#derivations > 0 || process.getActiveResourcesInfo().some((each) => works.test(each));
      quiet = isBusy ? 0 : quiet + 1;
    }
  }
}

/** What the event loop has before it beside time: turns that were asked for, files, computations of other threads. */
const works = /Immediate|FS|Zlib/i;
