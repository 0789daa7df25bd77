import { BoundedQueue } from './bounded-queue.js';
import type { Recalled } from './event-stream.js';
import type { LifecycleEvent } from './lifecycle-event.js';

/** The last events that an emitter told, for those who come later. */
export class EventMemory {
  readonly #events: BoundedQueue<LifecycleEvent>;
  #last = 0;

  constructor(capacity: number) {
    this.#events = new BoundedQueue(capacity);
  }

  remember(event: LifecycleEvent): void {
    this.#events.push(event);
    this.#last = event.seq;
  }

  recall(since: number): Recalled {
    const oldest = this.#last - this.#events.size + 1;
    const before = oldest - 1;
    // A number that was never given out is one of another source: of a process before this one, most likely.
    if (since > this.#last + 1) {
      const reason = `number ${since} has not been reached here, so it was counted elsewhere`;
      return { events: [...this.#events], missing: { seq: before, reason } };
    }
    const events = [...this.#events].filter(({ seq }) => seq >= since);
    if (Math.max(since, 1) >= oldest) return { events, missing: undefined };
    return { events, missing: { seq: before, reason: `events before ${oldest} are no longer remembered` } };
  }
}
