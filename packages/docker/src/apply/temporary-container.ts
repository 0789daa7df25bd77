import type { ContainerCreation } from '../client/docker-client.js';
import { baseLabels, label } from '../labels.js';
import { isContainerOf, notOurs } from '../not-ours.js';
import { discard } from './create-container.js';
import { declaredPathOf, type RunContext } from './run-context.js';

/** How long one that a killed process has left may take to come to its end: renames of files, at most. */
const endingMs = 10 * 60_000;

export interface TemporaryContainer extends AsyncDisposable {
  readonly id: string;
  readonly image: string;
}

/**
 * A container of a run's own, gone at the end. One that a killed process has left has the name, and goes first: whoever is here
 * holds the lease. The next `up` and `down` remove it too.
 *
 * @param resource what errors call it
 */
export async function temporaryContainer(
  context: Pick<RunContext, 'client' | 'stack' | 'call'>,
  resource: string,
  creation: Omit<ContainerCreation, 'labels'>,
): Promise<TemporaryContainer> {
  const { client, stack, call } = context;
  const { name, image } = creation;
  const left = await client.inspectContainer(name, call);
  if (left !== undefined && !isContainerOf(left, stack))
    throw notOurs({ kind: 'container', name, labels: left.labels }, declaredPathOf(context, resource));
  if (left?.running === true) await client.stopContainer(left.id, endingMs, call);
  if (left !== undefined) await client.removeContainer(left.id, call);
  // It is a part of what it is called after.
  const labels = { ...baseLabels(stack, name.slice(stack.length + 1), 'copy'), [label.digest]: '' };
  const id = await client.createContainer({ ...creation, labels }, call);
  return { id, image, [Symbol.asyncDispose]: () => discard({ client }, id) };
}
