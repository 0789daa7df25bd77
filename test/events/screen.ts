import { EventEmitter, once } from 'node:events';

/**
 * A terminal that can be looked at: it does what the few escape sequences that it knows say, goes to the next line where
 * a line is full, scrolls at its end, and throws at anything else that is not text.
 */
export class Screen extends EventEmitter {
  readonly isTTY = true;
  columns: number;
  rows: number;
  cursorIsVisible = true;
  frames = 0;
  /** All that was written, for a look at the raw text. */
  raw = '';
  #lines: string[][] = [[]];
  #row = 0;
  #column = 0;
  #top = 0;

  constructor(size: { readonly columns?: number; readonly rows?: number } = {}) {
    super();
    this.columns = size.columns ?? 80;
    this.rows = size.rows ?? 24;
  }

  write(text: string): boolean {
    this.raw += text;
    // eslint-disable-next-line no-control-regex
    for (const [piece] of text.matchAll(/\u001b\[[?0-9;]*[A-Za-z]|[^]/gu)) this.#put(piece);
    this.frames++;
    this.emit('frame');
    return true;
  }

  /** Everything that was ever on it, scrolled away or not, without the empty line that the cursor waits on. */
  get text(): readonly string[] {
    const lines = this.#lines.map((cells) => cells.join('').trimEnd());
    while (lines.at(-1) === '') lines.pop();
    return lines;
  }

  /** Waits for a frame that looks as wanted. Fails after ten seconds. */
  async until(wanted: (lines: readonly string[]) => boolean): Promise<void> {
    const signal = AbortSignal.timeout(10_000);
    while (!wanted(this.text)) await once(this, 'frame', { signal });
  }

  #put(piece: string): void {
    // eslint-disable-next-line no-control-regex
    const up = /^\u001b\[(\d+)A$/.exec(piece);
    if (up !== null) this.#row = Math.max(this.#top, this.#row - Number(up[1]));
    else if (piece === '\u001b[J') this.#eraseBelow();
    else if (piece === '\u001b[?25l') this.cursorIsVisible = false;
    else if (piece === '\u001b[?25h') this.cursorIsVisible = true;
    else if (piece === '\r') this.#column = 0;
    else if (piece === '\n') this.#nextLine();
    // eslint-disable-next-line no-control-regex
    else if (/^\u001b\[\d+m$/.test(piece)) return;
    else if (/^\p{C}$/u.test(piece)) throw new TypeError(`${JSON.stringify(piece)} reached the terminal`);
    else this.#print(piece);
  }

  #print(character: string): void {
    if (this.#column === this.columns) this.#nextLine();
    const line = (this.#lines[this.#row] ??= []);
    line[this.#column] = character;
    this.#column++;
  }

  #nextLine(): void {
    this.#row++;
    this.#column = 0;
    this.#lines[this.#row] ??= [];
    this.#top = Math.max(this.#top, this.#row - this.rows + 1);
  }

  #eraseBelow(): void {
    this.#lines[this.#row]?.splice(this.#column);
    this.#lines.splice(this.#row + 1);
  }
}
