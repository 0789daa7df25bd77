import type { EngineEvent, EventsOptions } from '@plumbstack/docker/client';
import type { EngineClock } from './moments.js';
import { nanosecondsIn } from './moments.js';

/** As many as a real engine remembers. */
const remembered = 256;

/** What happens on the engine, for all who listen. */
export class EventLog {
  readonly #clock: EngineClock;
  readonly #history: EngineEvent[] = [];
  readonly #listeners = new Set<(event: EngineEvent) => void>();

  constructor(clock: EngineClock) {
    this.#clock = clock;
  }

  /** How many listen now. */
  get listeners(): number {
    return this.#listeners.size;
  }

  tell(
    type: EngineEvent['type'],
    action: string,
    id: string,
    attributes: Readonly<Record<string, string>> = {},
  ): void {
    const event: EngineEvent = { type, action, id, attributes, timeNano: String(this.#clock.tick()) };
    this.#history.push(event);
    if (this.#history.length > remembered) this.#history.shift();
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** What is told from now on, and what is remembered since a moment, until the signal aborts. */
  async *listen(
    label: string | undefined,
    { since, signal, onOpen }: EventsOptions,
  ): AsyncGenerator<EngineEvent, void, undefined> {
    const from = since === undefined ? undefined : nanosecondsIn(since);
    const waiting = this.#history.filter(({ timeNano }) => from !== undefined && BigInt(timeNano) >= from);
    let wake: () => void = () => undefined;
    const hear = (event: EngineEvent): void => {
      waiting.push(event);
      wake();
    };
    const end = (): void => wake();
    this.#listeners.add(hear);
    signal?.addEventListener('abort', end);
    onOpen?.();
    try {
      while (signal?.aborted !== true) {
        const next = waiting.shift();
        if (next === undefined) await new Promise<void>((resolve) => (wake = resolve));
        else if (label === undefined || hasLabel(next.attributes, label)) yield next;
      }
    } finally {
      this.#listeners.delete(hear);
      signal?.removeEventListener('abort', end);
    }
  }
}

/** @param filter a label's key, or `key=value` */
export function hasLabel(labels: Readonly<Record<string, string>>, filter: string): boolean {
  const [key = '', ...value] = filter.split('=');
  return Object.hasOwn(labels, key) && (value.length === 0 || labels[key] === value.join('='));
}
