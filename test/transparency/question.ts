/** Name and value of a header, in its own spelling. */
export type Field = readonly [name: string, value: string];

/** How a body is told from what follows it. */
export type Framing = 'none' | 'length' | 'chunked' | 'trailers' | 'expect' | 'expect chunked';

/** What the app by hand sends, in place of what it got. */
export interface Script {
  /** Sent as latin1: `<fill:100>` is a hundred letters, `<token>` the request's own, `<got>` what the app got. */
  readonly steps: readonly Step[];
  /** Answers when it has the head of the request. @default false: when it has all of it */
  readonly early?: boolean;
  /** Does not read the body of the request even then. @default false */
  readonly deaf?: boolean;
  /** Keeps the connection open where the request asks to close it. @default false */
  readonly stay?: boolean;
  /** Does not say `100 Continue`. @default false */
  readonly silent?: boolean;
}

export interface Step {
  readonly send?: string;
  /** How often it is sent. @default 1 */
  readonly times?: number;
  readonly pauseMs?: number;
  /** Waits until it is released. */
  readonly hold?: true;
  /** Ends the connection properly. */
  readonly end?: true;
  /** Breaks the connection. */
  readonly reset?: true;
  /** Stops to read. */
  readonly deaf?: true;
}

export interface Question {
  readonly method: string;
  /** Below the prefix, as it is sent: starts with `/`. */
  readonly target: string;
  /** Beside `Host` and those that the framing needs. */
  readonly headers?: readonly Field[];
  readonly framing?: Framing;
  /** latin1. @default '' */
  readonly body?: string;
  /** @default '1.1' */
  readonly version?: '1.0' | '1.1';
  /** `Host` and, of an absolute target, what stands before the path. @default the way's own */
  readonly host?: string;
  /** The target is sent as a whole URL. @default false */
  readonly absolute?: boolean;
  /** Sends the head and the body in so many pieces. @default 1 */
  readonly pieces?: number;
}

export interface Interim {
  readonly status: number;
  readonly headers: readonly Field[];
}

/** An answer with every byte of it. Its texts are latin1. */
export interface RawAnswer {
  readonly interims: readonly Interim[];
  /** 0 where there was none. */
  readonly status: number;
  readonly reason: string;
  readonly headers: readonly Field[];
  readonly body: Buffer;
  readonly trailers: readonly Field[];
  /** Whether it came to the end that it has announced. */
  readonly whole: boolean;
  /** Whether the connection can be used again. */
  readonly stays: boolean;
  /** Why it is not whole. */
  readonly why?: string;
}

/** Values of a header, in their order. */
export function valuesOf(
  { headers }: { readonly headers: readonly Field[] },
  name: string,
): readonly string[] {
  return headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value);
}

/** The header that tells the app by hand what to do. */
export function scripted(script: Script): Field {
  return ['X-Script', Buffer.from(JSON.stringify(script)).toString('base64url')];
}

export function hasBody({ framing = 'none' }: Question): boolean {
  return framing !== 'none';
}

/** What follows a chunked body of the framing `trailers`. */
export const sentTrailers: readonly Field[] = [
  ['X-Checksum', 'abc123'],
  ['X-Rows', '17'],
];
