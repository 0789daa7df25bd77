import type { ConsoleOutput } from './console-output.js';
import { paint, type Line } from './line.js';
import { printable, textWidth } from './terminal-text.js';

// ECMA-48 and the DEC private modes that every terminal in use understands.
const cursorUp = (lines: number): string => (lines === 0 ? '' : `\u001b[${lines}A`);
const eraseBelow = '\u001b[J';
const hideCursor = '\u001b[?25l';
const showCursor = '\u001b[?25h';

/** A terminal whose last lines are written over, again and again, and whose other lines are left alone. */
export class Terminal {
  readonly #output: ConsoleOutput;
  readonly #color: boolean;
  #drawn: readonly number[] = [];

  constructor(output: ConsoleOutput, color: boolean) {
    this.#output = output;
    this.#color = color;
  }

  /** Lines that can be written over: one less than there are, because the cursor waits below the last. */
  get rows(): number {
    return Math.max(1, (this.#output.rows || 24) - 1);
  }

  /** Puts `live` in place of the live lines before, below `lasting` ones that are then left alone. */
  draw(lasting: readonly Line[], live: readonly Line[]): void {
    if (lasting.length === 0 && live.length === 0 && this.#drawn.length === 0) return;
    const columns = this.#output.columns || 80;
    // A terminal that became narrower broke what was drawn into more lines than were written.
    const height = this.#drawn.reduce((sum, width) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    // One column stays free: a terminal may go to the next line as soon as the last one is written.
    const below = live.map((line) => paint(line, { color: this.#color, columns: columns - 1 }));
    const above = lasting.map((line) => paint(line, { color: this.#color }));
    const text = [...above, ...below].map((line) => `${line}\n`).join('');
    // One write a frame, so that no half of one is seen; and the cursor is hidden only within it, so that a program
    // that is killed between two frames leaves a terminal in order.
    this.#output.write(`${hideCursor}${cursorUp(height)}\r${eraseBelow}${text}${showCursor}`);
    this.#drawn = below.map((line) => textWidth(printable(line)));
  }
}
