/** Every code a {@link PlumbstackError} can carry. Codes are stable: text may change, a code does not. */
export type PlumbstackErrorCode =
  /** An option of the wrong type, range or name, at the call that passed it. */
  | 'INVALID_OPTION'
  /** A stack with problems that only show when it is seen whole; `details.problems` lists all of them. */
  | 'INVALID_STACK'
  /** No engine answers, or it stopped answering. */
  | 'ENGINE_UNREACHABLE'
  /** The engine answered with an error that has no code of its own. */
  | 'ENGINE_FAILED'
  /** What the program names does not exist: a stack, a resource, a folder. */
  | 'NOT_FOUND'
  /** Something of the same name that belongs to somebody else is in the way. */
  | 'NOT_OURS'
  | 'IMAGE_BUILD_FAILED'
  | 'IMAGE_PULL_FAILED'
  | 'PORT_IN_USE'
  /** No free subnet or address is left. */
  | 'ADDRESS_POOL_EXHAUSTED'
  /** A container did not start, or exited while it was waited for. */
  | 'START_FAILED'
  /** A container runs, but did not answer or pass its health check in time. */
  | 'UNHEALTHY'
  /** Another process changes this stack and did not finish in time. */
  | 'LOCKED'
  /** The plan that was handed in is no longer what would be done. */
  | 'PLAN_STALE'
  /** `confirm` answered no. */
  | 'NOT_CONFIRMED'
  /** A proxy refused its new configuration; the old one keeps serving. */
  | 'CONFIG_REJECTED'
  /** A certificate authority issued none, or was not reached; the certificate of before keeps serving. */
  | 'CERTIFICATE_NOT_ISSUED'
  /** A wait ended before what it waited for. */
  | 'TIMEOUT'
  /** Several independent failures of one run; `details.errors` lists them. */
  | 'RUN_FAILED';

export interface PlumbstackErrorOptions {
  /** Path of the resource concerned, as `stack/resource`. */
  readonly resource?: string;
  /** The facts, as plain data. Never holds a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** What the reader can do about it, one or two sentences. */
  readonly hint?: string;
  readonly cause?: unknown;
}

const brand: unique symbol = Symbol.for('plumbstack.error') as never;

/**
 * The only error that plumbstack throws. The message starts with the code and ends with the hint, so that a log
 * line alone says what to do; the fields are for programs.
 */
export class PlumbstackError extends Error {
  override readonly name = 'PlumbstackError';
  readonly code: PlumbstackErrorCode;
  /** The message without code, resource and hint. */
  readonly text: string;
  readonly resource: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;
  readonly hint: string | undefined;
  readonly [brand] = true;

  constructor(code: PlumbstackErrorCode, text: string, options: PlumbstackErrorOptions = {}) {
    const { resource, details = {}, hint, cause } = options;
    const subject = resource === undefined ? '' : `${resource}: `;
    super(
      `${code}: ${subject}${text}${hint === undefined ? '' : `\n  ${hint}`}`,
      cause === undefined ? {} : { cause },
    );
    this.code = code;
    this.text = text;
    this.resource = resource;
    this.details = details;
    this.hint = hint;
  }
}

/**
 * For authors of runtimes: the error with the resource that it is about, where it does not say one yet. Anything else
 * comes back as it is.
 */
export function aboutResource(error: unknown, resource: string): unknown {
  if (!isPlumbstackError(error) || error.resource !== undefined) return error;
  const { code, text, details, hint, cause } = error;
  return new PlumbstackError(code, text, { resource, details, ...(hint !== undefined && { hint }), cause });
}

/**
 * Whether `value` is a {@link PlumbstackError}, and of that code where one is given. Works across two copies of
 * this package in one process, where `instanceof` does not.
 */
export function isPlumbstackError(value: unknown, code?: PlumbstackErrorCode): value is PlumbstackError {
  return (
    typeof value === 'object' &&
    value !== null &&
    brand in value &&
    (code === undefined || (value as PlumbstackError).code === code)
  );
}
