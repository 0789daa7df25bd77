import { setMaxListeners } from 'node:events';
import { PlumbstackError } from '@plumbstack/core';
import { engineStatus } from '../client/docker-failure.js';
import type { DockerClient } from '../client/docker-client.js';
import { label } from '../labels.js';
import { pauseFor } from './deadline.js';

/** Time between two signs of life. */
export const beatMs = 1000;
/** A lease without a sign of life for this long is its holder's no more. */
export const staleMs = 4000;
/** A sign of life that is older does not prove any more that the lease is held. */
const freshMs = staleMs / 2;
/** How soon it is tried again while an engine does not answer. */
const againMs = 250;
/** How long a run waits for an engine that does not answer. */
const patienceMs = 60_000;
/** The same for what a run that has ended still has to put right. */
const lastPatienceMs = 10_000;
export const beatFile = 'beat';

export interface HeartOptions {
  readonly client: DockerClient;
  readonly stack: string;
  /** Makes the lease's container, or finds the one that this process has made; rejects with status 409 where somebody has it. */
  readonly create: (signal: AbortSignal) => Promise<string>;
  /** The run's. */
  readonly signal: AbortSignal;
}

/** Shows signs of life, and knows whether the lease is held: it is until somebody else has taken it. */
export class Heart {
  readonly #options: HeartOptions;
  readonly #lost = new AbortController();
  readonly #ended = new AbortController();
  readonly #beating: Promise<void>;
  #id: string;
  /** When the last one was sent, by a clock that goes on while this machine sleeps. */
  #shownAt = Date.now();
  readonly #heldSince = Date.now();
  #count = 0;
  #showing: Promise<void> | undefined;
  #trouble: unknown;
  readonly #over: AbortSignal;

  constructor(id: string, options: HeartOptions) {
    this.#id = id;
    this.#options = options;
    this.#over = AbortSignal.any([this.#lost.signal, this.#ended.signal]);
    setMaxListeners(0, this.#lost.signal, this.#ended.signal, this.#over);
    this.#beating = this.#beat();
  }

  /** Of the lease's container. */
  get id(): string {
    return this.#id;
  }

  /** Aborts when somebody else is known to have the lease, or to have had it. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * Resolves when the lease is surely held. Silence is no loss: an engine that stands still, or a process that was stopped for
   * a while, goes on where it was if nobody has come in between.
   */
  async confirm(): Promise<void> {
    // One that has just come through proves it, however long it took: nobody takes a lease before it is stale.
    for (let enoughMs = freshMs; ; enoughMs = this.#trouble === undefined ? staleMs : freshMs) {
      this.lost.throwIfAborted();
      const silentMs = Date.now() - this.#shownAt;
      if (silentMs < enoughMs) return;
      if (this.#trouble !== undefined && silentMs > this.#patience) throw this.#silence(silentMs);
      await this.#show();
      if (this.#trouble !== undefined) await pauseFor(againMs, this.#over);
    }
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#beating;
  }

  get #patience(): number {
    return this.#options.signal.aborted ? lastPatienceMs : patienceMs;
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
    const signal = AbortSignal.any([this.#ended.signal, AbortSignal.timeout(staleMs - beatMs)]);
    try {
      await this.#put(signal).catch(async (error: unknown) => {
        if (engineStatus(error) !== 404) throw error;
        await this.#takeAgain(signal, error);
        await this.#put(signal);
      });
      this.#shownAt = at;
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = error;
    }
  }

  async #put(signal: AbortSignal): Promise<void> {
    const file = { path: beatFile, content: String(++this.#count), mode: 0o444 };
    await this.#options.client.putFiles(this.#id, '/', [file], { signal });
  }

  /** Its container is gone: somebody has taken it for stale, or for unused, as `docker container prune` does. */
  async #takeAgain(signal: AbortSignal, cause: unknown): Promise<void> {
    const { create, client } = this.#options;
    let id: string;
    try {
      id = await create(signal);
    } catch (error) {
      if (engineStatus(error) === 409) this.#lose(cause);
      throw error;
    }
    if (await this.#hadNobodyElse(id, signal)) {
      this.#id = id;
      return;
    }
    this.#lose(cause);
    await client.removeContainer(id, { signal });
    throw cause;
  }

  /** Whether the engine remembers that the lease's container went, and that none came between it and this one. */
  async #hadNobodyElse(now: string, signal: AbortSignal): Promise<boolean> {
    const { client, stack } = this.#options;
    // The engine's clock may be another than ours.
    const heldNs = BigInt(Date.now() - this.#heldSince + beatMs) * 1_000_000n;
    const since = String(BigInt(await client.clock({ signal })) - heldNs);
    let hasGone = false;
    // Leaving the loop ends the feed.
    for await (const { type, action, id, attributes } of client.events(`${label.stack}=${stack}`, {
      since,
      signal,
    })) {
      if (type !== 'container' || attributes[label.role] !== 'lease') continue;
      if (id === this.#id) hasGone ||= action === 'destroy' || action === 'remove';
      else if (action === 'create' && (hasGone || id === now)) return hasGone && id === now;
    }
    return false;
  }

  #lose(cause: unknown): void {
    const { stack } = this.#options;
    this.#lost.abort(
      new PlumbstackError('LOCKED', 'this process lost its lease on the stack: another run has taken it.', {
        resource: stack,
        hint: 'It gave no sign of life in time, as where it was stopped. Run again; it finishes what was begun.',
        cause,
      }),
    );
  }

  #silence(silentMs: number): PlumbstackError {
    return new PlumbstackError(
      'ENGINE_UNREACHABLE',
      `the engine has given no answer for ${Math.round(silentMs / 1000)} s; what was still to be done was not done.`,
      {
        resource: this.#options.stack,
        hint: 'Look at the engine, and run again; it finishes what was begun.',
        cause: this.#trouble,
      },
    );
  }
}
