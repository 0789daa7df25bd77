import type { LogLine, LogOptions } from '@plumbstack/core';
import type { EngineState } from './engine-state.js';

/** Lines of a stack's containers, or of one resource's, in the order of their time; then new ones, where asked. */
export async function* readLogs(
  state: EngineState,
  stack: string,
  resource: string | undefined,
  { since, tail, follow = false, signal }: LogOptions,
): AsyncGenerator<LogLine, void, undefined> {
  const concerns = (line: LogLine): boolean =>
    resource === undefined || line.resource === `${stack}/${resource}`;
  const recent = (line: LogLine): boolean => since === undefined || new Date(line.at) >= since;
  const past = state.containersOf(stack, resource).flatMap(({ lines }) => {
    const kept = lines.filter(recent);
    return tail === undefined ? kept : kept.slice(Math.max(0, kept.length - tail));
  });
  const waiting = past.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  if (!follow) {
    yield* waiting;
    return;
  }
  let wake: () => void = () => undefined;
  const take = (line: LogLine, of: string): void => {
    if (of !== stack || !concerns(line) || !recent(line)) return;
    waiting.push(line);
    wake();
  };
  const end = (): void => wake();
  state.followers.add(take);
  signal?.addEventListener('abort', end);
  try {
    while (signal?.aborted !== true) {
      const line = waiting.shift();
      if (line !== undefined) yield line;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    state.followers.delete(take);
    signal?.removeEventListener('abort', end);
  }
}
