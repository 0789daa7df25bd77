import { PlumbstackError } from '@plumbstack/core';
import { label, owner } from './labels.js';

/** Something on the engine that has the name of something a stack needs. */
export interface Namesake {
  readonly kind: 'container' | 'network' | 'volume';
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What tells it from others, for the error's details. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** Whether something on the engine was made for this stack. */
export function isOfStack(labels: Readonly<Record<string, string>>, stack: string): boolean {
  return labels[label.owner] === owner && labels[label.stack] === stack;
}

/** `NOT_OURS`: what is called so is somebody else's, or another stack's, and stays as it is. */
export function notOurs(
  { kind, name, labels, facts }: Namesake,
  resource: string,
  cause?: unknown,
): PlumbstackError {
  const whose =
    labels[label.owner] === owner
      ? `it belongs to the stack "${labels[label.stack]}"`
      : 'plumbstack did not make it';
  return new PlumbstackError('NOT_OURS', `a ${kind} called ${name} exists already, and ${whose}.`, {
    resource,
    details: { [kind]: name, ...facts },
    hint: hints[kind](name),
    cause,
  });
}

const hints: Readonly<Record<Namesake['kind'], (name: string) => string>> = {
  container: (name) =>
    `Rename or remove it (docker rename ${name} ...), or give the stack or the resource another name.`,
  network: (name) => `Give the stack another name, or remove that network: docker network rm ${name}.`,
  volume: (name) =>
    `Give the stack or the resource another name, or remove that volume with its data: docker volume rm ${name}.`,
};
