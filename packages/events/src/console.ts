import type { ConsoleOutput } from './console/console-output.js';
import { LiveDisplay } from './console/live-display.js';
import { PlainDisplay } from './console/plain-display.js';
import { Terminal } from './console/terminal.js';
import type { LifecycleSource } from './lifecycle-source.js';

export type { ConsoleOutput };

export interface ConsoleOptions {
  /** @default process.stderr, so that standard output stays the program's own */
  readonly output?: ConsoleOutput;
  /** @default true in a terminal, unless the environment variable NO_COLOR is set */
  readonly color?: boolean;
  /** The clock, in milliseconds from any moment. @default the system's, which is never set back */
  readonly now?: () => number;
}

/**
 * Shows progress to a person until the returned disposable is disposed. In a terminal, each resource that is worked on
 * has a line that is written over as it gets on, and what is finished is printed once above. Elsewhere, and where the
 * environment variable CI is set, it prints a line for each thing that happens.
 *
 * A program that writes to the same terminal meanwhile should write whole lines, or dispose first.
 */
export function attachConsole(source: LifecycleSource, options: ConsoleOptions = {}): Disposable {
  const { output = process.stderr, now = () => performance.now() } = options;
  const live = output.isTTY === true && !isSet('CI') && process.env['TERM'] !== 'dumb';
  // https://no-color.org: present and not empty, whatever its value.
  const color = options.color ?? (live && (process.env['NO_COLOR'] ?? '') === '');
  const display = live
    ? new LiveDisplay(new Terminal(output, color), now)
    : new PlainDisplay(output, { color, now });
  const listening = source.on('*', (event) => display.show(event));
  let disposed = false;
  return {
    [Symbol.dispose]: () => {
      if (disposed) return;
      disposed = true;
      listening[Symbol.dispose]();
      display.close();
    },
  };
}

function isSet(variable: string): boolean {
  return !['', '0', 'false'].includes(process.env[variable] ?? '');
}
