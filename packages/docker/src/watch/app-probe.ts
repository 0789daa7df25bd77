import { setMaxListeners } from 'node:events';
import type { HealthSpec } from '@plumbstack/core';
import { quietPause } from './quiet-pause.js';

export interface AppProbeOptions {
  readonly health: Exclude<HealthSpec, { type: 'command' }>;
  /** Shortest time between two looks, in milliseconds: where one costs more than a connection. */
  readonly atLeastMs: number;
  /** Whether it answers; nothing where that does not count now. */
  readonly look: (signal: AbortSignal) => Promise<boolean | undefined>;
  readonly onHealth: (health: 'healthy' | 'unhealthy') => void;
}

/**
 * Looks at an app that no balancer and no engine looks at, as its health check says, until it is disposed. It is healthy
 * with the first answer, and unhealthy with as many failures in a row as it may have.
 */
export class AppProbe implements Disposable {
  readonly #ended = new AbortController();

  constructor(options: AppProbeOptions) {
    // A look may ask many containers at once: no leak.
    setMaxListeners(0, this.#ended.signal);
    void this.#run(options);
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
  }

  async #run({ health, atLeastMs, look, onHealth }: AppProbeOptions): Promise<void> {
    const { signal } = this.#ended;
    const { intervalMs, retries } = health;
    for (let failures = 0; !signal.aborted; await quietPause(Math.max(intervalMs, atLeastMs), signal)) {
      // A look that could not be had says nothing about the app.
      const answered = await look(signal).catch(() => undefined);
      if (signal.aborted || answered === undefined) continue;
      failures = answered ? 0 : failures + 1;
      if (answered) onHealth('healthy');
      else if (failures === retries) onHealth('unhealthy');
    }
  }
}
