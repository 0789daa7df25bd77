import { setMaxListeners } from 'node:events';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { isPlumbstackError } from '@plumbstack/core';
import { engineStatus } from '../client/docker-failure.js';
import type { DockerClient } from '../client/docker-client.js';
import { baseLabels, label } from '../labels.js';
import { isContainerOf, notOurs } from '../not-ours.js';
import { leaseName } from '../object-names.js';
import { noteWait, partOf, pauseFor } from './deadline.js';
import { emptyImage, ensureEmptyImage } from './empty-image.js';
import { Fence } from './fenced-client.js';
import { Gate } from './gate.js';
import { beatFile, beatMs, Heart, staleMs } from './heart.js';
import type { Emit } from './run-context.js';

const lookMs = 250;

export interface Lease extends AsyncDisposable {
  /** Aborts when the lease was lost, or with the caller's own signal. */
  readonly signal: AbortSignal;
  /**
   * Changes things only while the lease is held: waits while that is not known, and rejects with `LOCKED` from the moment in
   * which somebody else has it. Only a call that is being sent at the very moment at which the process is stopped may arrive
   * later: an engine knows nothing of leases.
   */
  readonly client: DockerClient;
}

export interface LeaseOptions {
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** How many calls at once may start or remove something. */
  readonly concurrency: number;
}

/**
 * Takes the stack's lease on the engine itself: a container that never runs, whose name can be had once. Its holder writes
 * a sign of life into it; whoever waits watches that change, on a clock of its own, and takes over when it stops. So it
 * works between processes and machines, and nobody ever has to remove one by hand.
 */
export async function takeLease(
  client: DockerClient,
  stack: string,
  { signal, emit, concurrency }: LeaseOptions,
): Promise<Lease> {
  const holder = `process ${process.pid} on ${hostname()}, ${randomUUID()}`;
  const create = (during: AbortSignal): Promise<string> => createLease(client, stack, holder, during);
  const id = await claim(client, stack, create, signal, emit);
  emit('lock:acquired', {});
  const heart = new Heart(id, { client, stack, create, signal });
  return hold(client, heart, signal, new Gate(concurrency));
}

async function createLease(
  client: DockerClient,
  stack: string,
  holder: string,
  signal: AbortSignal,
): Promise<string> {
  const name = leaseName(stack);
  const labels = { ...baseLabels(stack, '', 'lease'), [label.holder]: holder };
  const create = (): Promise<string> =>
    client.createContainer({ ...emptyImage.creation, name, labels }, { signal });
  try {
    return await create();
  } catch (error) {
    switch (engineStatus(error)) {
      case 404:
        // The image was never made here, or whoever removes what is unused has removed it.
        await ensureEmptyImage(client, { signal });
        return create();
      case 409: {
        // The engine may have made it and its answer been lost.
        const found = await client.inspectContainer(name, { signal });
        if (found !== undefined && found.labels[label.holder] === holder) return found.id;
      }
    }
    throw error;
  }
}

async function claim(
  client: DockerClient,
  stack: string,
  create: (signal: AbortSignal) => Promise<string>,
  signal: AbortSignal,
  emit: Emit,
): Promise<string> {
  const name = leaseName(stack);
  const watched = new Watch();
  let holder: string | undefined;
  using _noted = noteWait(
    signal,
    () => `the lease of the stack${holder === undefined ? '' : `, which ${holder} has`}`,
  );
  for (;;) {
    signal.throwIfAborted();
    try {
      return await create(signal);
    } catch (error) {
      if (engineStatus(error) !== 409) throw error;
    }
    const held = await client.inspectContainer(name, { signal });
    if (held === undefined) continue;
    if (!isContainerOf(held, stack)) throw notOurs({ kind: 'container', name, labels: held.labels }, stack);
    if (holder === undefined) emit('lock:waiting', { holder: held.labels[label.holder] ?? 'unknown' });
    // Without the part that makes it the only one of its name.
    holder = held.labels[label.holder]?.replace(/, [0-9a-f-]{36}$/, '') ?? 'unknown';
    const beat = await readBeat(client, held.id, signal);
    // By id: whoever else found it stale removes the same one, and never the lease of a faster third.
    if (watched.isStale(`${held.id} ${beat}`)) await client.removeContainer(held.id, { signal });
    else await pauseFor(lookMs, signal);
  }
}

/** The last sign of life; empty where there is none, and of a lease that is being given back at this moment. */
async function readBeat(client: DockerClient, id: string, signal: AbortSignal): Promise<string> {
  try {
    return (await client.readFiles(id, `/${beatFile}`, { signal }))?.get(beatFile)?.toString() ?? '';
  } catch (error) {
    // Docker 28.5 says 500, "RWLayer ... is unexpectedly nil", of a container that it is removing.
    if (isPlumbstackError(error, 'ENGINE_FAILED')) return '';
    throw error;
  }
}

/** How long something has not changed, as far as anybody could have changed it. */
class Watch {
  #seen = '';
  #silentMs = 0;
  #lookedAt = 0;

  isStale(now: string): boolean {
    const at = performance.now();
    // While an engine stands still, the holder cannot show anything: a look that took long counts no longer than a beat.
    this.#silentMs = now === this.#seen ? this.#silentMs + Math.min(at - this.#lookedAt, beatMs) : 0;
    this.#seen = now;
    this.#lookedAt = at;
    return this.#silentMs > staleMs;
  }
}

function hold(client: DockerClient, heart: Heart, signal: AbortSignal, gate: Gate): Lease {
  const either = partOf(AbortSignal.any([signal, heart.lost]), signal);
  setMaxListeners(0, either);
  const fence = new Fence(client, () => heart.confirm(), gate);
  return {
    signal: either,
    client: fence.client,
    [Symbol.asyncDispose]: async () => {
      // Of a run that has failed, something may still be under way: the next run is not to meet it.
      await fence.close();
      await heart.stop();
      // An engine that does not answer any more cannot be told; the lease ends by itself then.
      const soon = AbortSignal.timeout(staleMs);
      await client.removeContainer(heart.id, { signal: soon }).catch(() => undefined);
    },
  };
}
