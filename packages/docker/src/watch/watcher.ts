import type { Demand } from '@plumbstack/events';
import type { DockerClient } from '../client/docker-client.js';
import type { Tell } from './container-book.js';
import type { OwnWork } from './own-work.js';
import { Watch } from './watch.js';

export interface WatcherOptions {
  readonly client: DockerClient;
  readonly work: OwnWork;
  readonly tell: Tell;
  readonly isLocal: boolean;
  /** What is listened to when it is made. */
  readonly demand: Demand;
}

/** The longest time that a timer can wait. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * Watches the stacks that this runtime has brought up or attached to, each while somebody listens to it. A program that only
 * runs verbs never pays for it, and one that only listens still ends; one that awaits a stream's next event does not.
 */
export class Watcher implements Disposable {
  readonly #options: WatcherOptions;
  readonly #known = new Set<string>();
  readonly #watched = new Set<string>();
  readonly #keptOpen = setInterval(() => undefined, longestTimerMs).unref();
  #demand: Demand;
  #client: DockerClient | undefined;
  #watch: Watch | undefined;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#demand = options.demand;
  }

  /** A stack is up. */
  know(stack: string): void {
    this.#known.add(stack);
    this.#follow();
  }

  /** A stack is gone. */
  forget(stack: string): void {
    this.#known.delete(stack);
    this.#follow();
  }

  want(demand: Demand): void {
    this.#demand = demand;
    this.#follow();
  }

  [Symbol.dispose](): void {
    this.#known.clear();
    this.#follow();
    clearInterval(this.#keptOpen);
    this.#client?.close();
  }

  #follow(): void {
    const { everyStack, stacks, awaited } = this.#demand;
    const wanted = new Set([...this.#known].filter((stack) => everyStack || stacks.has(stack)));
    for (const stack of this.#watched) {
      if (wanted.has(stack)) continue;
      this.#watched.delete(stack);
      this.#watch?.remove(stack);
    }
    if (wanted.size === 0) {
      this.#watch?.[Symbol.dispose]();
      this.#watch = undefined;
    } else {
      const { client, work, tell, isLocal } = this.#options;
      this.#client ??= client.inBackground();
      this.#watch ??= new Watch({ client: this.#client, work, tell, isLocal });
      for (const stack of wanted) {
        if (this.#watched.has(stack)) continue;
        this.#watched.add(stack);
        this.#watch.add(stack);
      }
    }
    if (awaited && wanted.size > 0) this.#keptOpen.ref();
    else this.#keptOpen.unref();
  }
}
