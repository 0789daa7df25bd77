import { aFunction, integer, nearest, options, refuse, signal, type Checks } from '@plumbstack/core';
import type { LifecycleEventName } from './lifecycle-event-map.js';
import type { StreamOptions } from './lifecycle-source.js';
import type { ListenedName, Listener } from './listeners.js';

/** The names of the map, for programs that are not typed. */
const names: { readonly [N in LifecycleEventName]: N } = {
  'stack:up:started': 'stack:up:started',
  'stack:up:planned': 'stack:up:planned',
  'stack:up:finished': 'stack:up:finished',
  'stack:up:failed': 'stack:up:failed',
  'stack:down:started': 'stack:down:started',
  'stack:down:finished': 'stack:down:finished',
  'stack:down:failed': 'stack:down:failed',
  'watch:changed': 'watch:changed',
  'step:started': 'step:started',
  'step:finished': 'step:finished',
  'step:failed': 'step:failed',
  'step:skipped': 'step:skipped',
  'image:pull:started': 'image:pull:started',
  'image:pull:progress': 'image:pull:progress',
  'image:pull:finished': 'image:pull:finished',
  'image:build:started': 'image:build:started',
  'image:build:progress': 'image:build:progress',
  'image:build:finished': 'image:build:finished',
  'image:removed': 'image:removed',
  'resource:created': 'resource:created',
  'resource:updated': 'resource:updated',
  'resource:replaced': 'resource:replaced',
  'resource:removed': 'resource:removed',
  'container:started': 'container:started',
  'container:exited': 'container:exited',
  'container:stopped': 'container:stopped',
  'container:removed': 'container:removed',
  'container:paused': 'container:paused',
  'container:unpaused': 'container:unpaused',
  'container:disconnected': 'container:disconnected',
  'container:connected': 'container:connected',
  'container:waiting': 'container:waiting',
  'app:healthy': 'app:healthy',
  'app:unhealthy': 'app:unhealthy',
  'worker:joined': 'worker:joined',
  'worker:draining': 'worker:draining',
  'worker:left': 'worker:left',
  'worker:unhealthy': 'worker:unhealthy',
  'worker:recovered': 'worker:recovered',
  'pool:scaled': 'pool:scaled',
  'pool:queue': 'pool:queue',
  'pool:reloaded': 'pool:reloaded',
  'router:reloaded': 'router:reloaded',
  'update:rolledback': 'update:rolledback',
  'lock:waiting': 'lock:waiting',
  'lock:acquired': 'lock:acquired',
  'stream:stale': 'stream:stale',
  'stream:recovered': 'stream:recovered',
  'stream:gap': 'stream:gap',
  'listener:failed': 'listener:failed',
};
const known: readonly string[] = Object.values(names);

/** What `on`, `once` and `off` were called with, checked. Throws `INVALID_OPTION`. */
export function listenArguments(
  verb: 'on' | 'once' | 'off',
  name: unknown,
  listener: unknown,
): { readonly name: ListenedName; readonly listener: Listener } {
  return { name: listenedName(name, `${verb}.name`), listener: aFunction(listener, `${verb}.listener`) };
}

function listenedName(name: unknown, path: string): ListenedName {
  const found =
    name === '*' ? name : typeof name === 'string' ? known.find((each) => each === name) : undefined;
  if (found !== undefined) return found as ListenedName;
  const meant = typeof name === 'string' ? nearest(name, known) : undefined;
  refuse(
    path,
    "the name of an event, or '*' for every event",
    name,
    meant === undefined ? `Known are: ${known.join(', ')}.` : `Did you mean ${JSON.stringify(meant)}?`,
  );
}

const streamChecks: Checks<StreamOptions> = {
  signal,
  filter: aFunction,
  since: integer(0),
  bufferSize: integer(1),
};

/** The options of `stream`, checked. Throws `INVALID_OPTION`. */
export function streamOptions(given: unknown = {}): StreamOptions {
  return options(given, 'stream', streamChecks);
}
