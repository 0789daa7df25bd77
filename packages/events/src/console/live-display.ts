import type { LifecycleEvent } from '../lifecycle-event.js';
import type { Display } from './display.js';
import type { Line } from './line.js';
import { noticeOf } from './notice.js';
import { advance, noProgress } from './progress-state.js';
import { frameMs, renderNotice, renderProgress } from './render.js';
import type { Terminal } from './terminal.js';

/** A terminal's display: what is in progress below, in place, and what is finished above, once. */
export class LiveDisplay implements Display {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  #state = noProgress;
  #lasting: Line[] = [];
  #drawnAt = -Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(terminal: Terminal, now: () => number) {
    this.#terminal = terminal;
    this.#now = now;
  }

  show(event: LifecycleEvent): void {
    const before = this.#state;
    this.#state = advance(before, event, this.#now());
    const { shown, ...notice } = noticeOf(event);
    if (shown === 'always' || (shown === 'apart' && !this.#state.has(notice.subject))) {
      this.#lasting.push(...renderNotice(notice));
    }
    if (this.#state !== before || this.#lasting.length > 0) this.#drawSoon();
  }

  close(): void {
    this.#state = noProgress;
    this.#draw();
  }

  #drawSoon(): void {
    const wait = Math.min(frameMs, this.#drawnAt + frameMs - this.#now());
    if (wait <= 0) {
      this.#draw();
      return;
    }
    this.#timer ??= setTimeout(this.#draw, wait);
    // A spinner must not keep the program from ending; a last line that was not printed yet may, for one frame.
    if (this.#lasting.length > 0 || this.#state.size === 0) this.#timer.ref();
    else this.#timer.unref();
  }

  readonly #draw = (): void => {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#drawnAt = this.#now();
    const view = { now: this.#drawnAt, rows: this.#terminal.rows };
    this.#terminal.draw(this.#lasting, renderProgress(this.#state, view));
    this.#lasting = [];
    if (this.#state.size > 0) this.#timer = setTimeout(this.#draw, frameMs).unref();
  };
}
