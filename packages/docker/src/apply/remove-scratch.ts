import { isOfStack } from '../not-ours.js';
import { label, ofStack } from '../labels.js';
import type { RunContext } from './run-context.js';

/**
 * Removes anonymous volumes that no container has any more. Ours go with their containers; of one that somebody else has
 * removed they stay, and nobody looks for them under the name that they have.
 */
export async function removeScratch({
  client,
  stack,
  call,
}: Pick<RunContext, 'client' | 'stack' | 'call'>): Promise<void> {
  const volumes = await client.listVolumes(ofStack(stack), { ...call, unused: true });
  const left = volumes.filter(({ labels }) => isOfStack(labels, stack) && labels[label.role] === 'scratch');
  await Promise.all(left.map(({ name }) => client.removeVolume(name, call)));
}
