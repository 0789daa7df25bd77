import { cutText, printable, textWidth } from './terminal-text.js';

export type Color = 'green' | 'yellow' | 'red' | 'cyan' | 'dim';

/** A piece of a line in one colour. Its text may come from anywhere: {@link paint} makes it safe. */
export interface Span {
  readonly text: string;
  readonly color?: Color;
}

/** A line of a display. Where it is too long, `middle` gives way first, so that the end stays in sight. */
export interface Line {
  readonly start: readonly Span[];
  readonly middle?: Span;
  readonly end?: readonly Span[];
}

export interface PaintOptions {
  readonly color: boolean;
  /** Columns to stay within. @default as long as it is */
  readonly columns?: number;
}

// ECMA-48, "Select Graphic Rendition".
const codes: Readonly<Record<Color, number>> = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2 };

/** A line as text for a terminal: the only place where text meets escape sequences. */
export function paint(line: Line, { color, columns = Infinity }: PaintOptions): string {
  let left = columns;
  const take = ({ text, color: wanted }: Span, reserved = 0): string => {
    const cut = cutText(printable(text), Math.max(0, left - reserved));
    left -= textWidth(cut);
    return color && wanted !== undefined && cut !== '' ? `\u001b[${codes[wanted]}m${cut}\u001b[0m` : cut;
  };
  const { start, middle, end = [] } = line;
  const endWidth = end.reduce((sum, { text }) => sum + textWidth(printable(text)), 0);
  const first = start.map((span) => take(span));
  const second = middle === undefined ? '' : take(middle, endWidth);
  return [...first, second, ...end.map((span) => take(span))].join('').trimEnd();
}
