import { PlumbstackError, type WaitOptions } from '@plumbstack/core';

/** Runs work under a signal that aborts with the caller's, or with `TIMEOUT` at the deadline. */
export async function withDeadline<T>(
  what: string,
  { signal, timeoutMs }: WaitOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const inner = new AbortController();
  const pass = (): void => inner.abort(signal?.reason);
  signal?.addEventListener('abort', pass, { once: true });
  const timer =
    timeoutMs === undefined ? undefined : setTimeout(() => inner.abort(tooLate(what, timeoutMs)), timeoutMs);
  try {
    return await work(inner.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', pass);
  }
}

/** The promise's outcome, or the signal's reason where that comes first. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = (): void => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (stop !== undefined) signal.removeEventListener('abort', stop);
  }
}

/** Lets everything else that is due run first, so that two runs interleave and a signal can abort in between. */
export async function breathe(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve) => setImmediate(resolve));
  signal.throwIfAborted();
}

function tooLate(what: string, timeoutMs: number): PlumbstackError {
  return new PlumbstackError('TIMEOUT', `${what} did not end within ${timeoutMs} ms.`, {
    details: { timeoutMs },
    hint: 'What was done stays; the next up goes on from there.',
  });
}
