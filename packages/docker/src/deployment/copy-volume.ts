import { Readable } from 'node:stream';
import { aboutResource, PlumbstackError, resourcePath } from '@plumbstack/core';
import { pollUntil } from '../apply/deadline.js';
import { emptyImage, ensureEmptyImage } from '../apply/empty-image.js';
import { temporaryContainer, type TemporaryContainer } from '../apply/temporary-container.js';
import { waitAgain } from '../apply/wait-again.js';
import type { ContainerCreation, PutFile } from '../client/docker-client.js';
import { unlessGone } from '../client/gone.js';
import { shell } from '../compile/secret-environment.js';
import type { EngineSession } from '../engine-session.js';
import { backstage, label } from '../labels.js';
import { clearingName, copyName, volumeName } from '../object-names.js';
import { describedCheck } from '../plan/described-check.js';
import { ArchiveEnd } from './archive-end.js';
import { ArchiveRoot } from './archive-root.js';
import { begunSource } from './begun-source.js';
import { refuseOtherPostgres } from './postgres-version.js';
import { folder, incoming, staging, switchScript } from './switch-content.js';
import type { ObservedContainer, ObservedState } from '../plan/observed-state.js';

/** Long enough to remove the files of a large volume. */
const switchingMs = 10 * 60_000;

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
 * Fills a volume anew. What comes is unpacked beside what is there, by the engine itself, and looked at; then what uses the volume is
 * stopped, and the two are switched by renames, in an image that is there because something of the stack runs it. However it ends,
 * the volume has the one or the other.
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
  const candidates = [...users, ...observed.containers].filter(({ role }) => !backstage.includes(role));
  await using copy = await switchContainer(session, observed, volume, candidates, signal);
  await clearStaging(session, observed, volume, copy, signal);
  await orClear(session, observed, volume, copy, async () => {
    await unpack(session, observed, volume, copy, begun, signal);
    const { client } = session;
    const places = { there: folder, coming: `${folder}/${staging}/${incoming}` };
    const name = volumeName(observed.stack, volume);
    await refuseOtherPostgres(client, copy.id, { ...places, volume: name }, users, { signal });
  });
  await putInPlace(session, observed, volume, copy, running, signal);
}

/** Leaves nothing of what comes in the volume where it does not come so far. */
async function orClear(
  session: EngineSession,
  observed: ObservedState,
  volume: string,
  copy: CopyContainer,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    // Not under the verb's signal: an aborted one cleans up too. What cannot be removed now, the next import removes.
    await clearStaging(session, observed, volume, copy, new AbortController().signal).catch(() => undefined);
    throw aboutResource(error, resourcePath(observed.stack, volume));
  }
}

async function putInPlace(
  session: EngineSession,
  observed: ObservedState,
  volume: string,
  copy: CopyContainer,
  running: readonly ObservedContainer[],
  signal: AbortSignal,
): Promise<void> {
  const { client } = session;
  await orClear(session, observed, volume, copy, async () => {
    try {
      await stopAll(session, observed, running, signal);
      signal.throwIfAborted();
      // From here on to the end, whatever aborts: it takes as long as renames do.
      await client.startContainer(copy.id);
    } catch (error) {
      // The engine may have started it, and its answer been lost.
      const begun = await client.inspectContainer(copy.id);
      if (begun !== undefined && begun.state !== 'created') return;
      await startAll(session, observed, running, signal);
      throw error;
    }
  });
  await untilEnded(session, copy.id, resourcePath(observed.stack, volume));
  await startAll(session, observed, running, signal);
}

async function unpack(
  { client }: EngineSession,
  { stack }: ObservedState,
  volume: string,
  { id }: CopyContainer,
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const inner = (path: string): PutFile => ({ path, type: 'folder', mode: 0o700, content: '' });
  await client.putFiles(id, folder, [inner(staging), inner(`${staging}/${incoming}`)], { signal });
  const [root, end] = [new ArchiveRoot(), new ArchiveEnd()];
  const stream = end.watch(root.watch(source));
  await client.putArchive(id, `${folder}/${staging}/${incoming}`, stream, { signal });
  if (!end.isWhole) throw cutOff(stack, volume);
  const own = root.as(incoming);
  if (own === undefined) return;
  await client.putArchive(id, `${folder}/${staging}`, Readable.from([own]), { signal });
  const owned = { path: 'owned', content: '', mode: 0o400 };
  await client.putFiles(id, `${folder}/${staging}`, [owned], { signal });
}

/** Ends what an interrupted import has begun, and removes what one has only unpacked. */
async function clearStaging(
  session: EngineSession,
  observed: ObservedState,
  volume: string,
  { id, image }: CopyContainer,
  signal: AbortSignal,
): Promise<void> {
  if (!(await hasStaging(session, id, signal))) return;
  const name = clearingName(observed.stack, volume);
  await using clearing = await copyContainer(
    session,
    observed,
    volume,
    switching(image, 'clear'),
    signal,
    name,
  );
  await session.client.startContainer(clearing.id);
  await untilEnded(session, clearing.id, resourcePath(observed.stack, volume));
}

async function hasStaging({ client }: EngineSession, id: string, signal: AbortSignal): Promise<boolean> {
  const first = client.readArchive(id, `${folder}/${staging}`, { signal })[Symbol.asyncIterator]();
  try {
    return (await unlessGone(first.next())) !== undefined;
  } finally {
    await first.return?.();
  }
}

/** The container that switches: of the first image that has a shell. */
async function switchContainer(
  session: EngineSession,
  observed: ObservedState,
  volume: string,
  candidates: readonly ObservedContainer[],
  signal: AbortSignal,
): Promise<CopyContainer> {
  for (const image of new Set(candidates.map(({ summary }) => summary.imageId))) {
    const copy = await copyContainer(session, observed, volume, switching(image, 'begin'), signal);
    if ((await session.client.readFiles(copy.id, shell, { signal })) !== undefined) return copy;
    await copy[Symbol.asyncDispose]();
  }
  throw nothingToRun(observed.stack, volume);
}

function switching(image: string, how: 'begin' | 'clear'): Omit<ContainerCreation, 'name' | 'labels'> {
  return {
    ...emptyImage.creation,
    image,
    entrypoint: [shell],
    command: ['-c', switchScript, 'sh', how],
    user: '0',
    // Files of any owner and any mode, in folders of any mode.
    capAdd: ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID'],
  };
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

type CopyContainer = TemporaryContainer;

/** The container through which a volume is copied. */
function copyContainer(
  { client }: EngineSession,
  { stack }: ObservedState,
  volume: string,
  creation: Omit<ContainerCreation, 'name' | 'labels'>,
  signal: AbortSignal,
  name = copyName(stack, volume),
): Promise<CopyContainer> {
  return temporaryContainer({ client, stack, call: { signal } }, volume, {
    ...creation,
    name,
    mounts: [{ type: 'volume', name: volumeName(stack, volume), target: folder, readOnly: false }],
  });
}

/** Not under the verb's signal: what has begun comes to its end. */
async function untilEnded({ client }: EngineSession, id: string, resource: string): Promise<void> {
  const ended = await pollUntil(
    async () => {
      const details = await client.inspectContainer(id);
      return details === undefined || details.running ? undefined : details;
    },
    { signal: new AbortController().signal, timeoutMs: switchingMs, intervalMs: 25 },
  );
  if (ended?.exitCode === 0) return;
  throw new PlumbstackError('START_FAILED', 'what came could not be put in the place of what was there.', {
    resource,
    details: { exitCode: ended?.exitCode },
    hint: `Both are in the volume: what was there in ${staging}/old. Another import goes on from there.`,
  });
}

function cutOff(stack: string, volume: string): PlumbstackError {
  return new PlumbstackError(
    'INVALID_OPTION',
    'the source is no whole tar archive: it ends before it should.',
    {
      resource: resourcePath(stack, volume),
      hint: 'The volume has what it had. Look at where the archive comes from: it may have been cut off.',
    },
  );
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
    'nothing of the stack is there whose image has a shell, which an import needs.',
    {
      resource: resourcePath(stack, volume),
      hint: 'Bring the stack up first.',
    },
  );
}
