import type { Writable } from 'node:stream';
import type { LifecycleEvent } from './lifecycle-event.js';
import type { LifecycleSource, StreamOptions } from './lifecycle-source.js';

export interface WriteEventsOptions extends StreamOptions {
  readonly format: (event: LifecycleEvent) => string;
  /** What is written from time to time, to show that the stream is alive. @default nothing */
  readonly heartbeat?: { readonly text: string; readonly intervalMs: number };
}

/**
 * Writes each event as it comes, no faster than the writable takes them. Ends quietly with the signal, or when the
 * writable is ended, closed or lost its reader; rejects with the writable's own error where it has any other.
 */
export async function writeEvents(
  source: LifecycleSource,
  writable: Writable,
  options: WriteEventsOptions,
): Promise<void> {
  const { format, heartbeat, signal, ...rest } = options;
  const end = new AbortController();
  let failure: { readonly error: Error } | undefined;
  const onEnd = (): void => end.abort();
  const onError = (error: NodeJS.ErrnoException): void => {
    if (!lostReader.has(error.code)) failure = { error };
    end.abort();
  };
  signal?.addEventListener('abort', onEnd, { once: true });
  writable.on('close', onEnd).on('finish', onEnd).on('error', onError);
  if (signal?.aborted === true || hasEnded(writable)) end.abort();
  const beat = (): void => {
    // A writable that is full says by itself that it is in use.
    if (heartbeat !== undefined && !hasEnded(writable) && !writable.writableNeedDrain)
      writable.write(heartbeat.text);
  };
  const timer = heartbeat === undefined ? undefined : setInterval(beat, heartbeat.intervalMs).unref();
  try {
    for await (const event of source.stream({ ...rest, signal: end.signal })) {
      // Its 'finish', 'close' or 'error' is still to come, and is waited for: without a listener an error would end the
      // process.
      if (hasEnded(writable)) continue;
      if (!writable.write(format(event))) await drained(writable, end.signal);
    }
  } finally {
    clearInterval(timer);
    signal?.removeEventListener('abort', onEnd);
    writable.off('close', onEnd).off('finish', onEnd).off('error', onError);
  }
  if (failure !== undefined) throw failure.error;
}

/** What a pipe or a socket fails with when nobody reads it any more. */
const lostReader: ReadonlySet<string | undefined> = new Set([
  'EPIPE',
  'ECONNRESET',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

function hasEnded(writable: Writable): boolean {
  return writable.destroyed || writable.writableEnded;
}

/** Waits until the writable takes more, or until there is no more to write. */
function drained(writable: Writable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      writable.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    writable.on('drain', done);
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
  });
}
