import type { LifecycleEvent, LifecycleEventOf } from './lifecycle-event.js';
import type { LifecycleEventName } from './lifecycle-event-map.js';

export interface StreamOptions {
  /** Ends the stream quietly, at once: what was not read yet is dropped. */
  readonly signal?: AbortSignal;
  /** Only these events; a `stream:gap` about the stream itself always comes. @default all */
  readonly filter?: (event: LifecycleEvent) => boolean;
  /**
   * Also what was told before, from that sequence number on, as far as it is still remembered. Where it is not, the first
   * event is a `stream:gap`. @default only what comes
   */
  readonly since?: number;
  /** Events held for a reader that is slower than they come; older ones then give way to one `stream:gap`. @default 10000 */
  readonly bufferSize?: number;
}

/**
 * The half of the events that is for listening. A listener hears what is emitted after it was added, in the order of the
 * sequence numbers, even where another listener made more happen. One that throws or rejects harms no other listener and
 * no verb; a `listener:failed` tells of it. A name that is no event's, or a listener that is no function, is refused with
 * `INVALID_OPTION`.
 */
export interface LifecycleSource {
  /** Listens until the returned disposable is disposed, or {@link off}. Added twice, a listener is told twice. */
  on<N extends LifecycleEventName>(name: N, listener: (event: LifecycleEventOf<N>) => unknown): Disposable;
  /** Listens to every event. Told after the listeners of the event's own name. */
  on(name: '*', listener: (event: LifecycleEvent) => unknown): Disposable;
  /** Listens to the next one only. */
  once<N extends LifecycleEventName>(name: N, listener: (event: LifecycleEventOf<N>) => unknown): Disposable;
  once(name: '*', listener: (event: LifecycleEvent) => unknown): Disposable;
  /** Ends what {@link on} and {@link once} of the same name and listener began. One that is not there is no error. */
  off<N extends LifecycleEventName>(name: N, listener: (event: LifecycleEventOf<N>) => unknown): void;
  off(name: '*', listener: (event: LifecycleEvent) => unknown): void;
  /**
   * The events as they come, for one reader: each call gives a stream with a buffer of its own. It listens from the call
   * on, so that nothing is missed between the call and the first read. `break`, `return()` or the signal ends it. While a
   * read waits for the next event of a stack that is up, the program does not end; listeners keep no program from ending.
   *
   * Throws `INVALID_OPTION` for an option of the wrong kind. A `filter` that throws ends the stream with what it threw.
   */
  stream(options?: StreamOptions): AsyncIterable<LifecycleEvent>;
}
