import type { LifecycleEvent } from '../lifecycle-event.js';

/** What shows events to a person. */
export interface Display {
  show(event: LifecycleEvent): void;
  /** Prints what was not printed yet, and takes away what was to be written over. */
  close(): void;
}
