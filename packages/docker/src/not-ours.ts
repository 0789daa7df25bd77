import { PlumbstackError } from '@plumbstack/core';
import { label, owner } from './labels.js';
import { isOurs, type Labelled } from './ours.js';

/** Something on the engine that has the name of something a stack needs. */
export interface Namesake {
  readonly kind: 'container' | 'network' | 'volume' | 'image';
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What tells it from others, for the error's details. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** Whether something on the engine was made for this stack. */
export function isOfStack(labels: Readonly<Record<string, string>>, stack: string): boolean {
  return labels[label.owner] === owner && labels[label.stack] === stack;
}

/** Whether a container on the engine is the stack's, whatever it is called. */
export function isContainerOf(container: Labelled, stack: string, resource?: string): boolean {
  const { labels } = container;
  return (
    isOfStack(labels, stack) &&
    isOurs(container) &&
    (resource === undefined || labels[label.resource] === resource)
  );
}

/** `NOT_OURS`: what is called so is somebody else's, or another stack's, and stays as it is. */
export function notOurs(
  { kind, name, labels, facts }: Namesake,
  resource: string,
  cause?: unknown,
): PlumbstackError {
  const other = labels[label.owner] === owner ? labels[label.stack] : labels[label.builtForStack];
  const whose =
    other === undefined || other === stackOf(resource)
      ? 'plumbstack did not make it'
      : `it belongs to the stack "${other}"`;
  return new PlumbstackError(
    'NOT_OURS',
    `${kind === 'image' ? 'an' : 'a'} ${kind} called ${name} exists already, and ${whose}.`,
    {
      resource,
      details: { [kind]: name, ...facts },
      hint: hints[kind](name),
      cause,
    },
  );
}

function stackOf(resource: string): string {
  return resource.split('/')[0] ?? '';
}

const hints: Readonly<Record<Namesake['kind'], (name: string) => string>> = {
  container: (name) =>
    `Rename or remove it (docker rename ${name} ...), or give the stack or the resource another name.`,
  network: (name) => `Give the stack another name, or remove that network: docker network rm ${name}.`,
  volume: (name) =>
    `Give the stack or the resource another name, or remove that volume with its data: docker volume rm ${name}.`,
  image: (name) =>
    `Give the stack or the resource another name, or remove that name: docker image rm ${name}.`,
};
