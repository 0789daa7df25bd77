import type { LifecycleEvent, LifecycleEventOf } from '../lifecycle-event.js';
import type { LifecycleEventMap, LifecycleEventName } from '../lifecycle-event-map.js';
import { actionWords } from './action-words.js';
import { visibleLines } from './terminal-text.js';

export type Tone = 'neutral' | 'good' | 'warning' | 'bad';

/** What is printed of an event. */
export interface Notice {
  readonly tone: Tone;
  /** What it is about: a resource's path, or a stack's name. */
  readonly subject: string;
  readonly text: string;
  readonly durationMs?: number;
  /** More lines below the first. */
  readonly below?: readonly string[];
}

interface Rule<N extends LifecycleEventName> {
  /**
   * `always`: as soon as it happens. `apart`: a live display shows it in the line of the work that it belongs to, and
   * prints it only where there is none. `never`: it is no news, only a measure of how far something is.
   */
  readonly shown: 'always' | 'apart' | 'never';
  readonly notice: (event: LifecycleEventOf<N>) => Notice;
}

/** What a console makes of an event: a line, and where the line has its place. */
export function noticeOf(
  event: LifecycleEvent,
): Notice & { readonly shown: Rule<LifecycleEventName>['shown'] } {
  const rule = rules[event.type] as Rule<LifecycleEventName>;
  return { ...rule.notice(event), shown: rule.shown };
}

type OfStack = { readonly stack: string };
type OfResource = { readonly resource: string };

function stackNotice({ stack }: OfStack, text: string, tone: Tone = 'neutral'): Notice {
  return { tone, subject: stack, text };
}

function resourceNotice({ resource }: OfResource, text: string, tone: Tone = 'neutral'): Notice {
  return { tone, subject: resource, text };
}

function failure({ code, message }: { readonly code: string; readonly message: string }): {
  readonly tone: 'bad';
  readonly below: readonly string[];
} {
  // The message of plumbstack's own errors starts with the code already.
  const said = code === 'UNKNOWN' || message.startsWith(code) ? message : `${code}: ${message}`;
  return { tone: 'bad', below: visibleLines(said) };
}

function planCounts({ plan }: LifecycleEventMap['stack:up:planned']): string {
  const count = (wanted: string): number => plan.steps.filter(({ action }) => action === wanted).length;
  const counts = ['create', 'update', 'replace', 'delete', 'keep']
    .map((action) => ({ action, n: count(action) }))
    .filter(({ n }) => n > 0)
    .map(({ action, n }) => `${n} to ${action}`);
  if (count('keep') < plan.steps.length) return counts.join(', ');
  return plan.steps.length === 1
    ? 'nothing to do, 1 resource is as described'
    : `nothing to do, ${plan.steps.length} resources are as described`;
}

function savedFiles(paths: readonly string[]): string {
  const [first, ...more] = paths;
  if (first === undefined) return 'its files have changed';
  return more.length === 0 ? `${first} was saved` : `${first} and ${more.length} more were saved`;
}

/** A rule for each event: the compiler demands every name. */
const rules: { readonly [N in LifecycleEventName]: Rule<N> } = {
  'stack:up:started': { shown: 'always', notice: (event) => stackNotice(event, 'bringing up') },
  'stack:up:planned': { shown: 'always', notice: (event) => stackNotice(event, planCounts(event)) },
  'stack:up:finished': {
    shown: 'always',
    notice: (event) => ({ ...stackNotice(event, 'is up', 'good'), durationMs: event.durationMs }),
  },
  'stack:up:failed': {
    shown: 'always',
    notice: (event) => ({
      ...stackNotice(event, 'did not come up'),
      ...failure(event),
      durationMs: event.durationMs,
    }),
  },
  'stack:down:started': { shown: 'always', notice: (event) => stackNotice(event, 'taking down') },
  'stack:down:finished': {
    shown: 'always',
    notice: (event) => ({ ...stackNotice(event, 'is down', 'good'), durationMs: event.durationMs }),
  },
  'stack:down:failed': {
    shown: 'always',
    notice: (event) => ({
      ...stackNotice(event, 'was not taken down'),
      ...failure(event),
      durationMs: event.durationMs,
    }),
  },

  'watch:changed': {
    shown: 'always',
    notice: (event) => stackNotice(event, savedFiles(event.paths)),
  },

  'step:started': { shown: 'apart', notice: (event) => resourceNotice(event, actionWords(event.action).now) },
  'step:finished': {
    shown: 'always',
    notice: (event) => ({
      ...resourceNotice(event, actionWords(event.action).done, 'good'),
      durationMs: event.durationMs,
    }),
  },
  'step:failed': {
    shown: 'always',
    notice: (event) => ({
      ...resourceNotice(event, actionWords(event.action).failed),
      ...failure(event),
    }),
  },
  'step:skipped': {
    shown: 'always',
    notice: (event) => resourceNotice(event, `skipped: ${event.because}`, 'warning'),
  },

  'image:pull:started': {
    shown: 'apart',
    notice: (event) => resourceNotice(event, `pulling ${event.image}`),
  },
  'image:pull:progress': { shown: 'never', notice: (event) => resourceNotice(event, event.status) },
  'image:pull:finished': {
    shown: 'apart',
    notice: (event) => ({
      ...resourceNotice(event, `pulled ${event.image}`, 'good'),
      durationMs: event.durationMs,
    }),
  },
  'image:build:started': {
    shown: 'apart',
    notice: (event) => resourceNotice(event, `building ${event.image}`),
  },
  'image:build:progress': {
    shown: 'apart',
    notice: (event) => resourceNotice(event, visibleLines(event.status).join(' ')),
  },
  'image:removed': { shown: 'apart', notice: (event) => resourceNotice(event, `removed ${event.image}`) },
  'image:build:finished': {
    shown: 'apart',
    notice: (event) => ({
      ...resourceNotice(event, `built ${event.image}`, 'good'),
      durationMs: event.durationMs,
    }),
  },

  'resource:created': { shown: 'apart', notice: (event) => resourceNotice(event, 'is new') },
  'resource:updated': { shown: 'apart', notice: (event) => resourceNotice(event, 'was updated') },
  'resource:replaced': { shown: 'apart', notice: (event) => resourceNotice(event, 'was replaced') },
  'resource:removed': { shown: 'apart', notice: (event) => resourceNotice(event, 'was removed') },

  'container:started': {
    shown: 'apart',
    notice: (event) => resourceNotice(event, `started ${event.container}`),
  },
  'container:exited': {
    shown: 'always',
    notice: (event) => {
      const memory = event.oomKilled ? ', because it used more memory than it may' : '';
      return resourceNotice(event, `${event.container} exited with code ${event.exitCode}${memory}`, 'bad');
    },
  },
  'container:stopped': {
    shown: 'always',
    notice: (event) =>
      resourceNotice(event, `${event.container} was stopped, exit code ${event.exitCode}`, 'warning'),
  },
  'container:removed': {
    shown: 'always',
    notice: (event) => resourceNotice(event, `${event.container} was removed`, 'warning'),
  },
  'container:paused': {
    shown: 'always',
    notice: (event) => resourceNotice(event, `${event.container} was paused`, 'warning'),
  },
  'container:unpaused': {
    shown: 'always',
    notice: (event) => resourceNotice(event, `${event.container} goes on`, 'good'),
  },
  'container:disconnected': {
    shown: 'always',
    notice: (event) => resourceNotice(event, `${event.container} was taken off the network`, 'bad'),
  },
  'container:connected': {
    shown: 'always',
    notice: (event) => resourceNotice(event, `${event.container} is on the network again`, 'good'),
  },
  'container:waiting': {
    shown: 'apart',
    notice: (event) => resourceNotice(event, `waiting for ${event.container} until ${event.until}`),
  },

  'app:healthy': {
    shown: 'apart',
    notice: (event) => resourceNotice(event, `${event.container} is healthy`, 'good'),
  },
  'app:unhealthy': {
    shown: 'always',
    notice: (event) => resourceNotice(event, `${event.container} is unhealthy`, 'bad'),
  },

  'worker:joined': {
    shown: 'apart',
    notice: (event) => resourceNotice(event, `${event.worker} joined`, 'good'),
  },
  'worker:draining': {
    shown: 'apart',
    notice: (event) => resourceNotice(event, `${event.worker} is draining`),
  },
  'worker:left': { shown: 'apart', notice: (event) => resourceNotice(event, `${event.worker} left`) },
  'worker:unhealthy': {
    shown: 'always',
    notice: (event) => resourceNotice(event, `${event.worker} is unhealthy and gets no requests`, 'bad'),
  },
  'worker:recovered': {
    shown: 'always',
    notice: (event) => resourceNotice(event, `${event.worker} recovered`, 'good'),
  },

  'pool:scaled': {
    shown: 'apart',
    notice: (event) => resourceNotice(event, `scaled from ${event.from} to ${event.to}`, 'good'),
  },
  'pool:queue': { shown: 'never', notice: (event) => resourceNotice(event, `${event.queued} requests wait`) },
  'pool:reloaded': {
    shown: 'apart',
    notice: (event) => resourceNotice(event, 'HAProxy runs a new configuration'),
  },
  'router:reloaded': {
    shown: 'apart',
    notice: (event) => resourceNotice(event, 'nginx runs a new configuration'),
  },
  'update:rolledback': {
    shown: 'always',
    notice: (event) => resourceNotice(event, `rolled back: ${event.reason}`, 'bad'),
  },

  'lock:waiting': {
    shown: 'apart',
    notice: (event) => stackNotice(event, `waiting for the lock held by ${event.holder}`, 'warning'),
  },
  'lock:acquired': { shown: 'never', notice: (event) => stackNotice(event, 'has the lock') },

  'stream:stale': {
    shown: 'always',
    notice: (event) => stackNotice(event, `nothing is heard of the engine: ${event.reason}`, 'warning'),
  },
  'stream:recovered': {
    shown: 'always',
    notice: (event) => ({
      ...stackNotice(event, 'the engine is heard again', 'good'),
      durationMs: event.durationMs,
    }),
  },
  'stream:gap': {
    shown: 'always',
    notice: (event) => stackNotice(event, `events may be missing: ${event.reason}`, 'warning'),
  },
  'listener:failed': {
    shown: 'always',
    notice: (event) => stackNotice(event, `a listener of ${event.event} failed: ${event.message}`, 'warning'),
  },
};
