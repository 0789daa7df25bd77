import {
  logOptions,
  PlumbstackError,
  routerTlsPort,
  volumeCopyOptions,
  waitOptions,
  type Deployment,
  type DownOptions,
  type ExecResult,
  type LogLine,
  type LogOptions,
  type PoolStats,
  type ResourceReference,
  type StackStatus,
  type VolumeCopyOptions,
  type WaitOptions,
} from '@plumbstack/core';
import type { LifecycleSource } from '@plumbstack/events';
import { execHandler, type InMemoryEngine } from '../in-memory-engine.js';
import { breathe, orAborted, withDeadline } from './abortable.js';
import { startContainer } from './containers.js';
import { findPool, findResource, findStack, nameOf } from './look-up.js';
import { poolStats } from './pool-stats.js';
import { resize, restartWorker, workersOf } from './pool-workers.js';
import { urlOf } from './published.js';
import { readLogs } from './read-logs.js';
import { inTurn, pathOf, type Run, type RuntimeContext } from './run.js';
import { stackStatus } from './stack-status.js';
import { rollBack } from './step-executors.js';
import { collect, emptyArchive, findVolume, usersOf, volumeInUse } from './volume-content.js';

/** A stack on the in-memory engine. */
export class InMemoryDeployment implements Deployment<LifecycleSource> {
  readonly stack: string;
  readonly events: LifecycleSource;
  readonly #context: RuntimeContext;
  readonly #engine: InMemoryEngine;
  readonly #down: (options: DownOptions) => Promise<void>;

  constructor(
    stack: string,
    context: RuntimeContext,
    engine: InMemoryEngine,
    down: (options: DownOptions) => Promise<void>,
  ) {
    this.stack = stack;
    this.events = context.emitter.forStack(stack);
    this.#context = context;
    this.#engine = engine;
    this.#down = down;
  }

  endpoint(resource: ResourceReference, port?: number): URL {
    const { state } = this.#context;
    const { name, spec } = findResource(state, this.stack, resource);
    const bindings = state.ports.bindingsOf(`${this.stack}/${name}`);
    // A pool's statistics page is no way into the pool: it has to be asked for by its port.
    const own = spec.publish.map(({ containerPort }) => containerPort);
    const ports = new Set(
      own.length > 0 && port === undefined ? own : bindings.map((each) => each.containerPort),
    );
    const known = [...ports];
    const isSecure = spec.kind === 'router' && spec.tls !== undefined && ports.has(routerTlsPort);
    const chosen = port ?? (isSecure ? routerTlsPort : undefined);
    const wanted = chosen ?? known[0];
    const binding = bindings.find(({ containerPort }) => containerPort === wanted);
    if (known.length > 1 && chosen === undefined) throw severalPorts(`${this.stack}/${name}`, known);
    if (binding === undefined) throw notPublished(`${this.stack}/${name}`, known, port);
    return urlOf(spec, binding);
  }

  async status(options: WaitOptions = {}): Promise<StackStatus> {
    const { state } = this.#context;
    return withDeadline('status', waitOptions('status', options), () =>
      Promise.resolve(stackStatus(state, findStack(state, this.stack))),
    );
  }

  async scale(pool: ResourceReference, replicas: number, options: WaitOptions = {}): Promise<void> {
    if (!Number.isSafeInteger(replicas) || replicas < 0 || replicas > 1000) {
      throw new PlumbstackError(
        'INVALID_OPTION',
        `replicas must be a whole number from 0 to 1000, not ${replicas}.`,
      );
    }
    await inTurn(this.#context, this.stack, 'scale', waitOptions('scale', options), async (run) => {
      const record = findPool(run.state, this.stack, pool);
      const { name, workers } = record;
      const from = workersOf(run, name).length;
      run.state.failures.strike(pathOf(run, name));
      record.replicas = replicas;
      await resize(run, name, workers, replicas);
      if (from !== replicas) run.emit('pool:scaled', { resource: pathOf(run, name), from, to: replicas });
    });
  }

  async rollback(pool: ResourceReference, options: WaitOptions = {}): Promise<void> {
    await inTurn(this.#context, this.stack, 'rollback', waitOptions('rollback', options), async (run) => {
      await rollBack(run, findPool(run.state, this.stack, pool));
    });
  }

  async restart(resource: ResourceReference, options: WaitOptions = {}): Promise<void> {
    await inTurn(this.#context, this.stack, 'restart', waitOptions('restart', options), async (run) => {
      const { name } = findResource(run.state, this.stack, resource);
      run.state.failures.strike(pathOf(run, name));
      await restartContainers(run, name);
    });
  }

  logs(resource?: ResourceReference, options: LogOptions = {}): AsyncGenerator<LogLine, void, undefined> {
    return this.#logs(resource, logOptions(options));
  }

  async *#logs(
    resource: ResourceReference | undefined,
    options: LogOptions,
  ): AsyncGenerator<LogLine, void, undefined> {
    const { state } = this.#context;
    findStack(state, this.stack);
    const name = resource === undefined ? undefined : findResource(state, this.stack, resource).name;
    yield* readLogs(state, this.stack, name, options);
  }

  async exec(
    resource: ResourceReference,
    command: readonly string[],
    options: WaitOptions = {},
  ): Promise<ExecResult> {
    return withDeadline(`exec in "${nameOf(resource)}"`, waitOptions('exec', options), async (signal) => {
      const { state } = this.#context;
      const { name, spec } = findResource(state, this.stack, resource);
      const container = state
        .containersOf(this.stack, name)
        .find((each) => each.state === 'running' && (spec.kind !== 'pool' || each.role === 'worker'));
      if (container === undefined) throw nothingRuns(`${this.stack}/${name}`);
      const handler = this.#engine[execHandler];
      if (handler === undefined) throw noExecHandler(`${this.stack}/${name}`);
      const call = { stack: this.stack, resource: name, container: container.name, command, signal };
      return orAborted(Promise.resolve(handler(call)), signal);
    });
  }

  exportVolume(
    volume: ResourceReference,
    options: VolumeCopyOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    return this.#exportVolume(volume, volumeCopyOptions('exportVolume', options));
  }

  async *#exportVolume(
    volume: ResourceReference,
    { stop: _, ...wait }: VolumeCopyOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const content = await inTurn(this.#context, this.stack, 'exportVolume', wait, ({ state }) =>
      Promise.resolve(findVolume(state, this.stack, nameOf(volume)).content ?? emptyArchive),
    );
    yield content.slice();
  }

  async importVolume(
    volume: ResourceReference,
    source: AsyncIterable<Uint8Array>,
    options: VolumeCopyOptions = {},
  ): Promise<void> {
    const { stop = false, ...wait } = volumeCopyOptions('importVolume', options);
    await inTurn(this.#context, this.stack, 'importVolume', wait, async ({ state, signal }) => {
      const record = findVolume(state, this.stack, nameOf(volume));
      const users = usersOf(state, this.stack, record.name);
      if (users.length > 0 && !stop) throw volumeInUse(`${this.stack}/${record.name}`, users);
      const content = await orAborted(collect(source), signal);
      state.volumes.set(`${this.stack}/${record.name}`, { ...record, content });
    });
  }

  async stats(pool: ResourceReference, options: WaitOptions = {}): Promise<PoolStats> {
    const { state } = this.#context;
    return withDeadline('stats', waitOptions('stats', options), () => {
      const { name } = findPool(state, this.stack, pool);
      return Promise.resolve(poolStats(state, this.stack, name));
    });
  }

  async down(options: DownOptions = {}): Promise<void> {
    await this.#down(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }
}

async function restartContainers(run: Run, name: string): Promise<void> {
  for (const container of run.state.containersOf(run.stack, name)) {
    if (container.role === 'worker') continue;
    await breathe(run.signal);
    startContainer(run, container);
  }
  for (const worker of workersOf(run, name)) await restartWorker(run, worker);
}

function severalPorts(resource: string, ports: readonly number[]): PlumbstackError {
  return new PlumbstackError('INVALID_OPTION', `publishes several ports, and none was named.`, {
    resource,
    details: { ports },
    hint: `Name the port in the container: ${ports.join(' or ')}.`,
  });
}

function notPublished(resource: string, ports: readonly number[], port: number | undefined): PlumbstackError {
  const what =
    port === undefined || ports.length === 0 ? 'publishes nothing' : `does not publish the port ${port}`;
  return new PlumbstackError('NOT_FOUND', `${what}.`, {
    resource,
    details: { ports },
    hint:
      ports.length === 0
        ? 'Give it publish: 0 for any free port of this machine.'
        : `It publishes: ${ports.join(', ')}.`,
  });
}

function nothingRuns(resource: string): PlumbstackError {
  return new PlumbstackError('NOT_FOUND', 'has no running container.', {
    resource,
    hint: 'Bring the stack up again, or scale the pool above 0.',
  });
}

function noExecHandler(resource: string): PlumbstackError {
  return new PlumbstackError('ENGINE_FAILED', 'an in-memory container runs no command by itself.', {
    resource,
    hint: 'Say what it would answer: engine.onExec(({ command }) => ({ exitCode: 0, stdout: "", stderr: "" })).',
  });
}
