import { EventEmitter } from 'eventemitter3';
import type { LifecycleEvent } from './lifecycle-event.js';
import type { LifecycleEventName } from './lifecycle-event-map.js';

export type Listener = (event: LifecycleEvent) => unknown;
export type ListenedName = LifecycleEventName | '*';

/** One call of `on` or `once`. */
export interface Registration {
  readonly name: ListenedName;
  readonly listener: Listener;
  /** The view that it was made through; `off` through another view leaves it alone. */
  readonly view: string | undefined;
  /** Which events it is told. */
  readonly accepts: (event: LifecycleEvent) => boolean;
  readonly once: boolean;
}

/**
 * The listeners of an emitter. eventemitter3 stops at a listener that throws, does not look at what a listener returns,
 * and goes on calling one that was removed during the call; so it only ever holds functions that do none of this harm.
 */
export class Listeners {
  readonly #emitter = new EventEmitter<string>();
  readonly #registrations = new WeakMap<(event: LifecycleEvent) => void, Registration>();
  readonly #cancelled = new WeakSet<Registration>();
  readonly #onFailure: (event: LifecycleEvent, error: unknown) => void;
  readonly #views = new Map<string | undefined, number>();
  readonly #onViews: () => void;

  /** @param onViews told when the first listener of a view comes, and when its last one goes */
  constructor(onFailure: (event: LifecycleEvent, error: unknown) => void, onViews: () => void) {
    this.#onFailure = onFailure;
    this.#onViews = onViews;
  }

  /** The views that somebody listens through. */
  get views(): Iterable<string | undefined> {
    return this.#views.keys();
  }

  get count(): number {
    return this.#emitter.eventNames().reduce((sum, name) => sum + this.#emitter.listenerCount(name), 0);
  }

  add(registration: Registration): Disposable {
    const tell = (event: LifecycleEvent): void => this.#tell(registration, tell, event);
    this.#registrations.set(tell, registration);
    this.#emitter.on(registration.name, tell);
    this.#count(registration.view, 1);
    return { [Symbol.dispose]: () => this.#remove(registration, tell) };
  }

  /** Removes every registration of that name, listener and view. */
  remove({ name, listener, view }: Pick<Registration, 'name' | 'listener' | 'view'>): void {
    for (const tell of this.#emitter.listeners(name)) {
      const found = this.#registrations.get(tell);
      if (found?.listener === listener && found.view === view) this.#remove(found, tell);
    }
  }

  /** Tells those of the event's name, then those of every event. Never throws. */
  tell(event: LifecycleEvent): void {
    this.#emitter.emit(event.type, event);
    this.#emitter.emit('*', event);
  }

  #remove(registration: Registration, tell: (event: LifecycleEvent) => void): void {
    if (this.#cancelled.has(registration)) return;
    this.#cancelled.add(registration);
    this.#emitter.off(registration.name, tell);
    this.#count(registration.view, -1);
  }

  #count(view: string | undefined, change: 1 | -1): void {
    const before = this.#views.get(view) ?? 0;
    const now = before + change;
    if (now === 0) this.#views.delete(view);
    else this.#views.set(view, now);
    if (before === 0 || now === 0) this.#onViews();
  }

  #tell(registration: Registration, tell: (event: LifecycleEvent) => void, event: LifecycleEvent): void {
    if (this.#cancelled.has(registration) || !registration.accepts(event)) return;
    if (registration.once) this.#remove(registration, tell);
    const fail = (error: unknown): void => this.#onFailure(event, error);
    try {
      const result = registration.listener(event);
      if (isThenable(result)) void Promise.resolve(result).then(undefined, fail);
    } catch (error) {
      fail(error);
    }
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
