import { PlumbstackError, type PlumbstackErrorCode } from '@plumbstack/core';

/** A failure that a test asks for. */
export interface NextFailure {
  /** Path of the resource, as `stack/resource`. */
  readonly resource: string;
  readonly code: PlumbstackErrorCode;
  /** @default a text that says that a test asked for it */
  readonly message?: string;
  /** Facts of the error. @default none */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Failures that wait for the next change to their resource; each strikes once. */
export class Failures {
  readonly #waiting: NextFailure[] = [];

  add(failure: NextFailure): void {
    this.#waiting.push(failure);
  }

  /** Throws the first failure that waits for this resource. */
  strike(resource: string): void {
    const index = this.#waiting.findIndex((each) => each.resource === resource);
    const [failure] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (failure === undefined) return;
    const { code, message = 'the in-memory engine was told to fail here.', details = {} } = failure;
    throw new PlumbstackError(code, message, { resource, details });
  }
}
