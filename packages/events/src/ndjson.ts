import type { Writable } from 'node:stream';
import type { LifecycleSource, StreamOptions } from './lifecycle-source.js';
import { writeEvents } from './write-events.js';

/**
 * Writes each event as one line of JSON, no faster than the writable takes them. Resolves when the signal aborts, or when
 * the writable is ended, closed or lost its reader; rejects with the writable's own error where it has any other. The
 * writable is not ended.
 */
export function writeNdjson(
  source: LifecycleSource,
  writable: Writable,
  options: StreamOptions = {},
): Promise<void> {
  return writeEvents(source, writable, { ...options, format: (event) => `${JSON.stringify(event)}\n` });
}
