import type { LifecycleEvent } from '../lifecycle-event.js';
import { actionWords } from './action-words.js';
import { visibleLines } from './terminal-text.js';
import { share } from './units.js';

/** What is being worked on now: one line of the display. */
export interface Work {
  readonly stack: string;
  /** Path of the resource, or the stack's name for what concerns all of it. */
  readonly subject: string;
  /** What began it, and so what ends it. */
  readonly kind: 'step' | 'pull' | 'build' | 'lock';
  /** Time of the console's clock, in milliseconds. */
  readonly startedAt: number;
  /** What is done to it. */
  readonly word: string;
  /** What of that is going on at the moment; empty where nothing is known. */
  readonly detail: string;
}

/** The work in progress by its subject, in the order in which it was begun. */
export type ProgressState = ReadonlyMap<string, Work>;

export const noProgress: ProgressState = new Map();

/** Longer than any line of a terminal: a build may write lines of any length, and each is looked at on every redraw. */
const longestDetail = 500;

/** The state after an event. Gives back the same object where nothing changes. */
export function advance(state: ProgressState, event: LifecycleEvent, now: number): ProgressState {
  switch (event.type) {
    case 'stack:up:finished':
    case 'stack:up:failed':
    case 'stack:down:finished':
    case 'stack:down:failed':
      return endAll(state, event.stack);
    case 'step:started':
      return begin(state, event.resource, {
        stack: event.stack,
        kind: 'step',
        word: actionWords(event.action).now,
        now,
      });
    case 'step:finished':
    case 'step:failed':
    case 'step:skipped':
      return end(state, event.resource, 'step');
    case 'image:pull:started':
      return onImage(state, event, { kind: 'pull', text: `pulling ${event.image}`, now });
    case 'image:pull:progress': {
      const arrived = share(event.current, event.total);
      // The number first: it is what changes, and the end of the line is what a narrow terminal cuts.
      const text = arrived === '' ? `${event.image}: ${event.status}` : `${arrived} ${event.image}`;
      return onImage(state, event, { kind: 'pull', text: `pulling ${text}`, now });
    }
    case 'image:build:started':
      return onImage(state, event, { kind: 'build', text: `building ${event.image}`, now });
    case 'image:build:progress': {
      const line = visibleLines(event.status).at(-1);
      if (line === undefined) return state;
      return onImage(state, event, { kind: 'build', text: `building: ${line.trimStart()}`, now });
    }
    case 'image:pull:finished':
      return detail(end(state, event.resource, 'pull'), event.resource, '');
    case 'image:build:finished':
      return detail(end(state, event.resource, 'build'), event.resource, '');
    case 'container:started':
      return detail(state, event.resource, `started ${event.container}`);
    case 'container:waiting':
      return detail(state, event.resource, `waiting for ${event.container} until ${event.until}`);
    case 'worker:draining':
      return detail(state, event.resource, `draining ${event.container}`);
    case 'lock:waiting':
      return begin(state, event.stack, {
        stack: event.stack,
        kind: 'lock',
        word: `waiting for the lock held by ${event.holder}`,
        now,
      });
    case 'lock:acquired':
      return end(state, event.stack, 'lock');
    default:
      return state;
  }
}

interface Beginning {
  readonly stack: string;
  readonly kind: Work['kind'];
  readonly word: string;
  readonly now: number;
}

function begin(state: ProgressState, subject: string, { stack, kind, word, now }: Beginning): ProgressState {
  // A resource's image may have been worked on before its step began: that is one piece of work to a reader.
  const startedAt = state.get(subject)?.startedAt ?? now;
  return new Map(state).set(subject, { stack, subject, kind, startedAt, word, detail: '' });
}

interface ImageWork {
  readonly kind: 'pull' | 'build';
  readonly text: string;
  readonly now: number;
}

// An image is part of its resource's step; where there is no step, it is work of its own.
function onImage(
  state: ProgressState,
  { stack, resource }: { readonly stack: string; readonly resource: string },
  { kind, text, now }: ImageWork,
): ProgressState {
  const begun = state.has(resource) ? state : begin(state, resource, { stack, kind, word: text, now });
  return detail(begun, resource, text);
}

function detail(state: ProgressState, subject: string, text: string): ProgressState {
  const work = state.get(subject);
  return work === undefined
    ? state
    : new Map(state).set(subject, { ...work, detail: text.slice(0, longestDetail) });
}

function end(state: ProgressState, subject: string, kind: Work['kind']): ProgressState {
  if (state.get(subject)?.kind !== kind) return state;
  const rest = new Map(state);
  rest.delete(subject);
  return rest;
}

function endAll(state: ProgressState, stack: string): ProgressState {
  return new Map([...state].filter(([, work]) => work.stack !== stack));
}
