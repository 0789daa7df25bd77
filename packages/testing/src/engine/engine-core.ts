import type { ExecResult } from '@plumbstack/core';
import { label } from '@plumbstack/docker/internal';
import { ContainerLife, type ContainerBehaviour } from './container-life.js';
import { EngineData, isRunning } from './engine-data.js';
import { Failures } from './failures.js';
import type { PoolCounts } from './haproxy-process.js';
import type { EngineObject } from './objects.js';
import type { Surroundings } from './programs.js';

/** One call to the engine, for whoever stands between a runtime and it. */
export interface EngineCall {
  /** The method of the client, as `startContainer`. */
  readonly method: string;
  readonly args: readonly unknown[];
  readonly signal: AbortSignal | undefined;
}

/**
 * Stands between a runtime and the engine: lets a call happen by `proceed`, at once or later, and answers with what that
 * answered, or with an error before it or after it.
 */
export type CallInterceptor = <T>(call: EngineCall, proceed: () => Promise<T>) => Promise<T>;

/** A command that somebody runs in a container. */
export interface ExecCall {
  readonly stack: string;
  /** Name of the resource. */
  readonly resource: string;
  readonly container: string;
  readonly command: readonly string[];
  readonly signal: AbortSignal;
}

export type ExecHandler = (call: ExecCall) => ExecResult | Promise<ExecResult>;

const noCounts: PoolCounts = { sessions: 0, queued: 0, requestsTotal: 0, requestsPerSecond: 0 };

/** An engine, and what a test has said about its world. */
export class EngineCore {
  readonly data: EngineData;
  readonly life: ContainerLife;
  readonly failures: Failures;
  /** Counters of pools, by `stack/pool`. */
  readonly counts = new Map<string, PoolCounts>();
  behave: ((container: EngineObject) => ContainerBehaviour | undefined) | undefined;
  exec: ExecHandler | undefined;
  interceptor: CallInterceptor | undefined;
  readonly #watchers = new Set<() => void>();

  constructor(now: () => Date, isElsewhere: boolean, sharesFiles: boolean) {
    this.data = new EngineData(now, isElsewhere, sharesFiles);
    this.failures = new Failures(this.data);
    this.life = new ContainerLife(
      this.data,
      (container) => this.behave?.(container),
      () => this.changed(),
    );
  }

  /** How many look at the engine for as long as they read. */
  get watchers(): number {
    return this.#watchers.size;
  }

  /** Told after each change of what answers, or is counted. */
  watch(watcher: () => void): Disposable {
    this.#watchers.add(watcher);
    return { [Symbol.dispose]: () => this.#watchers.delete(watcher) };
  }

  changed(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** What keeps an `ip:port` from taking a connection; nothing where it does. */
  complaintOf(address: string, at: Addresses = this.#addresses()): string | undefined {
    const container = at.get(hostOf(address));
    if (container === undefined) return 'no route to host';
    if (container.state === 'paused') return 'no answer within 1 s';
    const isWell = container.answers && container.health !== 'unhealthy';
    return isWell ? undefined : 'connection refused';
  }

  /** Whether a request to an `ip:port` comes to a program that answers it: through a HAProxy, to one of its servers. */
  serves(address: string): boolean {
    const at = this.#addresses();
    if (this.complaintOf(address, at) !== undefined) return false;
    const proxy = at.get(hostOf(address))?.proxy;
    return (
      proxy?.kind !== 'haproxy' || proxy.serving.some((each) => this.complaintOf(each, at) === undefined)
    );
  }

  surroundings(container: EngineObject): Surroundings {
    const { labels } = container.creation;
    // One for all servers of a HAProxy: what looks does so at one moment.
    let at: Addresses | undefined;
    return {
      proxy: container.answers ? container.proxy : undefined,
      complaintOf: (address) => this.complaintOf(address, (at ??= this.#addresses())),
      config: this.data.locate(container, '/etc/plumbstack').files,
      counts: this.counts.get(`${labels[label.stack]}/${labels[label.resource]}`) ?? noCounts,
    };
  }

  #addresses(): Addresses {
    const at = new Map<string, EngineObject>();
    for (const each of this.data.containers.values())
      if (isRunning(each))
        for (const { address } of each.endpoints.values()) if (address !== undefined) at.set(address, each);
    return at;
  }
}

/** Who runs, by IP address. */
type Addresses = ReadonlyMap<string, EngineObject>;

function hostOf(address: string): string {
  return address.split(':')[0] ?? '';
}
