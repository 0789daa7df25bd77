import { isPlumbstackError } from '@plumbstack/core';
import type { ImageSummary } from '../client/docker-client.js';
import { engineStatus } from '../client/docker-failure.js';
import { label } from '../labels.js';
import { builtImageRepository } from '../object-names.js';
import type { ObservedState } from '../plan/observed-state.js';
import { recordFile } from '../plan/record.js';
import { pathOf, type RunContext } from './run-context.js';

type PruneContext = Pick<RunContext, 'client' | 'stack' | 'call' | 'signal' | 'emit'>;

export interface PrunePolicy {
  /** Images that the program describes now, by resource. */
  readonly current: ReadonlyMap<string, string>;
  /** What ran before this run: of what is superseded, the newest by use. */
  readonly before: ObservedState;
  /** What is there now. Asked only where there is something to remove. */
  readonly now: () => Promise<ObservedState>;
  /** Superseded images that stay, per resource. */
  readonly keep: number;
}

/** Removes images that were built for the stack and are superseded, beyond those that are kept to go back to. */
export async function pruneImages(context: PruneContext, policy: PrunePolicy): Promise<void> {
  const built = await builtImages(context);
  const used = new Set(policy.before.containers.map(({ summary }) => summary.imageId));
  const surplus = [...new Set(built.map(({ resource }) => resource))].flatMap((resource) =>
    built
      .filter((each) => each.resource === resource && each.reference !== policy.current.get(resource))
      .sort((a, b) => rank(b, used) - rank(a, used))
      .slice(policy.keep),
  );
  if (surplus.length === 0) return;
  const kept = keptBy(await policy.now());
  await Promise.all(surplus.filter((each) => !kept(each)).map((each) => removeImage(context, each)));
}

/** Removes every image that was built for the stack, unless something else on the engine uses it. */
export async function removeBuiltImages(context: PruneContext): Promise<void> {
  await Promise.all((await builtImages(context)).map((each) => removeImage(context, each)));
}

interface BuiltImage {
  readonly resource: string;
  readonly reference: string;
  readonly id: string;
  readonly createdAt: Date;
}

/** By label and by name: an image that somebody built on one of ours has inherited its labels. */
async function builtImages({ client, stack, call }: PruneContext): Promise<readonly BuiltImage[]> {
  const images = await client.listImages(`${label.builtForStack}=${stack}`, call);
  return images.flatMap((each) => namesOf(stack, each));
}

function namesOf(stack: string, { id, tags, labels, createdAt }: ImageSummary): readonly BuiltImage[] {
  const resource = labels[label.builtForResource] ?? '';
  const own = `${builtImageRepository(stack, resource)}:`;
  return tags
    .filter((tag) => tag.startsWith(own) && /^[0-9a-f]{12}$/.test(tag.slice(own.length)))
    .map((reference) => ({ resource, reference, id, createdAt }));
}

function rank({ id, createdAt }: BuiltImage, used: ReadonlySet<string>): number {
  return used.has(id) ? Number.MAX_SAFE_INTEGER : createdAt.getTime();
}

/** What the containers run, and what a pool remembers: the versions to go back to are in its record. */
function keptBy({ containers, configs, unreadable = {} }: ObservedState): (image: BuiltImage) => boolean {
  // What one that cannot be read remembers is not known.
  if (Object.keys(unreadable).length > 0) return () => true;
  const running = new Set(containers.map(({ summary }) => summary.imageId));
  const records = Object.values(configs).map((files) => files.get(recordFile)?.toString() ?? '');
  return ({ id, reference }) =>
    running.has(id) || records.some((text) => text.includes(id) || text.includes(reference));
}

async function removeImage(context: PruneContext, { resource, reference }: BuiltImage): Promise<void> {
  const { client, call, emit } = context;
  try {
    await client.removeImage(reference, call);
  } catch (error) {
    // Some container has it, of whatever owner; or an engine that cannot just now. The next run tries again: what the stack
    // is for has been done.
    context.signal.throwIfAborted();
    if (isPlumbstackError(error) && engineStatus(error) !== undefined) return;
    throw error;
  }
  emit('image:removed', { resource: pathOf(context, resource), image: reference });
}
