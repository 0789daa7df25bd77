/** Where a console writes: any of Node's writable streams, of which it needs no more than this. */
export interface ConsoleOutput {
  write(text: string): unknown;
  /** Whether it is a terminal, which can be written over. @default false */
  readonly isTTY?: boolean;
  /** Width of the terminal, read anew for every redraw. @default 80 */
  readonly columns?: number;
  /** Height of the terminal, read anew for every redraw. @default 24 */
  readonly rows?: number;
}
