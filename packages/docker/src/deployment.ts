import {
  deploymentArguments,
  PlumbstackError,
  resourcePath,
  type DownOptions,
  type ExecResult,
  type LogLine,
  type LogOptions,
  type PoolStats,
  type ResourceReference,
  type RollbackOptions,
  type Runtime,
  type StackStatus,
  type Version,
  type WaitOptions,
  type VolumeCopyOptions,
} from '@plumbstack/core';
import type { LifecycleDeployment, LifecycleSource } from '@plumbstack/events';
import { deadlineSignal } from './apply/deadline.js';
import { HaproxyAdmin } from './apply/haproxy-admin.js';
import type { Lease } from './apply/lease.js';
import { exportVolume, importVolume } from './deployment/copy-volume.js';
import { endpointOf } from './deployment/endpoint.js';
import { followLogs } from './logs/follow-logs.js';
import { mergeLogs } from './logs/merge-logs.js';
import { repairStack } from './deployment/repair.js';
import { knownVersions } from './deployment/pool-versions.js';
import { restartResource } from './deployment/restart-resource.js';
import { rollbackPool } from './deployment/rollback-pool.js';
import { scalePool } from './deployment/scale-pool.js';
import { stackStatus } from './deployment/stack-status.js';
import type { EngineSession } from './engine-session.js';
import { backstage } from './labels.js';
import { observeStack } from './observe/observe-stack.js';
import { declaredName, slotName } from './object-names.js';
import { poolStats } from './proxy/index.js';
import type { ObservedContainer, ObservedState } from './plan/observed-state.js';

/** A stack on an engine. Everything it knows it reads from the engine's own labels, so any process can hold one. */
export class DockerDeployment implements LifecycleDeployment {
  readonly stack: string;
  readonly events: LifecycleSource;
  readonly #arguments: ReturnType<typeof deploymentArguments>;
  readonly #session: EngineSession;
  readonly #runtime: Pick<Runtime, 'down'>;
  /** As of the last look; endpoints stay what they are until the next `up`. */
  #observed: ObservedState;

  constructor(session: EngineSession, runtime: Pick<Runtime, 'down'>, observed: ObservedState) {
    this.stack = observed.stack;
    this.events = session.emitter.forStack(observed.stack);
    this.#arguments = deploymentArguments(observed.stack);
    this.#session = session;
    this.#runtime = runtime;
    this.#observed = observed;
  }

  endpoint(resource: ResourceReference, port?: number): URL {
    const given = this.#arguments.endpoint(resource, port);
    const containers = this.#containersOf(this.#observed, given.resource);
    return endpointOf(this.stack, given.resource, containers, this.#session.engine.host, given.port);
  }

  async status(options?: WaitOptions): Promise<StackStatus> {
    const given = this.#arguments.status(options);
    using signal = this.#deadline('status', given.options);
    this.#observed = await this.#observe(signal);
    return await stackStatus(this.#session, this.#observed, signal);
  }

  async scale(pool: ResourceReference<'pool'>, replicas: number, options?: WaitOptions): Promise<void> {
    const given = this.#arguments.scale(pool, replicas, options);
    using signal = this.#deadline('scale', given.options);
    await using lease = await this.#lease(signal);
    using _verb = this.#session.work.verb(this.stack);
    await scalePool(
      this.#session.under(lease),
      await this.#observe(lease.signal),
      given.pool,
      given.replicas,
      lease.signal,
    );
    this.#observed = await this.#observe(lease.signal);
  }

  async versions(pool: ResourceReference<'pool'>, options?: WaitOptions): Promise<readonly Version[]> {
    const given = this.#arguments.versions(pool, options);
    using signal = this.#deadline('versions', given.options);
    return Object.freeze(knownVersions(await this.#observe(signal), given.pool).map(({ told }) => told));
  }

  async rollback(pool: ResourceReference<'pool'>, options?: RollbackOptions): Promise<void> {
    const given = this.#arguments.rollback(pool, options);
    const { to } = given.options;
    using signal = this.#deadline('rollback', given.options);
    await using lease = await this.#lease(signal);
    using _verb = this.#session.work.verb(this.stack);
    const session = this.#session.under(lease);
    await rollbackPool(session, await this.#observe(lease.signal), given.pool, to, lease.signal);
    this.#observed = await this.#observe(lease.signal);
  }

  async repair(resource?: ResourceReference, options?: WaitOptions): Promise<void> {
    const given = this.#arguments.repair(resource, options);
    using signal = this.#deadline('repair', given.options);
    await using lease = await this.#lease(signal);
    using _verb = this.#session.work.verb(this.stack);
    const observed = await this.#observe(lease.signal);
    await repairStack(this.#session.under(lease), observed, given.resource, lease.signal);
    this.#observed = await this.#observe(lease.signal);
  }

  async restart(resource: ResourceReference, options?: WaitOptions): Promise<void> {
    const given = this.#arguments.restart(resource, options);
    using signal = this.#deadline('restart', given.options);
    await using lease = await this.#lease(signal);
    using _verb = this.#session.work.verb(this.stack);
    const observed = await this.#observe(lease.signal);
    const containers = this.#containersOf(observed, given.resource);
    await restartResource(this.#session.under(lease), observed, containers, lease.signal);
  }

  logs(resource?: ResourceReference, options?: LogOptions): AsyncGenerator<LogLine, void, undefined> {
    const given = this.#arguments.logs(resource, options);
    return this.#logs(given.resource, given.options);
  }

  async *#logs(resource: string | undefined, options: LogOptions): AsyncGenerator<LogLine, void, undefined> {
    const observed = await observeStack(this.#session.client, this.stack, withSignal(options.signal));
    const containers = resource === undefined ? observed.containers : this.#containersOf(observed, resource);
    const { client } = this.#session;
    const { follow, ...rest } = options;
    yield* follow === true
      ? followLogs({
          ...{ client, stack: this.stack, ...rest },
          ...(resource !== undefined && { resource }),
        })
      : mergeLogs(
          client,
          this.stack,
          containers.filter(({ role }) => !backstage.includes(role)),
          rest,
        );
  }

  async exec(
    resource: ResourceReference,
    command: readonly string[],
    options?: WaitOptions,
  ): Promise<ExecResult> {
    const given = this.#arguments.exec(resource, command, options);
    using signal = this.#deadline('exec', given.options);
    const containers = this.#containersOf(await this.#observe(signal), given.resource);
    const isPool = containers.some(({ role }) => role === 'balancer' || role === 'worker');
    const container = containers.find(
      ({ state, role }) => state === 'running' && (role === 'worker' || !isPool),
    );
    if (container === undefined) {
      throw new PlumbstackError('NOT_FOUND', 'no container of it runs.', {
        resource: resourcePath(this.stack, given.resource),
        hint: 'Run up to start it.',
      });
    }
    const { timeoutMs } = given.options;
    return await this.#session.client.exec(container.id, given.command, {
      signal,
      ...(timeoutMs !== undefined && { timeoutMs }),
    });
  }

  exportVolume(
    volume: ResourceReference<'volume'>,
    options?: VolumeCopyOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const given = this.#arguments.exportVolume(volume, options);
    return this.#exportVolume(given.volume, given.options);
  }

  async *#exportVolume(
    volume: string,
    { stop = false, ...wait }: VolumeCopyOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    using signal = this.#deadline('exportVolume', wait);
    await using lease = await this.#lease(signal);
    using _verb = this.#session.work.verb(this.stack);
    const observed = await this.#observe(lease.signal);
    yield* exportVolume(this.#session.under(lease), observed, volume, stop, lease.signal);
  }

  async importVolume(
    volume: ResourceReference<'volume'>,
    source: AsyncIterable<Uint8Array>,
    options?: VolumeCopyOptions,
  ): Promise<void> {
    const given = this.#arguments.importVolume(volume, source, options);
    const { stop = false, ...wait } = given.options;
    using signal = this.#deadline('importVolume', wait);
    await using lease = await this.#lease(signal);
    using _verb = this.#session.work.verb(this.stack);
    const observed = await this.#observe(lease.signal);
    await importVolume(this.#session.under(lease), observed, given.volume, source, stop, lease.signal);
  }

  async stats(pool: ResourceReference<'pool'>, options?: WaitOptions): Promise<PoolStats> {
    const given = this.#arguments.stats(pool, options);
    using signal = this.#deadline('stats', given.options);
    const containers = this.#containersOf(await this.#observe(signal), given.pool);
    const balancer = containers.find(({ role, state }) => role === 'balancer' && state === 'running');
    if (balancer === undefined) throw noBalancer(this.stack, given.pool, containers);
    const workers = containers.filter(({ role }) => role === 'worker');
    const table = await new HaproxyAdmin(this.#session.client, balancer.id, { signal }).stats();
    const present = new Set(workers.map(({ worker }) => slotName(worker ?? 0)));
    return poolStats(given.pool, {
      ...table,
      servers: table.servers.filter((each) => present.has(each.name)),
    });
  }

  down(options?: DownOptions): Promise<void> {
    return this.#runtime.down(this.stack, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }

  #observe(signal: AbortSignal): Promise<ObservedState> {
    return observeStack(this.#session.client, this.stack, { signal });
  }

  #deadline(verb: string, { signal, timeoutMs }: WaitOptions): ReturnType<typeof deadlineSignal> {
    return deadlineSignal(`${verb} of ${this.stack}`, signal, timeoutMs);
  }

  #lease(signal: AbortSignal): Promise<Lease> {
    return this.#session.lease(this.stack, signal);
  }

  #containersOf(observed: ObservedState, name: string): readonly ObservedContainer[] {
    const found = observed.containers.filter(
      (each) => declaredName(each.resource) === name && !backstage.includes(each.role),
    );
    if (found.length > 0) return found;
    const known = [
      ...new Set(
        observed.containers
          .filter(({ role }) => !backstage.includes(role))
          .map((each) => declaredName(each.resource)),
      ),
    ].sort();
    throw new PlumbstackError('NOT_FOUND', `the stack "${this.stack}" has no running resource "${name}".`, {
      resource: resourcePath(this.stack, name),
      details: { known },
      hint: `It has: ${known.join(', ') || 'nothing'}.`,
    });
  }
}

/** Why nothing counts: it is no pool, or its HAProxy does not run. */
function noBalancer(
  stack: string,
  resource: string,
  containers: readonly ObservedContainer[],
): PlumbstackError {
  const about = { resource: resourcePath(stack, resource) };
  const balancer = containers.find(({ role }) => role === 'balancer');
  if (balancer === undefined && containers.every(({ role }) => role !== 'worker'))
    return new PlumbstackError('NOT_FOUND', 'it is no pool.', {
      ...about,
      hint: 'Only a pool has statistics.',
    });
  const what =
    balancer === undefined
      ? 'its HAProxy is gone'
      : `its HAProxy, the container ${balancer.name}, does not run: it is ${balancer.state}`;
  return new PlumbstackError('NOT_FOUND', `${what}. What counts its requests is HAProxy.`, {
    ...about,
    ...(balancer !== undefined && { details: { container: balancer.name, state: balancer.state } }),
    hint: `Bring it back: deployment.repair(${JSON.stringify(resource)}), or up.`,
  });
}

function withSignal(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
