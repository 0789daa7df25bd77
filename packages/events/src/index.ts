// For users: what a program listens to.
export type { EventBase, LifecycleEventMap, LifecycleEventName } from './lifecycle-event-map.js';
export type { LifecycleEvent, LifecycleEventOf } from './lifecycle-event.js';
export type { LifecycleSource, StreamOptions } from './lifecycle-source.js';
export type { LifecycleDeployment, LifecycleRuntime } from './lifecycle-runtime.js';

// For authors of runtimes: what tells it.
export {
  LifecycleEmitter,
  everyStack,
  type Demand,
  type LifecycleEmitterOptions,
} from './lifecycle-emitter.js';
