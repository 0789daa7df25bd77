import type { VolumeCreation } from '../client/docker-client.js';
import { isOfStack, notOurs } from '../not-ours.js';
import { declaredPathOf, type RunContext } from './run-context.js';

/**
 * Makes a volume where the stack does not have it yet. The engine takes any volume of that name for the one that is wanted,
 * a stranger's data too: what it answers with is looked at. Throws `NOT_OURS`.
 */
export async function ensureVolume(
  { client, call, observed, stack }: Pick<RunContext, 'client' | 'call' | 'observed' | 'stack'>,
  resource: string,
  creation: VolumeCreation,
): Promise<void> {
  const { name } = creation;
  if (observed.volumes.some((each) => each.name === name)) return;
  await client.createVolume(creation, call);
  const made = await client.inspectVolume(name, call);
  if (made === undefined || isOfStack(made.labels, stack)) return;
  throw notOurs({ kind: 'volume', name, labels: made.labels }, declaredPathOf({ stack }, resource));
}
