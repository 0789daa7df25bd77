import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { PlumbstackError } from '@plumbstack/core';

/** The longest time that a timer can wait, about 24.8 days; one that is asked for more fires at once. */
const longestTimerMs = 2 ** 31 - 1;

/** A signal that aborts with the caller's own, or with `TIMEOUT` after a time. */
export function deadlineSignal(
  what: string,
  signal: AbortSignal | undefined,
  timeoutMs: number | undefined,
): AbortSignal & Disposable {
  const controller = new AbortController();
  // Every call of a run listens to it: many at once are no leak.
  setMaxListeners(0, controller.signal);
  const timer =
    timeoutMs === undefined || timeoutMs > longestTimerMs
      ? undefined
      : setTimeout(() => {
          controller.abort(
            new PlumbstackError('TIMEOUT', `${what} took longer than ${timeoutMs} ms.`, {
              details: { timeoutMs },
              hint: 'What was begun is finished or removed by the next run. Allow more time with timeoutMs.',
            }),
          );
        }, timeoutMs);
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
}

/** Looks again and again until there is a value; `undefined` when the time is over. Rejects with the signal's reason. */
export async function pollUntil<T>(
  look: () => Promise<T | undefined>,
  options: PollOptions,
): Promise<T | undefined> {
  const { signal, timeoutMs, intervalMs } = options;
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
