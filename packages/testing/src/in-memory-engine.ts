import {
  PlumbstackError,
  type ContainerStatus,
  type ExecResult,
  type LogLine,
  type PoolStats,
} from '@plumbstack/core';
import { isSingle, markStarted } from './in-memory/containers.js';
import { EngineState, type ContainerRecord, type ExecCall } from './in-memory/engine-state.js';
import type { NextFailure } from './in-memory/failures.js';
import { containerStatus } from './in-memory/stack-status.js';
import { aboutWorker } from './in-memory/pool-workers.js';

export interface InMemoryEngineOptions {
  /** The clock of containers, logs and durations. @default the system's */
  readonly now?: () => Date;
}

/** A container as a test sees it. */
export interface EngineContainer extends ContainerStatus {
  readonly stack: string;
  /** Name of its resource. */
  readonly resource: string;
  /** What it was started with; empty for a proxy. */
  readonly env: Readonly<Record<string, string>>;
}

export interface EngineVolume {
  readonly stack: string;
  readonly name: string;
  readonly driver: string;
}

export interface CrashOptions {
  /** @default 1, or 137 with `oomKilled` */
  readonly exitCode?: number;
  /** Killed by the kernel, because its memory limit was reached. @default false */
  readonly oomKilled?: boolean;
  /** Keeps the engine from starting it again, whatever its restart policy. @default false */
  readonly staysDown?: boolean;
}

export type ExecHandler = (call: ExecCall) => ExecResult | Promise<ExecResult>;

/** For this package alone: what the runtime works on. */
export const engineState: unique symbol = Symbol('the state of an in-memory engine');
/** For this package alone: what answers `exec`. */
export const execHandler: unique symbol = Symbol('what answers exec');

/**
 * An engine that is data: containers, volumes, ports and secrets, without any process, network or disk. Runtimes that
 * are given the same engine see the same stacks, as two programs on one machine do. Its methods are what a test does to
 * the world behind a runtime's back; containers are named as on a real engine: `<stack>-<app>`, `<stack>-<pool>-<n>`.
 */
export class InMemoryEngine {
  readonly [engineState]: EngineState;
  [execHandler]: ExecHandler | undefined;

  constructor({ now = () => new Date() }: InMemoryEngineOptions = {}) {
    this[engineState] = new EngineState(now);
  }

  /** All containers, of all stacks. */
  get containers(): readonly EngineContainer[] {
    return [...this[engineState].containers.values()].map((each) => {
      const { stack, resource, spec } = each;
      return { ...containerStatus(each), stack, resource, env: { ...spec?.env } };
    });
  }

  /** All volumes, also those of stacks that are down. */
  get volumes(): readonly EngineVolume[] {
    return [...this[engineState].volumes.values()].map(({ stack, name, driver }) => ({
      stack,
      name,
      driver,
    }));
  }

  /** The value that a secret has on the engine, by `stack/secret`; `undefined` where there is none. */
  secret(path: string): string | undefined {
    return this[engineState].secrets.get(path)?.value;
  }

  /** A container ends by itself. The engine starts it again where its restart policy says so. Throws `NOT_FOUND`. */
  crash(
    container: string,
    { oomKilled = false, exitCode = oomKilled ? 137 : 1, staysDown = false }: CrashOptions = {},
  ): void {
    const record = this.#running(container);
    this.#end(record, exitCode, oomKilled);
    const restart = record.spec?.restart ?? 'always';
    const again =
      restart === 'always' || restart === 'unless-stopped' || (restart === 'on-failure' && exitCode !== 0);
    if (again && !staysDown) this.start(container);
  }

  /** Somebody stops a container, as `docker stop` does; it stays stopped. Throws `NOT_FOUND`. */
  stop(container: string): void {
    this.#end(this.#running(container), 143, false);
  }

  /** Somebody, or the engine itself, starts a container that is stopped. Throws `NOT_FOUND`. */
  start(container: string): void {
    const record = this.#find(container);
    if (record.state === 'running') return;
    markStarted(record, this[engineState].now());
    const about = { resource: `${record.stack}/${record.resource}`, container };
    const { tell } = this[engineState];
    tell(record.stack, 'container:started', about);
    if (isSingle(record)) tell(record.stack, 'app:healthy', about);
    if (record.role === 'worker') tell(record.stack, 'worker:recovered', aboutWorker(record, record.stack));
  }

  /** Somebody removes a container, as `docker rm --force` does. Throws `NOT_FOUND`. */
  remove(container: string): void {
    const record = this.#find(container);
    if (record.state === 'running') this.#end(record, 137, false);
    this[engineState].containers.delete(container);
  }

  /** A running container fails its health check, or passes it again. Throws `NOT_FOUND`. */
  setHealth(container: string, health: 'healthy' | 'unhealthy'): void {
    const record = this.#running(container);
    if (record.health === health) return;
    record.health = health;
    const about = { resource: `${record.stack}/${record.resource}`, container };
    const { tell } = this[engineState];
    if (isSingle(record)) tell(record.stack, health === 'healthy' ? 'app:healthy' : 'app:unhealthy', about);
    if (record.role !== 'worker') return;
    const worker = aboutWorker(record, record.stack);
    tell(record.stack, health === 'healthy' ? 'worker:recovered' : 'worker:unhealthy', worker);
  }

  /** The next change to a resource fails with this code, once; whichever runtime makes it. */
  failNext(failure: NextFailure): void {
    this[engineState].failures.add(failure);
  }

  /** Takes a port of the host for something that is no stack's. Disposed, it lets the port go. */
  holdPort(
    port: number,
    { host = '0.0.0.0', holder = 'another program' }: { host?: string; holder?: string } = {},
  ): Disposable {
    const { ports } = this[engineState];
    const key = `${holder} (${host}:${port})`;
    ports.bind(key, [{ host, port, containerPort: port }]);
    return { [Symbol.dispose]: () => ports.release(key) };
  }

  /** Takes a stack's turn, as a process that changes it does. Disposed, it lets the next one in. */
  async holdTurn(stack: string, holder = 'another program'): Promise<Disposable> {
    return this[engineState].turns.take(stack, holder, new AbortController().signal);
  }

  /** A container writes a line. Throws `NOT_FOUND`. */
  log(container: string, text: string, { stream = 'stdout' }: { stream?: LogLine['stream'] } = {}): void {
    const record = this.#find(container);
    const { now, followers } = this[engineState];
    const resource = `${record.stack}/${record.resource}`;
    const line: LogLine = { resource, container, stream, at: now().toISOString(), text };
    record.lines.push(line);
    for (const follower of followers) follower(line, record.stack);
  }

  /** What `exec` answers from now on: no command can run here, so that a test says what one would have said. */
  onExec(handler: ExecHandler): void {
    this[execHandler] = handler;
  }

  /** What a pool's balancer counts from now on, by `stack/pool`. Tells `pool:queue` where `queued` changes. */
  setStats(pool: string, stats: Partial<Omit<PoolStats, 'pool' | 'workers'>>): void {
    const state = this[engineState];
    const before = state.stats.get(pool) ?? {
      sessions: 0,
      queued: 0,
      requestsTotal: 0,
      requestsPerSecond: 0,
    };
    const after = { ...before, ...stats };
    state.stats.set(pool, after);
    const [stack = pool] = pool.split('/');
    if (after.queued !== before.queued)
      state.tell(stack, 'pool:queue', { resource: pool, queued: after.queued });
  }

  #end(record: ContainerRecord, exitCode: number, oomKilled: boolean): void {
    Object.assign(record, { state: 'exited', health: 'unknown', exitCode, oomKilled });
    const about = { resource: `${record.stack}/${record.resource}`, container: record.name };
    const { tell } = this[engineState];
    tell(record.stack, 'container:exited', { ...about, exitCode, oomKilled });
    if (record.role === 'worker') tell(record.stack, 'worker:unhealthy', aboutWorker(record, record.stack));
  }

  #running(container: string): ContainerRecord {
    const record = this.#find(container);
    if (record.state === 'running') return record;
    throw new PlumbstackError(
      'NOT_FOUND',
      `the container "${container}" does not run; it is ${record.state}.`,
      {
        details: { container, state: record.state },
      },
    );
  }

  #find(container: string): ContainerRecord {
    const { containers } = this[engineState];
    const record = containers.get(container);
    if (record !== undefined) return record;
    const known = [...containers.keys()];
    throw new PlumbstackError('NOT_FOUND', `the engine has no container "${container}".`, {
      details: { container, known },
      hint:
        known.length === 0 ? 'It has none at all: bring a stack up first.' : `It has: ${known.join(', ')}.`,
    });
  }
}
