import { setMaxListeners } from 'node:events';
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { isPlumbstackError, PlumbstackError } from '@plumbstack/core';
import { engineStatus } from '../client/docker-failure.js';
import type { DockerClient } from '../client/docker-client.js';
import { baseLabels, label } from '../labels.js';
import { isContainerOf, notOurs } from '../not-ours.js';
import { leaseName } from '../object-names.js';
import { pauseFor } from './deadline.js';
import { emptyImage, ensureEmptyImage } from './empty-image.js';
import { Fence } from './fenced-client.js';
import { Gate } from './gate.js';
import type { Emit } from './run-context.js';

/** Time between two signs of life. */
const beatMs = 1000;
/** A lease without a sign of life for this long is its holder's no more. */
const staleMs = 4000;
/** A sign of life that is older does not prove any more that the lease is held. */
const freshMs = staleMs / 2;
const lookMs = 250;
const beatFile = 'beat';

export interface Lease extends AsyncDisposable {
  /** Aborts when the lease was lost, or with the caller's own signal. */
  readonly signal: AbortSignal;
  /**
   * Changes things only while the lease is held; rejects with `LOCKED` from then on. Only a call that is being sent at the
   * very moment at which the process is stopped may arrive later: an engine knows nothing of leases.
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
  await ensureEmptyImage(client, { signal });
  const id = await claim(client, stack, signal, emit);
  emit('lock:acquired', {});
  return hold(client, stack, id, signal, new Gate(concurrency));
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
    if (!isContainerOf(held, stack)) throw notOurs({ kind: 'container', name, labels: held.labels }, stack);
    if (!told) emit('lock:waiting', { holder: held.labels[label.holder] ?? 'unknown' });
    told = true;
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

function hold(client: DockerClient, stack: string, id: string, signal: AbortSignal, gate: Gate): Lease {
  const heart = new Heart(client, stack, id);
  const either = AbortSignal.any([signal, heart.lost]);
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
      await client.removeContainer(id, { signal: soon }).catch(() => undefined);
    },
  };
}

/** Shows signs of life, and knows how old the last one is that was seen. */
class Heart {
  readonly #client: DockerClient;
  readonly #stack: string;
  readonly #id: string;
  readonly #lost = new AbortController();
  readonly #ended = new AbortController();
  readonly #beating: Promise<void>;
  /** When the last one was sent, by a clock that goes on while this machine sleeps. */
  #shownAt = Date.now();
  #count = 0;
  #showing: Promise<void> | undefined;

  constructor(client: DockerClient, stack: string, id: string) {
    this.#client = client;
    this.#stack = stack;
    this.#id = id;
    setMaxListeners(0, this.#lost.signal, this.#ended.signal);
    this.#beating = this.#beat();
  }

  /** Aborts when the lease is known to be lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Resolves when the lease is surely still held: a process that was stopped for a while must not go on as if nothing was. */
  async confirm(): Promise<void> {
    this.lost.throwIfAborted();
    if (Date.now() - this.#shownAt < freshMs) return;
    await this.#show();
    this.lost.throwIfAborted();
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#beating;
  }

  async #beat(): Promise<void> {
    while (!this.#ended.signal.aborted && !this.lost.aborted) {
      await this.#show();
      // The end of the lease ends the pause; the loop sees it.
      await pauseFor(beatMs, this.#ended.signal).catch(() => undefined);
    }
  }

  /** Shows one, for all who ask meanwhile. */
  #show(): Promise<void> {
    this.#showing ??= this.#send().finally(() => (this.#showing = undefined));
    return this.#showing;
  }

  async #send(): Promise<void> {
    const at = Date.now();
    const file = { path: beatFile, content: String(++this.#count), mode: 0o444 };
    const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(staleMs - beatMs)]);
    try {
      await this.#client.putFiles(this.#id, '/', [file], { signal });
      this.#shownAt = at;
    } catch (error) {
      if (this.#ended.signal.aborted) return;
      // Gone: somebody has taken it for stale.
      if (engineStatus(error) === 404 || Date.now() - this.#shownAt >= staleMs) this.#lose(error);
    }
  }

  #lose(cause: unknown): void {
    this.#lost.abort(
      new PlumbstackError(
        'LOCKED',
        'this process lost its lease on the stack: it could not show a sign of life in time.',
        {
          resource: this.#stack,
          hint: 'Another run may have taken over. Run again; it finishes what was begun.',
          cause,
        },
      ),
    );
  }
}
