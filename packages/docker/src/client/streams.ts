import type { EngineEvent, EngineLogLine, EngineLogOptions, EventsOptions, Moment } from './docker-client.js';
import { part } from './containers.js';
import type { Engine } from './engine.js';
import { toEngineEvent } from './from-engine.js';
import { splitJson } from './json-splitter.js';
import { LogAssembler } from './log-assembler.js';

/** A container's log, line by line, as it comes. Rejects with the signal's reason when that aborts. */
export async function* readLogs(
  engine: Engine,
  container: string,
  { since, tail, follow = false, signal }: EngineLogOptions,
): AsyncGenerator<EngineLogLine, void, undefined> {
  const query = {
    ...{ stdout: true, stderr: true, timestamps: true, follow: follow as true },
    ...(since !== undefined && { since: toEngineTime(since) as unknown as number }),
    ...(tail !== undefined && { tail }),
  };
  const chunks = engine.chunks(
    `read the log of container ${container}`,
    signal === undefined ? {} : { signal },
    (docker) => docker.getContainer(part(container)).logs(query),
  );
  const lines = new LogAssembler();
  for await (const chunk of chunks) yield* lines.push(chunk);
  yield* lines.end();
}

/**
 * What containers, networks, volumes, images and the engine go through. What happens inside a container, as each run of
 * its health check, is not asked for: three events a second and container on an engine that has many.
 */
const actions = [
  ...[
    'create',
    'start',
    'restart',
    'stop',
    'die',
    'kill',
    'oom',
    'pause',
    'unpause',
    'rename',
    'update',
    'destroy',
  ],
  ...['health_status', 'connect', 'disconnect', 'remove'],
  ...['pull', 'tag', 'untag', 'delete', 'import', 'load', 'reload'],
];
const types = ['container', 'network', 'volume', 'image', 'daemon'];

/**
 * The engine's events of containers and images that carry the label, and of all networks, volumes and the engine itself:
 * those carry no labels. One feed for all of it, so that the order is the engine's; the label is looked at here, because
 * the engine's own filter would hold back what has none.
 */
export async function* readEvents(
  engine: Engine,
  label: string | undefined,
  { since, signal, onOpen }: EventsOptions,
): AsyncGenerator<EngineEvent, void, undefined> {
  const query = {
    filters: { type: types, event: actions },
    ...(since !== undefined && { since: toEngineTime(since) as unknown as number }),
  };
  const chunks = engine.chunks('follow events', signal === undefined ? {} : { signal }, async (docker) => {
    const stream = await docker.getEvents(query as object);
    onOpen?.();
    return stream;
  });
  for await (const text of splitJson(chunks)) {
    const event = toEngineEvent(text);
    if (isWanted(event, label)) yield event;
  }
}

function isWanted({ type, attributes }: EngineEvent, label: string | undefined): boolean {
  if (label === undefined || (type !== 'container' && type !== 'image')) return true;
  const [name = '', ...value] = label.split('=');
  const found = attributes[name];
  return found !== undefined && (value.length === 0 || found === value.join('='));
}

/** Seconds since 1970, with all the digits there are. */
function toEngineTime(moment: Moment): string {
  if (typeof moment !== 'string') return (moment.getTime() / 1000).toFixed(3);
  const digits = moment.padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}
