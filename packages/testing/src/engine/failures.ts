import { PlumbstackError, type PlumbstackErrorCode } from '@plumbstack/core';
import { label } from '@plumbstack/docker/internal';
import type { EngineCall } from './engine-core.js';
import type { EngineData } from './engine-data.js';

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

/** Calls that change a container, by its id as their first argument. */
const changes: ReadonlySet<string> = new Set([
  'startContainer',
  'stopContainer',
  'signalContainer',
  'restartContainer',
  'removeContainer',
  'updateContainer',
]);

/** Failures that wait for the next change to their resource; each strikes once. */
export class Failures {
  readonly #data: EngineData;
  readonly #waiting: NextFailure[] = [];

  constructor(data: EngineData) {
    this.#data = data;
  }

  add(failure: NextFailure): void {
    this.#waiting.push(failure);
  }

  /** Throws the first failure that waits for the resource that a call changes. */
  strike(call: EngineCall): void {
    if (this.#waiting.length === 0) return;
    const labels = this.#labelsOf(call);
    const resource = `${labels[label.stack]}/${labels[label.resource]}`;
    const index = this.#waiting.findIndex((each) => each.resource === resource);
    const [failure] = index < 0 ? [] : this.#waiting.splice(index, 1);
    if (failure === undefined) return;
    const { code, message = 'the in-memory engine was told to fail here.', details = {} } = failure;
    throw new PlumbstackError(code, message, { resource, details });
  }

  #labelsOf({ method, args: [first] }: EngineCall): Readonly<Record<string, string>> {
    if (changes.has(method)) return this.#data.findContainer(String(first))?.creation.labels ?? {};
    if (method !== 'createContainer' && method !== 'createVolume') return {};
    return (first as { readonly labels: Readonly<Record<string, string>> }).labels;
  }
}
