import type { Color, Line, Span } from './line.js';
import type { Notice, Tone } from './notice.js';
import type { ProgressState, Work } from './progress-state.js';
import { printable, textWidth } from './terminal-text.js';
import { duration } from './units.js';

/** A display's look at one moment. */
export interface View {
  /** Time of the console's clock, in milliseconds. */
  readonly now: number;
  /** Lines that there is room for. */
  readonly rows: number;
}

const spinner = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'] as const;
/** How long the spinner stands still: also the shortest time between two redraws. */
export const frameMs = 100;
/** Columns that names are lined up within. A longer one pushes its own line only. */
const widestSubject = 40;

/** The work in progress, one line each; what has no room is counted in the last one. */
export function renderProgress(state: ProgressState, { now, rows }: View): readonly Line[] {
  const all = [...state.values()];
  const shown = all.length <= rows ? all : all.slice(0, Math.max(0, rows - 1));
  const width = Math.min(
    widestSubject,
    Math.max(0, ...shown.map(({ subject }) => textWidth(printable(subject)))),
  );
  const lines = shown.map((work) => renderWork(work, now, width));
  const hidden = all.length - shown.length;
  return hidden === 0 ? lines : [...lines, { start: [{ text: `… and ${hidden} more`, color: 'dim' }] }];
}

function renderWork({ subject, word, detail, startedAt }: Work, now: number, width: number): Line {
  const frame = spinner[Math.floor(Math.max(0, now) / frameMs) % spinner.length] ?? spinner[0];
  return {
    start: [{ text: frame, color: 'cyan' }, { text: ` ${pad(printable(subject), width)}  ` }],
    middle: { text: detail === '' ? word : detail },
    end: [{ text: `  ${duration(now - startedAt)}`, color: 'dim' }],
  };
}

const marks: Readonly<Record<Tone, Span>> = {
  neutral: { text: '·', color: 'dim' },
  good: { text: '✔', color: 'green' },
  warning: { text: '!', color: 'yellow' },
  bad: { text: '✖', color: 'red' },
};
const toneColors: Readonly<Partial<Record<Tone, Color>>> = { warning: 'yellow', bad: 'red' };

/** A notice as it stands above the work in progress. */
export function renderNotice({ tone, subject, text, durationMs, below = [] }: Notice): readonly Line[] {
  return [
    {
      start: [marks[tone], { text: ` ${subject} ` }, inTone(text, tone)],
      ...(durationMs !== undefined && { end: [{ text: ` ${duration(durationMs)}`, color: 'dim' }] }),
    },
    ...below.map((each) => ({ start: [{ text: '    ' }, inTone(each, tone)] })),
  ];
}

/** A notice as a line of a log, with the time since the console was attached. */
export function renderPlain(notice: Notice, elapsedMs: number): readonly Line[] {
  const { subject, text, durationMs, below = [] } = notice;
  const took = durationMs === undefined ? '' : ` (${duration(durationMs)})`;
  const time = { text: `[${duration(elapsedMs).padStart(7)}] `, color: 'dim' } as const;
  return [
    { start: [time, { text: `${subject}: ` }, inTone(`${text}${took}`, notice.tone)] },
    ...below.map((each) => ({ start: [time, { text: `${subject}:   ` }, inTone(each, notice.tone)] })),
  ];
}

function inTone(text: string, tone: Tone): Span {
  const color = toneColors[tone];
  return color === undefined ? { text } : { text, color };
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - textWidth(text)));
}
