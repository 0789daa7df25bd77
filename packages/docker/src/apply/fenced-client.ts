import { PlumbstackError } from '@plumbstack/core';
import type { DockerClient, DockerWriter } from '../client/docker-client.js';

/** Every call that can change something. The compiler refuses a list that lacks one. */
const writes: Readonly<Record<keyof DockerWriter, true>> = {
  createNetwork: true,
  removeNetwork: true,
  connectNetwork: true,
  disconnectNetwork: true,
  createVolume: true,
  removeVolume: true,
  createContainer: true,
  startContainer: true,
  stopContainer: true,
  signalContainer: true,
  restartContainer: true,
  unpauseContainer: true,
  removeContainer: true,
  renameContainer: true,
  updateContainer: true,
  putFiles: true,
  putArchive: true,
  exec: true,
  execLines: true,
  pullImage: true,
  buildImage: true,
  tagImage: true,
  removeImage: true,
  importEmptyImage: true,
};

type Call = (this: DockerClient, ...args: unknown[]) => unknown;

/** Stands between a run and the engine. */
export class Fence {
  /** Asks `mayWrite` before each call that changes something, and does not make it where that rejects. */
  readonly client: DockerClient;
  readonly #under = new Set<Promise<unknown>>();
  readonly #closed = new AbortController();

  constructor(client: DockerClient, mayWrite: () => Promise<void>) {
    this.client = new Proxy(client, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name, target);
        if (typeof found !== 'function') return found;
        const call = (found as Call).bind(target);
        if (!(name in writes)) return call;
        return async (...args: unknown[]): Promise<unknown> => {
          await mayWrite();
          return this.#tracked(() => call(...(name === 'exec' ? startingOnlyIf(mayWrite, args) : args)));
        };
      },
    });
  }

  /** Lets no change through any more, and resolves when those that it has let through have ended. */
  async close(): Promise<void> {
    this.#closed.abort(new PlumbstackError('LOCKED', 'the run that this was a part of has ended.'));
    await Promise.allSettled(this.#under);
  }

  async #tracked(call: () => unknown): Promise<unknown> {
    this.#closed.signal.throwIfAborted();
    const made = Promise.resolve(call());
    this.#under.add(made);
    try {
      return await made;
    } finally {
      this.#under.delete(made);
    }
  }
}

/** A command takes two calls to the engine, and a process may be stopped for long between them. */
function startingOnlyIf(mayWrite: () => Promise<void>, args: readonly unknown[]): readonly unknown[] {
  const [container, command, options] = args as Parameters<DockerClient['exec']>;
  return [container, command, { ...options, mayStart: mayWrite }];
}
