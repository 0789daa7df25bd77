import { aboutResource, isPlumbstackError } from '@plumbstack/core';
import { engineStatus } from '../client/docker-failure.js';
import type { EngineMount } from '../client/docker-client.js';
import type { Unit } from '../compile/docker-spec.js';
import type { Diff } from '../plan/diff.js';
import { bindsName } from '../object-names.js';
import { emptyImage } from './empty-image.js';
import { declaredPathOf, type RunContext } from './run-context.js';
import { temporaryContainer } from './temporary-container.js';

type Bind = Extract<EngineMount, { type: 'bind' }>;

/**
 * Of an engine that has other files than this machine, only a container tells whether a folder is there: one that never runs is made
 * with all that the run is about to mount, before anything else is. Nothing is asked where a plan has seen it from here.
 *
 * @throws `NOT_FOUND` with the resource that mounts what is missing
 */
export async function refuseMissingBinds(
  context: Pick<RunContext, 'client' | 'stack' | 'call' | 'signal'>,
  units: readonly Unit[],
  { changed }: Pick<Diff, 'changed'>,
): Promise<void> {
  const wanted = units.filter(({ resource }) => changed.has(resource)).flatMap(bindsOf);
  if (wanted.length === 0 || (await context.client.sharesFiles(context.call))) return;
  const sources = [...new Set(wanted.map(({ source }) => source))];
  try {
    await using _made = await temporaryContainer(context, 'what it mounts', {
      ...emptyImage.creation,
      name: bindsName(context.stack),
      mounts: sources.map((source, index) => ({ type: 'bind', source, target: `/${index}`, readOnly: true })),
    });
  } catch (error) {
    context.signal.throwIfAborted();
    const missing = missingPath(error);
    const found = wanted.find(({ source }) => source === missing);
    if (found !== undefined) throw aboutResource(error, declaredPathOf(context, found.resource));
    // What else an engine has against this container it may not have against those that are wanted.
    if (engineStatus(error) === undefined) throw error;
  }
}

function bindsOf(unit: Unit): readonly (Bind & { readonly resource: string })[] {
  const { resource } = unit;
  const { mounts } = unit.kind === 'pool' ? unit.worker.container.creation : unit.container.creation;
  return mounts.flatMap((each) => (each.type === 'bind' ? [{ ...each, resource }] : []));
}

/** The path that an engine names as one where nothing is. */
function missingPath(error: unknown): unknown {
  return isPlumbstackError(error, 'NOT_FOUND') ? error.details['path'] : undefined;
}
