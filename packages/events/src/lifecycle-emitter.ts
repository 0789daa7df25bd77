import { aFunction, createPlan, freeze, integer, options, type Checks, type Plan } from '@plumbstack/core';
import { EventMemory } from './event-memory.js';
import { EventStream } from './event-stream.js';
import type { LifecycleEvent, LifecycleEventOf } from './lifecycle-event.js';
import type { LifecycleEventMap, LifecycleEventName } from './lifecycle-event-map.js';
import type { LifecycleSource } from './lifecycle-source.js';
import { listenArguments, streamOptions } from './listen-arguments.js';
import { Listeners, type ListenedName, type Listener } from './listeners.js';

export interface LifecycleEmitterOptions {
  /** The clock. @default the system's */
  readonly now?: () => Date;
  /** How many of the last events are remembered for `stream({ since })`. @default 10000 */
  readonly memory?: number;
  /** Told whenever {@link Demand} changes: a runtime need watch its engine only while somebody listens. @default nobody */
  readonly onDemand?: (demand: Demand) => void;
}

const checks: Checks<LifecycleEmitterOptions> = { now: aFunction, memory: integer(0), onDemand: aFunction };

/** What is listened to now. */
export interface Demand {
  /** Somebody listens to every stack. */
  readonly everyStack: boolean;
  /** Names of the stacks that somebody listens to each by itself. */
  readonly stacks: ReadonlySet<string>;
  /** Somebody waits for the next event of a stream, so that the program should not end before it comes. */
  readonly awaited: boolean;
}

/** In place of a stack's name: an event for the listeners of every stack. */
export const everyStack = '*';

/** For authors of runtimes: the half of the events that is for telling. */
export class LifecycleEmitter {
  /** What listens to every stack. */
  readonly source: LifecycleSource;
  readonly #now: () => Date;
  readonly #memory: EventMemory;
  readonly #onDemand: (demand: Demand) => void;
  readonly #listeners = new Listeners(
    (event, error) => this.#tellFailure(event, error),
    () => this.#onDemand(this.demand),
  );
  #awaiting = 0;
  readonly #untold: LifecycleEvent[] = [];
  #telling = false;
  #seq = 0;

  constructor(given: LifecycleEmitterOptions = {}) {
    const {
      now = () => new Date(),
      memory = 10_000,
      onDemand = () => undefined,
    } = options<LifecycleEmitterOptions>(given, 'LifecycleEmitter', checks);
    this.#now = now;
    this.#memory = new EventMemory(memory);
    this.#onDemand = onDemand;
    this.source = this.#view(undefined);
  }

  get demand(): Demand {
    const views = [...this.#listeners.views];
    return {
      everyStack: views.includes(undefined),
      stacks: new Set(views.filter((view) => view !== undefined)),
      awaited: this.#awaiting > 0,
    };
  }

  /** How many listen now, streams included. A runtime may watch its engine only while somebody does. */
  get listenerCount(): number {
    return this.#listeners.count;
  }

  /**
   * Tells an event, and returns it as it was told: a frozen copy with its number and time. Every listener has returned
   * when this returns, unless a listener calls it: then this event is told after the one that is being told. Never
   * throws for what a listener does.
   * @param stack name of the stack; `*` where it concerns every stack
   */
  emit<N extends LifecycleEventName>(
    stack: string,
    name: N,
    payload: LifecycleEventMap[N],
  ): LifecycleEventOf<N> {
    const event = createEvent(name, { stack, seq: ++this.#seq, at: this.#now().toISOString() }, payload);
    this.#memory.remember(event as LifecycleEvent);
    this.#untold.push(event as LifecycleEvent);
    if (!this.#telling) this.#tell();
    return event;
  }

  /** What listens to one stack, and to what concerns every stack. */
  forStack(stack: string): LifecycleSource {
    return this.#view(stack);
  }

  #await(change: 1 | -1): void {
    const before = this.#awaiting;
    this.#awaiting += change;
    if (before === 0 || this.#awaiting === 0) this.#onDemand(this.demand);
  }

  // One after the other, so that everybody hears events in the order of their numbers.
  #tell(): void {
    this.#telling = true;
    try {
      for (let event = this.#untold.shift(); event !== undefined; event = this.#untold.shift()) {
        this.#listeners.tell(event);
      }
    } finally {
      this.#telling = false;
    }
  }

  #tellFailure(event: LifecycleEvent, error: unknown): void {
    // A listener that fails at being told of failures would be told of its own, for ever.
    if (event.type === 'listener:failed') return;
    this.emit(event.stack, 'listener:failed', { event: event.type, message: messageOf(error) });
  }

  #view(stack: string | undefined): LifecycleSource {
    const concerns = (event: LifecycleEvent): boolean =>
      stack === undefined || event.stack === stack || event.stack === everyStack;
    const add = (name: ListenedName, listener: Listener, once = false): Disposable => {
      const from = this.#seq;
      const accepts = (event: LifecycleEvent): boolean => event.seq > from && concerns(event);
      return this.#listeners.add({ name, listener, view: stack, accepts, once });
    };
    const gap = (seq: number, reason: string): LifecycleEventOf<'stream:gap'> =>
      createEvent(
        'stream:gap',
        { stack: stack ?? everyStack, seq, at: this.#now().toISOString() },
        { reason },
      );
    return {
      on: (name: unknown, listener: unknown) => {
        const given = listenArguments('on', name, listener);
        return add(given.name, given.listener);
      },
      once: (name: unknown, listener: unknown) => {
        const given = listenArguments('once', name, listener);
        return add(given.name, given.listener, true);
      },
      off: (name: unknown, listener: unknown) =>
        this.#listeners.remove({ ...listenArguments('off', name, listener), view: stack }),
      stream: (given) =>
        new EventStream(
          {
            listen: (listener) => add('*', listener),
            recall: (since) => {
              const { events, missing } = this.#memory.recall(since);
              return { events: events.filter(concerns), missing };
            },
            gap,
            awaits: (change) => this.#await(change),
          },
          streamOptions(given),
        ),
    } as LifecycleSource;
  }
}

function createEvent<N extends LifecycleEventName>(
  type: N,
  given: { readonly stack: string; readonly seq: number; readonly at: string },
  payload: LifecycleEventMap[N],
): LifecycleEventOf<N> {
  // A frozen copy, so that nobody who is told can change what the teller goes on to use.
  const event: Record<string, unknown> = { type, ...given };
  for (const [name, value] of Object.entries(payload)) {
    // No payload takes the place of what every event carries.
    if (!Object.hasOwn(event, name))
      event[name] = name === 'plan' ? frozenPlan(value as Plan) : freeze(value);
  }
  return Object.freeze(event) as unknown as LifecycleEventOf<N>;
}

// A plan's `toString` is no data: a copy of the data alone would have lost it.
function frozenPlan({ stack, steps, fingerprint }: Plan): Plan {
  return Object.freeze(createPlan(stack, freeze(steps), fingerprint));
}

function messageOf(error: unknown): string {
  if (error instanceof Error) return error.message;
  try {
    return String(error);
  } catch {
    return 'something that is not an error and has no text';
  }
}
