import { Readable } from 'node:stream';
import { PlumbstackError, resourcePath } from '@plumbstack/core';
import { pollUntil } from '../apply/deadline.js';
import { emptyImage, ensureEmptyImage } from '../apply/empty-image.js';
import { waitAgain } from '../apply/wait-again.js';
import type { ContainerCreation } from '../client/docker-client.js';
import type { EngineSession } from '../engine-session.js';
import { backstage, baseLabels, label } from '../labels.js';
import { isContainerOf, notOurs } from '../not-ours.js';
import { copyName, volumeName } from '../object-names.js';
import { describedCheck } from '../plan/described-check.js';
import { ArchiveRoot } from './archive-root.js';
import { begunSource } from './begun-source.js';
import type { ObservedContainer, ObservedState } from '../plan/observed-state.js';

/** Where the volume is mounted in the container that copies it. */
const folder = '/volume';
/** Long enough to remove the files of a large volume. */
const emptyingMs = 10 * 60_000;

/** What is in a volume, read through a container that never runs. */
export async function* exportVolume(
  session: EngineSession,
  observed: ObservedState,
  volume: string,
  stop: boolean,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const users = usersOf(observed, volume);
  const stopped = stop ? await stopAll(session, observed, users, signal) : [];
  try {
    await ensureEmptyImage(session.client, { signal });
    await using copy = await copyContainer(session, observed, volume, emptyImage.creation, signal);
    yield* session.client.readArchive(copy.id, `${folder}/.`, { signal });
  } finally {
    await startAll(session, observed, stopped, signal);
  }
}

/**
 * Empties a volume and fills it. An engine cannot remove files, so `find` does, in an image that is there because
 * something of the stack runs it; what comes in is unpacked by the engine itself.
 */
export async function importVolume(
  session: EngineSession,
  observed: ObservedState,
  volume: string,
  source: AsyncIterable<Uint8Array>,
  stop: boolean,
  signal: AbortSignal,
): Promise<void> {
  const users = usersOf(observed, volume);
  const running = users.filter(({ state }) => state === 'running');
  if (running.length > 0 && !stop) throw inUse(observed.stack, volume, running);
  const begun = await begunSource(source, signal);
  const stopped = await stopAll(session, observed, users, signal);
  const [image] = [...users, ...observed.containers].filter(({ role }) => !backstage.includes(role));
  if (image === undefined) throw nothingToRun(observed.stack, volume);
  const emptying = {
    ...emptyImage.creation,
    image: image.summary.image,
    entrypoint: ['find'],
    command: [folder, '-mindepth', '1', '-delete'],
    user: '0',
    // Files of any owner, in folders of any mode.
    capAdd: ['DAC_OVERRIDE', 'FOWNER'],
  };
  {
    await using copy = await copyContainer(session, observed, volume, emptying, signal);
    await runToEnd(session, copy.id, resourcePath(observed.stack, volume), signal);
    const root = new ArchiveRoot();
    await session.client.putArchive(copy.id, folder, root.watch(begun), { signal });
    const own = root.as(folder.slice(1));
    if (own !== undefined) await session.client.putArchive(copy.id, '/', Readable.from([own]), { signal });
  }
  await startAll(session, observed, stopped, signal);
}

/** Containers that the volume is mounted in. Refuses a volume that is not there. */
function usersOf(observed: ObservedState, volume: string): readonly ObservedContainer[] {
  const name = volumeName(observed.stack, volume);
  const ours = observed.volumes.filter(({ labels }) => labels[label.role] === 'volume');
  if (!ours.some((each) => each.name === name)) {
    const known = ours.map(({ labels }) => labels[label.resource] ?? '').sort();
    throw new PlumbstackError('NOT_FOUND', `the stack "${observed.stack}" has no volume "${volume}".`, {
      resource: resourcePath(observed.stack, volume),
      details: { known },
      hint: `It has: ${known.join(', ') || 'none'}.`,
    });
  }
  return observed.containers.filter(({ identity, role }) => {
    const { mounts } = identity as { mounts?: readonly { readonly name?: string }[] };
    return role !== 'copy' && (mounts ?? []).some((each) => each.name === name);
  });
}

/** Where one cannot be stopped, or is no more to be, none is. */
async function stopAll(
  session: EngineSession,
  observed: ObservedState,
  containers: readonly ObservedContainer[],
  signal: AbortSignal,
): Promise<readonly ObservedContainer[]> {
  const running = containers.filter(({ state }) => state === 'running');
  const stops = running.map(({ id, identity }) => {
    const { stopGraceMs = 10_000 } = identity as { stopGraceMs?: number };
    return session.client.stopContainer(id, stopGraceMs, { signal });
  });
  try {
    await Promise.all(stops);
  } catch (error) {
    await Promise.allSettled(stops);
    await startAll(session, observed, running, signal);
    throw error;
  }
  return running;
}

/**
 * Not under the verb's signal: a copy that was broken off must not leave a database stopped. That it answers again is waited
 * for under it.
 */
async function startAll(
  session: EngineSession,
  observed: ObservedState,
  containers: readonly ObservedContainer[],
  signal: AbortSignal,
): Promise<void> {
  const context = session.look(observed, signal);
  await Promise.all(containers.map(({ id }) => session.client.startContainer(id)));
  await Promise.all(
    containers.map(async (each) => {
      await waitAgain(context, each, describedCheck(each));
    }),
  );
}

interface CopyContainer extends AsyncDisposable {
  readonly id: string;
}

/**
 * The container through which a volume is copied, gone at the end. One that a killed process has left has the name, and
 * goes first: whoever is here holds the lease. The next `up` and `down` remove it too.
 */
async function copyContainer(
  { client }: EngineSession,
  { stack }: ObservedState,
  volume: string,
  creation: Omit<ContainerCreation, 'name' | 'labels'>,
  signal: AbortSignal,
): Promise<CopyContainer> {
  const name = copyName(stack, volume);
  const left = await client.inspectContainer(name, { signal });
  if (left !== undefined && !isContainerOf(left, stack))
    throw notOurs({ kind: 'container', name, labels: left.labels }, resourcePath(stack, volume));
  if (left !== undefined) await client.removeContainer(left.id, { signal });
  const id = await client.createContainer(
    {
      ...creation,
      name,
      labels: { ...baseLabels(stack, `${volume}.copy`, 'copy'), [label.digest]: '' },
      mounts: [{ type: 'volume', name: volumeName(stack, volume), target: folder, readOnly: false }],
    },
    { signal },
  );
  return { id, [Symbol.asyncDispose]: () => client.removeContainer(id) };
}

async function runToEnd(
  { client }: EngineSession,
  id: string,
  resource: string,
  signal: AbortSignal,
): Promise<void> {
  await client.startContainer(id, { signal });
  const ended = await pollUntil(
    async () => {
      const details = await client.inspectContainer(id, { signal });
      return details === undefined || details.running ? undefined : details;
    },
    { signal, timeoutMs: emptyingMs, intervalMs: 25 },
  );
  if (ended?.exitCode === 0) return;
  throw new PlumbstackError('START_FAILED', 'what was in the volume could not be removed.', {
    resource,
    details: { exitCode: ended?.exitCode },
    hint: 'What was stopped is so still: look into the volume, and run up.',
  });
}

function inUse(stack: string, volume: string, running: readonly ObservedContainer[]): PlumbstackError {
  const names = running.map(({ name }) => name);
  return new PlumbstackError('INVALID_OPTION', `the volume is in use by ${names.join(', ')}.`, {
    resource: resourcePath(stack, volume),
    details: { containers: names },
    hint: 'Pass { stop: true } to stop them for the time of the import.',
  });
}

function nothingToRun(stack: string, volume: string): PlumbstackError {
  return new PlumbstackError(
    'NOT_FOUND',
    'nothing of the stack is there whose image could empty the volume.',
    {
      resource: resourcePath(stack, volume),
      hint: 'Bring the stack up first.',
    },
  );
}
