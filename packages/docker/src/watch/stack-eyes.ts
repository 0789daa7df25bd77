import type { HealthSpec } from '@plumbstack/core';
import { complaintInside } from '../apply/answered-inside.js';
import { complaintOf, reachOf } from '../apply/reach.js';
import type { CallOptions, ContainerDetails, DockerClient } from '../client/docker-client.js';
import { askingHost } from '../compile/checked-host.js';
import { formatAddress, isIPv4Subnet, parseSubnet } from '../compile/ipv4.js';
import { isOfStack } from '../not-ours.js';
import { observedContainer } from '../plan/observed-state.js';
import { AppProbe } from './app-probe.js';
import type { Tell } from './container-book.js';
import type { KnownContainer } from './known-container.js';
import type { OwnWork } from './own-work.js';
import { PoolBook } from './pool-book.js';
import { PoolPoll } from './pool-poll.js';

export interface StackEyesOptions {
  readonly stack: string;
  readonly client: DockerClient;
  readonly work: OwnWork;
  readonly tell: Tell;
  readonly isLocal: boolean;
  readonly onHealth: (known: KnownContainer, health: 'healthy' | 'unhealthy') => void;
  readonly containers: () => Iterable<KnownContainer>;
}

/** Looks from inside run a program in a container each time. */
const insideMs = 5000;

/** What the engine does not tell of a stack: the health of its workers, its queues, and its apps' answers. */
export class StackEyes implements Disposable {
  readonly #options: StackEyesOptions;
  /** One pair of eyes for each container that is looked through or at, in the life that it has. */
  readonly #open = new Map<string, Disposable>();
  readonly #pools = new Map<string, PoolBook>();
  #isDirect: Promise<boolean> | undefined;
  #disposed = false;

  constructor(options: StackEyesOptions) {
    this.#options = options;
  }

  /** Brings what is looked at to what runs now. */
  follow(): void {
    if (this.#disposed) return;
    const running = [...this.#options.containers()].filter(
      ({ stack, running }) => stack === this.#options.stack && running,
    );
    const keys = new Set(running.map(keyOf));
    for (const [key, eye] of this.#open) {
      if (keys.has(key)) continue;
      eye[Symbol.dispose]();
      this.#open.delete(key);
    }
    for (const known of running) {
      const key = keyOf(known);
      if (this.#open.has(key)) continue;
      if (known.role === 'balancer') this.#open.set(key, this.#pollPool(known));
      if (known.role === 'app') this.#open.set(key, this.#probeApp(known));
    }
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const eye of this.#open.values()) eye[Symbol.dispose]();
    this.#open.clear();
  }

  #pollPool({ id, resource: pool }: KnownContainer): Disposable {
    const { stack, client, work, tell, containers } = this.#options;
    const book = this.#pools.get(pool) ?? new PoolBook({ stack, pool, work, tell });
    this.#pools.set(pool, book);
    return new PoolPoll(client, id, (table) => book.look(table, containers()));
  }

  #probeApp(known: KnownContainer): Disposable {
    const ended = new AbortController();
    let probe: AppProbe | undefined;
    void this.#newProbe(known, ended.signal).then((made) => {
      if (ended.signal.aborted) made?.[Symbol.dispose]();
      else probe = made;
    });
    return {
      [Symbol.dispose]: () => {
        ended.abort();
        probe?.[Symbol.dispose]();
      },
    };
  }

  async #newProbe(known: KnownContainer, signal: AbortSignal): Promise<AppProbe | undefined> {
    const { client, onHealth, work, stack, containers } = this.#options;
    // What cannot be looked at is most likely gone, and there is nothing to probe.
    const details = await client.inspectContainer(known.id, { signal }).catch(() => undefined);
    const { port, health, address } = probed(details);
    if (signal.aborted || port === undefined || health === undefined || address === undefined)
      return undefined;
    const isDirect = await (this.#isDirect ??= this.#reachesDirectly(signal));
    const inside = async (call: CallOptions): Promise<boolean> => {
      const proxies = [...containers()].filter(
        ({ role, running, stack: of }) =>
          of === stack && running && (role === 'balancer' || role === 'router'),
      );
      const seen = await Promise.all(proxies.map(({ id }) => client.inspectContainer(id, call)));
      // Only who is in its network can tell.
      const near = seen.flatMap((each) =>
        each !== undefined && Object.hasOwn(each.networks, known.home) ? [each.id] : [],
      );
      const vantages = [...near, known.id];
      return (await complaintInside({ client, call }, vantages, address, port, health)) === undefined;
    };
    return new AppProbe({
      health,
      atLeastMs: isDirect ? 0 : insideMs,
      look: async (ended) => {
        // One that stands still answers nothing, and that was told; a verb looks by itself.
        const isTold = known.paused || !known.connected;
        if (isTold || (work.isChanging(stack) && known.health !== 'healthy')) return undefined;
        if (!isDirect) return inside({ signal: ended });
        return (await complaintOf(address, port, health, ended)) === undefined;
      },
      onHealth: (state) => onHealth(known, state),
    });
  }

  async #reachesDirectly(signal: AbortSignal): Promise<boolean> {
    const { client, stack, isLocal } = this.#options;
    if (!isLocal) return false;
    const networks = await client.listNetworks({ signal }).catch(() => []);
    const subnets = networks.filter(({ labels }) => isOfStack(labels, stack)).flatMap((each) => each.subnets);
    const gateways = subnets.filter(isIPv4Subnet).map((each) => formatAddress(parseSubnet(each).base + 1));
    return reachOf(new Set(gateways)) === 'direct';
  }
}

function keyOf({ id, lastStart }: KnownContainer): string {
  return `${id} ${lastStart}`;
}

interface Probed {
  readonly port?: number;
  readonly health?: Exclude<HealthSpec, { type: 'command' }>;
  readonly address?: string;
}

/** What a container's labels say of how it is looked at; nothing where its own engine does. */
function probed(details: ContainerDetails | undefined): Probed {
  if (details === undefined) return {};
  const { identity, address } = observedContainer(details);
  const { port, health, checkedHost } = identity as {
    port?: number;
    health?: HealthSpec;
    checkedHost?: string;
  };
  if (port === undefined || address === undefined || health === undefined || health.type === 'command')
    return {};
  return { port, health: askingHost(health, checkedHost), address };
}
