import { PlumbstackError } from '@plumbstack/core';
import type { DockerClient, DockerWriter } from '../client/docker-client.js';
import { unlessAborted } from './deadline.js';
import type { Gate } from './gate.js';

/** Whether a call takes one of the places that there are: to begin something, or to go on with what was begun. */
type Place = 'none' | 'begins' | 'goes-on';

/** Every call that can change something. The compiler refuses a list that lacks one. */
const writes: Readonly<Record<keyof DockerWriter, Place>> = {
  createNetwork: 'none',
  removeNetwork: 'none',
  connectNetwork: 'goes-on',
  disconnectNetwork: 'goes-on',
  createVolume: 'none',
  removeVolume: 'none',
  createContainer: 'begins',
  startContainer: 'goes-on',
  stopContainer: 'goes-on',
  signalContainer: 'none',
  restartContainer: 'goes-on',
  unpauseContainer: 'none',
  removeContainer: 'goes-on',
  renameContainer: 'none',
  updateContainer: 'none',
  putFiles: 'none',
  putArchive: 'none',
  exec: 'none',
  execLines: 'none',
  pullImage: 'none',
  buildImage: 'none',
  tagImage: 'none',
  removeImage: 'none',
  importEmptyImage: 'none',
};

type Call = (this: DockerClient, ...args: unknown[]) => unknown;
type MayWrite = () => Promise<void>;

/**
 * Stands between a run and the engine: asks `mayWrite` before each call that changes something, and does not make it where
 * that rejects; lets a limited number of those through at once that an engine cannot take many of. A place is held for a
 * call and never for a wait, since what is waited for may need one.
 */
export class Fence {
  readonly client: DockerClient;
  readonly #gate: Gate;
  readonly #under = new Set<Promise<unknown>>();
  readonly #closed = new AbortController();

  constructor(client: DockerClient, mayWrite: MayWrite, gate: Gate) {
    this.#gate = gate;
    this.client = new Proxy(client, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name, target);
        if (typeof found !== 'function') return found;
        const call = (found as Call).bind(target);
        if (!isWrite(name)) return call;
        return async (...args: unknown[]): Promise<unknown> => {
          const signal = signalOf(args);
          const may = signal === undefined ? mayWrite : () => unlessAborted(signal, mayWrite);
          const make = async (): Promise<unknown> => {
            await may();
            return this.#tracked(() => call(...(name === 'exec' ? startingOnlyIf(may, args) : args)));
          };
          const place = writes[name];
          if (place === 'none') return make();
          // Not with a place: the wait may be long. After the wait for one, it is asked again.
          await may();
          return this.#gate.run(make, { signal, urgent: place === 'goes-on' });
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

function isWrite(name: string | symbol): name is keyof DockerWriter {
  return Object.hasOwn(writes, name);
}

/** Every call takes its options last. One without a signal is made for its own sake, as what cleans up is. */
function signalOf(args: readonly unknown[]): AbortSignal | undefined {
  const { signal } = (args.at(-1) ?? {}) as { readonly signal?: unknown };
  return signal instanceof AbortSignal ? signal : undefined;
}

/** A command takes two calls to the engine, and a process may be stopped for long between them. */
function startingOnlyIf(mayWrite: MayWrite, args: readonly unknown[]): readonly unknown[] {
  const [container, command, options] = args as Parameters<DockerClient['exec']>;
  return [container, command, { ...options, mayStart: mayWrite }];
}
