import { setMaxListeners } from 'node:events';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { PlumbstackError } from '@plumbstack/core';
import { engineStatus } from '../client/docker-failure.js';
import type { DockerClient } from '../client/docker-client.js';
import { baseLabels, label } from '../labels.js';
import { isOfStack, notOurs } from '../not-ours.js';
import { leaseName } from '../object-names.js';
import { pauseFor } from './deadline.js';
import { emptyImage, ensureEmptyImage } from './empty-image.js';
import type { Emit } from './run-context.js';

/** Time between two signs of life. */
const beatMs = 1000;
/** A lease without a sign of life for this long is its holder's no more. */
const staleMs = 4000;
const lookMs = 250;
const beatFile = 'beat';

export interface Lease extends AsyncDisposable {
  /** Aborts when the lease was lost, or with the caller's own signal. */
  readonly signal: AbortSignal;
}

export interface LeaseOptions {
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/**
 * Takes the stack's lease on the engine itself: a container that never runs, whose name can be had once. Its holder writes
 * a sign of life into it; whoever waits watches that change, on a clock of its own, and takes over when it stops. So it
 * works between processes and machines, and nobody ever has to remove one by hand.
 */
export async function takeLease(
  client: DockerClient,
  stack: string,
  { signal, emit }: LeaseOptions,
): Promise<Lease> {
  await ensureEmptyImage(client, { signal });
  const id = await claim(client, stack, signal, emit);
  emit('lock:acquired', {});
  return hold(client, stack, id, signal);
}

async function claim(client: DockerClient, stack: string, signal: AbortSignal, emit: Emit): Promise<string> {
  const name = leaseName(stack);
  const watched = new Watch();
  for (let told = false; ;) {
    signal.throwIfAborted();
    try {
      return await client.createContainer(
        {
          ...emptyImage.creation,
          name,
          labels: {
            ...baseLabels(stack, '', 'lease'),
            [label.holder]: `process ${process.pid} on ${hostname()}, ${randomUUID()}`,
          },
        },
        { signal },
      );
    } catch (error) {
      if (engineStatus(error) !== 409) throw error;
    }
    const held = await client.inspectContainer(name, { signal });
    if (held === undefined) continue;
    if (!isOfStack(held.labels, stack)) throw notOurs({ kind: 'container', name, labels: held.labels }, stack);
    if (!told) emit('lock:waiting', { holder: held.labels[label.holder] ?? 'unknown' });
    told = true;
    const beat =
      (await client.readFiles(held.id, `/${beatFile}`, { signal }))?.get(beatFile)?.toString() ?? '';
    // By id: whoever else found it stale removes the same one, and never the lease of a faster third.
    if (watched.isStale(`${held.id} ${beat}`)) await client.removeContainer(held.id, { signal });
    else await pauseFor(lookMs, signal);
  }
}

/** How long something has not changed. */
class Watch {
  #seen = '';
  #since = 0;

  isStale(now: string): boolean {
    if (now !== this.#seen) {
      this.#seen = now;
      this.#since = performance.now();
    }
    return performance.now() - this.#since > staleMs;
  }
}

function hold(client: DockerClient, stack: string, id: string, signal: AbortSignal): Lease {
  const lost = new AbortController();
  const ended = new AbortController();
  const beating = beat(client, id, ended.signal).catch((cause: unknown) => {
    lost.abort(
      new PlumbstackError(
        'LOCKED',
        'this process lost its lease on the stack: it could not show a sign of life in time.',
        {
          resource: stack,
          hint: 'Another run may have taken over. Run again; it finishes what was begun.',
          cause,
        },
      ),
    );
  });
  const either = AbortSignal.any([signal, lost.signal]);
  setMaxListeners(0, either);
  return {
    signal: either,
    [Symbol.asyncDispose]: async () => {
      ended.abort();
      await beating;
      // An engine that does not answer any more cannot be told; the lease ends by itself then.
      await client.removeContainer(id).catch(() => undefined);
    },
  };
}

/** Shows signs of life until the signal; rejects when two in a row could not be shown. */
async function beat(client: DockerClient, id: string, ended: AbortSignal): Promise<void> {
  let failures = 0;
  for (let count = 1; !ended.aborted; count++) {
    try {
      await client.putFiles(id, '/', [{ path: beatFile, content: String(count), mode: 0o444 }], {
        signal: ended,
      });
      failures = 0;
    } catch (error) {
      if (ended.aborted) return;
      // Gone: somebody has taken it for stale.
      if (engineStatus(error) === 404 || ++failures > 1) throw error;
    }
    await pauseFor(beatMs, ended).catch(() => undefined);
  }
}
