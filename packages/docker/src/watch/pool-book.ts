import { resourcePath } from '@plumbstack/core';
import type { StatTable } from '../proxy/index.js';
import type { Tell } from './container-book.js';
import type { KnownContainer } from './known-container.js';
import type { OwnWork } from './own-work.js';

export interface PoolBookOptions {
  readonly stack: string;
  readonly pool: string;
  readonly work: Pick<OwnWork, 'does' | 'isChanging'>;
  readonly tell: Tell;
}

type State = StatTable['servers'][number]['state'];

/** The workers of a pool as its HAProxy sees them, and what is told of that. No effects. */
export class PoolBook {
  readonly #options: PoolBookOptions;
  readonly #states = new Map<string, State>();
  /** By slot: when the life began in which it failed. */
  readonly #failed = new Map<string, bigint>();
  #queued = 0;
  #hasLooked = false;

  constructor(options: PoolBookOptions) {
    this.#options = options;
  }

  /** What HAProxy counts now, and the containers that the pool has. */
  look({ backend, servers }: StatTable, containers: Iterable<KnownContainer>): void {
    const { stack, pool } = this.#options;
    const workers = new Map(
      [...containers]
        .filter((each) => each.stack === stack && each.resource === pool && each.worker !== undefined)
        .map((each) => [each.worker ?? '', each]),
    );
    for (const slot of [...this.#states.keys()]) if (!workers.has(slot)) this.#forget(slot);
    for (const { name, state } of servers) {
      const worker = workers.get(name);
      if (worker === undefined) continue;
      const before = this.#states.get(name);
      this.#states.set(name, state);
      if (before !== state) this.#changed(worker, before, state);
    }
    this.#hasLooked = true;
    this.#tellQueue((backend?.queued ?? 0) + servers.reduce((sum, { queued }) => sum + queued, 0));
  }

  #changed(worker: KnownContainer, before: State | undefined, now: State): void {
    const slot = worker.worker ?? '';
    const { work } = this.#options;
    const isChanging = work.isChanging(worker.stack);
    const failedLife = this.#failed.get(slot);
    if (now === 'up' && failedLife !== undefined) {
      this.#failed.delete(slot);
      // A verb that brought it back, by a start of its own since, tells that it joined.
      const isVerbs = isChanging && worker.quietlyHealthy && worker.lastStart !== failedLife;
      if (!isVerbs) this.#tell(worker, 'worker:recovered');
    } else if (before === 'up' && now === 'down' && !work.does(worker.id, 'die')) {
      this.#failed.set(slot, worker.lastStart);
      this.#tell(worker, 'worker:unhealthy');
    } else if (!isChanging) {
      // Whoever was there at the first look has joined before; a new one may be up by the time that it is looked at.
      if (now === 'up' && (before !== undefined || this.#hasLooked)) this.#tell(worker, 'worker:joined');
      if (now === 'drain' && before === 'up') this.#tell(worker, 'worker:draining');
    }
  }

  #tellQueue(queued: number): void {
    if (queued === this.#queued) return;
    this.#queued = queued;
    const { stack, pool, tell } = this.#options;
    tell(stack, 'pool:queue', { resource: resourcePath(stack, pool), queued });
  }

  #forget(slot: string): void {
    this.#states.delete(slot);
    this.#failed.delete(slot);
  }

  #tell(
    { stack, resource, name, worker = '' }: KnownContainer,
    what: 'worker:joined' | 'worker:draining' | 'worker:unhealthy' | 'worker:recovered',
  ): void {
    this.#options.tell(stack, what, { resource: resourcePath(stack, resource), container: name, worker });
  }
}
