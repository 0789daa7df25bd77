import type { EventBase, LifecycleEventMap, LifecycleEventName } from './lifecycle-event-map.js';

/** One event by its name: plain, frozen, JSON-safe data. */
export type LifecycleEventOf<N extends LifecycleEventName> = EventBase &
  LifecycleEventMap[N] & { readonly type: N };

/** Any event: a union tagged by `type`. */
export type LifecycleEvent = { [N in LifecycleEventName]: LifecycleEventOf<N> }[LifecycleEventName];
