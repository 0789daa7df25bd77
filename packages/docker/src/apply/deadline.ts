import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { PlumbstackError } from '@plumbstack/core';

/** The longest time that a timer can wait, about 24.8 days; one that is asked for more fires at once. */
const longestTimerMs = 2 ** 31 - 1;

/** What is waited for under a signal: what a run wants to come about, and calls that the engine has not answered. */
class Waits {
  readonly #ends = new Set<() => string>();
  readonly #calls = new Set<() => string>();

  note(what: () => string, { isCall }: { readonly isCall: boolean }): Disposable {
    const noted = isCall ? this.#calls : this.#ends;
    // A function of its own: the same may be waited for twice.
    const entry = (): string => what();
    noted.add(entry);
    return { [Symbol.dispose]: () => void noted.delete(entry) };
  }

  /** A call is one of many looks where something is waited for; it is what the verb stands at where nothing is. */
  get now(): readonly string[] {
    const noted = this.#ends.size > 0 ? this.#ends : this.#calls;
    return [...new Set([...noted].map((each) => each()))];
  }
}

const waitsUnder = new WeakMap<AbortSignal, Waits>();
const nothing: Disposable = { [Symbol.dispose]: () => undefined };

/** Notes what is waited for, until it is disposed: where the verb's time ends meanwhile, its error says so. */
export function noteWait(signal: AbortSignal, what: () => string): Disposable {
  return waitsUnder.get(signal)?.note(what, { isCall: false }) ?? nothing;
}

/** The same of a call to the engine. */
export function noteCall(signal: AbortSignal | undefined, what: () => string): Disposable {
  if (signal === undefined) return nothing;
  return waitsUnder.get(signal)?.note(() => `the engine to ${what()}`, { isCall: true }) ?? nothing;
}

/** A signal that was made of another: what is waited for under it is told by the deadline of that one. */
export function partOf(signal: AbortSignal, whole: AbortSignal): AbortSignal {
  const waits = waitsUnder.get(whole);
  if (waits !== undefined) waitsUnder.set(signal, waits);
  return signal;
}

/** How many waits an error lists. */
const mostListed = 3;

function timeUp(what: string, timeoutMs: number, waitedFor: readonly string[]): PlumbstackError {
  const more = waitedFor.length - mostListed;
  const listed = [...waitedFor.slice(0, mostListed), ...(more > 0 ? [`${more} more`] : [])].join('; ');
  return new PlumbstackError(
    'TIMEOUT',
    `${what} took longer than ${timeoutMs} ms${listed === '' ? '' : `. It waited for ${listed}`}.`,
    {
      details: { timeoutMs, waitedFor },
      hint: 'What was begun is finished or removed by the next run. Allow more time with timeoutMs.',
    },
  );
}

/** A signal that aborts with the caller's own, or with `TIMEOUT` after a time, which says what was waited for then. */
export function deadlineSignal(
  what: string,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
): AbortSignal & Disposable {
  const controller = new AbortController();
  const waits = new Waits();
  waitsUnder.set(controller.signal, waits);
  // Every call of a run listens to it: many at once are no leak.
  setMaxListeners(0, controller.signal);
  const timer =
    timeoutMs === undefined || timeoutMs > longestTimerMs
      ? undefined
      : setTimeout(() => controller.abort(timeUp(what, timeoutMs, waits.now)), timeoutMs);
  const forward = (): void => controller.abort(signal?.reason);
  const dispose = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', forward);
  };
  // However it ends, nothing of it is left.
  controller.signal.addEventListener('abort', dispose, { once: true });
  signal?.addEventListener('abort', forward, { once: true });
  if (signal?.aborted === true) forward();
  return Object.assign(controller.signal, { [Symbol.dispose]: dispose });
}

export interface PollOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** Pause between two looks; grows to ten times this while nothing happens. */
  readonly intervalMs: number;
  /** What it is that is waited for, as `shop/api to answer`: for the error of a verb whose time ends meanwhile. */
  readonly waitedFor?: () => string;
}

/** Looks again and again until there is a value; `undefined` when the time is over. Rejects with the signal's reason. */
export async function pollUntil<T>(
  look: () => Promise<T | undefined>,
  options: PollOptions,
): Promise<T | undefined> {
  const { signal, timeoutMs, intervalMs, waitedFor } = options;
  using _noted = waitedFor === undefined ? nothing : noteWait(signal, waitedFor);
  const end = performance.now() + timeoutMs;
  for (let pause = intervalMs; ; pause = Math.min(pause * 1.3, intervalMs * 10)) {
    signal.throwIfAborted();
    const found = await look();
    if (found !== undefined) return found;
    const left = end - performance.now();
    if (left <= 0) return undefined;
    await pauseFor(Math.min(pause, left), signal);
  }
}

/** What is left of a time that begins now. */
export function countdown(timeoutMs: number): () => number {
  const end = performance.now() + timeoutMs;
  return () => Math.max(0, end - performance.now());
}

/** A pause that an abort ends with its own reason. */
export async function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** The outcome of something that knows no signal, or the signal's reason when that comes first. */
export function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    // In a function of its own, so that what it throws at once is a rejection too.
    (async () => work())()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}
