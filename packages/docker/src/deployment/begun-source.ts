import { refuse, refuseNamed } from '@plumbstack/core';
import { unlessAborted } from '../apply/deadline.js';

const path = 'importVolume.source';

/**
 * A source whose first chunk is here already. One that fails at once, as that of a missing file does, or that gives something
 * else than bytes, so fails before anything is removed for it.
 */
export async function begunSource(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const reader = bytesOf(source);
  const first = await unlessAborted(signal, () => reader.next());
  if (first.done === true) refuseNamed(path, 'a tar stream', 'an empty one');
  return (async function* () {
    yield first.value;
    yield* reader;
  })();
}

async function* bytesOf(source: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    if (!(chunk instanceof Uint8Array)) refuse(path, 'a stream of bytes', chunk);
    if (chunk.length > 0) yield chunk;
  }
}
