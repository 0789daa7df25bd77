import type { LifecycleEvent } from '../lifecycle-event.js';
import type { ConsoleOutput } from './console-output.js';
import type { Display } from './display.js';
import { paint } from './line.js';
import { noticeOf } from './notice.js';
import { renderPlain } from './render.js';

export interface PlainDisplayOptions {
  readonly color: boolean;
  readonly now: () => number;
}

/** A log's display: a line for each thing that happens, and nothing that is written over. */
export class PlainDisplay implements Display {
  readonly #output: ConsoleOutput;
  readonly #color: boolean;
  readonly #now: () => number;
  readonly #startedAt: number;

  constructor(output: ConsoleOutput, { color, now }: PlainDisplayOptions) {
    this.#output = output;
    this.#color = color;
    this.#now = now;
    this.#startedAt = now();
  }

  show(event: LifecycleEvent): void {
    const { shown, ...notice } = noticeOf(event);
    if (shown === 'never' || notice.text === '') return;
    const lines = renderPlain(notice, this.#now() - this.#startedAt);
    this.#output.write(lines.map((line) => `${paint(line, { color: this.#color })}\n`).join(''));
  }

  close(): void {
    // Everything is written as it happens.
  }
}
