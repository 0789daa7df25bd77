import type { Writable } from 'node:stream';
import { integer } from '@plumbstack/core';
import type { LifecycleEvent } from './lifecycle-event.js';
import type { LifecycleSource, StreamOptions } from './lifecycle-source.js';
import { writeEvents } from './write-events.js';

export interface SseOptions extends StreamOptions {
  /**
   * The request's `Last-Event-ID` header as it came: goes on after that event. Takes the place of `since` where it is a
   * number; anything else in it is ignored.
   */
  readonly lastEventId?: string | readonly string[] | undefined;
  /**
   * Time between two comments that keep proxies from closing a quiet connection, in milliseconds; 0 for none.
   * @default 15000
   */
  readonly heartbeatMs?: number;
}

/** Headers of a response that {@link writeSse} writes to. The last one keeps nginx from holding events back. */
export const sseHeaders: Readonly<Record<string, string>> = Object.freeze({
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
});

/**
 * Writes each event in the format of WHATWG's server-sent events, no faster than the response takes them: `id` is its
 * sequence number, `event` its type, `data` all of it as JSON. Resolves when the signal aborts, or when the response is
 * ended or closed; rejects with the response's own error where it has any other. The response is not ended.
 */
export async function writeSse(
  source: LifecycleSource,
  response: Writable,
  options: SseOptions = {},
): Promise<void> {
  const { lastEventId, heartbeatMs: given = 15_000, ...stream } = options;
  const heartbeatMs = integer(0)(given, 'sse.heartbeatMs');
  const last =
    typeof lastEventId === 'string' && /^\d{1,15}$/.test(lastEventId) ? Number(lastEventId) : undefined;
  await writeEvents(source, response, {
    ...stream,
    ...(last !== undefined && { since: last + 1 }),
    format,
    ...(heartbeatMs > 0 && { heartbeat: { text: ':\n\n', intervalMs: heartbeatMs } }),
  });
}

// JSON has no line end outside of its strings and escapes those inside: it is always one `data` line.
function format(event: LifecycleEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
