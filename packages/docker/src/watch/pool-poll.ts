import type { DockerClient } from '../client/docker-client.js';
import { adminPort } from '../compile/compile-pool.js';
import { endOfLook, parseStat, watchStatCommand, type StatTable } from '../proxy/index.js';
import { quietPause } from './quiet-pause.js';

/** Time between two looks at a HAProxy's counters. */
const lookMs = 500;
const retryMs = 1000;

/**
 * Looks at what a HAProxy counts, twice a second, by one command that runs in its container for as long as this process
 * reads what it writes. Goes on through restarts of HAProxy until it is disposed.
 */
export class PoolPoll implements Disposable {
  readonly #ended = new AbortController();

  constructor(
    client: Pick<DockerClient, 'execLines'>,
    container: string,
    onLook: (table: StatTable) => void,
  ) {
    void this.#run(client, container, onLook);
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
  }

  async #run(
    client: Pick<DockerClient, 'execLines'>,
    container: string,
    onLook: (table: StatTable) => void,
  ): Promise<void> {
    const { signal } = this.#ended;
    const command = watchStatCommand(adminPort, lookMs);
    while (!signal.aborted) {
      try {
        let look: string[] = [];
        for await (const line of client.execLines(container, command, { signal })) {
          if (line !== endOfLook) look.push(line);
          else {
            onLook(parseStat(look.join('\n')));
            look = [];
          }
        }
      } catch {
        // It restarts, or its container is on its way out: the engine's feed tells of that.
      }
      await quietPause(retryMs, signal);
    }
  }
}
