import type { DockerClient } from '../client/docker-client.js';

/** What the engine will tell of a container because this process asked for it. */
export type OwnAction = 'start' | 'die' | 'destroy' | 'unpause' | 'connect';

interface Work {
  readonly actions: readonly OwnAction[];
  /** What of that was not heard yet. */
  readonly expected: Set<OwnAction>;
  doneAt: number | undefined;
}

/** An engine tells of a call a moment before or after it answers it; under load, some moments. */
const echoMs = 5000;
/** A proxy sees a worker come and go a look later than the engine. */
const settleMs = 2000;

/**
 * What this process does to containers itself. A verb tells that in its own events; the engine's feed then tells it once
 * more, in words that are the same for everybody's doing. Each call is expected to be heard of once.
 */
export class OwnWork {
  readonly #now: () => number;
  readonly #works = new Map<string, Work[]>();
  readonly #verbs = new Map<string, { running: number; endedAt: number }>();

  /** @param now a clock in milliseconds that is never set back */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** A call begins; the returned function is called when it has ended, however it did. */
  begin(container: string, expected: readonly OwnAction[]): () => void {
    const work: Work = { actions: expected, expected: new Set(expected), doneAt: undefined };
    // Of what is gone nobody asks again: the oldest are let go as others come.
    for (const oldest of this.#works.keys()) if (this.#of(oldest).length > 0) break;
    const works = this.#of(container);
    this.#works.delete(container);
    this.#works.set(container, [...works, work]);
    return () => {
      work.doneAt = this.#now();
    };
  }

  /** Whether this is the engine's word on a call of this process: each is taken for one once. */
  claim(container: string, action: OwnAction): boolean {
    const works = this.#of(container);
    const index = works.findIndex(({ expected }) => expected.has(action));
    // What begins a new life ends all expectations about the one before; a call that has not ended may still end it.
    if (action === 'start') {
      for (const [at, { expected, doneAt }] of works.entries())
        if (doneAt !== undefined || at <= index) expected.delete('die');
    }
    return works[index]?.expected.delete(action) ?? false;
  }

  /** What was done before that moment is heard of no more: nobody listened when the engine told it. */
  notHeardBefore(container: string, moment: number): void {
    for (const { expected, doneAt } of this.#of(container))
      if (doneAt !== undefined && doneAt < moment) expected.clear();
  }

  /** Whether this process does that to the container, or has just done so, whether it was heard of or not. */
  does(container: string, action: OwnAction): boolean {
    return this.#of(container).some(({ actions }) => actions.includes(action));
  }

  /** A verb that changes the stack, until it is disposed. */
  verb(stack: string): Disposable {
    for (const other of this.#verbs.keys()) if (!this.isChanging(other)) this.#verbs.delete(other);
    const verb = this.#verbs.get(stack) ?? { running: 0, endedAt: 0 };
    this.#verbs.set(stack, verb);
    verb.running += 1;
    return {
      [Symbol.dispose]: () => {
        verb.running -= 1;
        verb.endedAt = this.#now();
      },
    };
  }

  /** Whether a verb of this process changes the stack, or has just done so. */
  isChanging(stack: string): boolean {
    const verb = this.#verbs.get(stack);
    return verb !== undefined && (verb.running > 0 || this.#now() - verb.endedAt < settleMs);
  }

  #of(container: string): readonly Work[] {
    const works = this.#works.get(container) ?? [];
    const fresh = works.filter(({ doneAt }) => doneAt === undefined || this.#now() - doneAt < echoMs);
    if (fresh.length === 0) this.#works.delete(container);
    else if (fresh.length < works.length) this.#works.set(container, fresh);
    return fresh;
  }
}

/** What each call makes the engine tell, and which of its arguments names the container. */
const echoes: { readonly [K in keyof DockerClient]?: readonly [argument: number, ...OwnAction[]] } = {
  startContainer: [0, 'start'],
  stopContainer: [0, 'die'],
  restartContainer: [0, 'die', 'start'],
  removeContainer: [0, 'die', 'destroy'],
  unpauseContainer: [0, 'unpause'],
  connectNetwork: [1, 'connect'],
};

type Call = (this: DockerClient, ...args: unknown[]) => Promise<unknown>;

/** A client whose calls are noted as this process's own. */
export function noting(client: DockerClient, work: OwnWork): DockerClient {
  return new Proxy(client, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name, target);
      if (typeof found !== 'function') return found;
      const call = (found as Call).bind(target);
      const echo = Object.hasOwn(echoes, name) ? echoes[name as keyof DockerClient] : undefined;
      if (echo === undefined) return call;
      const [argument, ...expected] = echo;
      return async (...args: unknown[]): Promise<unknown> => {
        const end = work.begin(String(args[argument]), expected);
        try {
          return await call(...args);
        } finally {
          end();
        }
      };
    },
  });
}
