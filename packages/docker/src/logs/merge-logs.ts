import { setMaxListeners } from 'node:events';
import { resourcePath, type LogLine, type LogOptions } from '@plumbstack/core';
import type { DockerReader } from '../client/docker-client.js';
import { declaredName } from '../object-names.js';
import type { ObservedContainer } from '../plan/observed-state.js';

/** What several containers have said, by its time. */
export async function* mergeLogs(
  client: DockerReader,
  stack: string,
  containers: readonly ObservedContainer[],
  options: Omit<LogOptions, 'follow'>,
): AsyncGenerator<LogLine, void, undefined> {
  // Aborted when the reader stops too.
  const ended = new AbortController();
  // Every source listens to it.
  setMaxListeners(0, ended.signal);
  const end = (): void => ended.abort();
  options.signal?.addEventListener('abort', end, { once: true });
  if (options.signal?.aborted === true) end();
  const sources = containers.map((each) =>
    linesOf(client, stack, each, { ...options, signal: ended.signal })[Symbol.asyncIterator](),
  );
  try {
    yield* byTime(sources);
  } finally {
    options.signal?.removeEventListener('abort', end);
    end();
    await Promise.all(sources.map((each) => each.return?.()));
  }
}

type Source = AsyncIterator<LogLine, void, undefined>;

async function* linesOf(
  client: DockerReader,
  stack: string,
  { id, name, resource }: ObservedContainer,
  { since, tail, signal }: LogOptions & { readonly signal: AbortSignal },
): AsyncGenerator<LogLine, void, undefined> {
  const lines = client.logs(id, {
    ...(since !== undefined && { since }),
    ...(tail !== undefined && { tail }),
    signal,
  });
  try {
    for await (const { stream, at, text } of lines) {
      yield { resource: resourcePath(stack, declaredName(resource)), container: name, stream, at, text };
    }
  } catch (error) {
    // An abort is how a reader says that it has enough.
    if (!signal.aborted) throw error;
  }
}

async function* byTime(sources: readonly Source[]): AsyncGenerator<LogLine, void, undefined> {
  const heads = await Promise.all(sources.map((each) => each.next()));
  for (;;) {
    let first = -1;
    heads.forEach((head, index) => {
      const best = heads[first];
      if (head.done !== true && (best === undefined || best.done === true || head.value.at < best.value.at))
        first = index;
    });
    const head = heads[first];
    const source = sources[first];
    if (head === undefined || head.done === true || source === undefined) return;
    yield head.value;
    heads[first] = await source.next();
  }
}
