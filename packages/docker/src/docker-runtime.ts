import { resolve } from 'node:path';
import {
  isPlumbstackError,
  PlumbstackError,
  runtimeArguments,
  Secret,
  type DownOptions,
  type Plan,
  type PlanOptions,
  type ResourceSpec,
  type Stack,
  type StackSpec,
  type StackSummary,
  type UpOptions,
  type WaitOptions,
  type WatchOptions,
} from '@plumbstack/core';
import {
  LifecycleEmitter,
  type LifecycleDeployment,
  type LifecycleRuntime,
  type LifecycleSource,
} from '@plumbstack/events';
import { applyDiff } from './apply/apply-plan.js';
import { clearNetworks, networksInTheWay, tryNetworks } from './apply/clear-networks.js';
import { clearPorts } from './apply/clear-ports.js';
import { deadlineSignal, noteWait, unlessAborted } from './apply/deadline.js';
import { issueCertificates, readyToAsk } from './apply/issue-certificates.js';
import { machineRoutes } from './apply/machine-routes.js';
import { refuseMissingBinds } from './apply/refuse-missing-binds.js';
import { NewNetworks } from './apply/networks.js';
import { prepareImages } from './apply/prepare-images.js';
import type { RunContext } from './apply/run-context.js';
import { pruneImages, removeBuiltImages } from './apply/prune-images.js';
import { prepareSecrets } from './apply/prepare-secrets.js';
import { removeStack } from './apply/remove-stack.js';
import { isForWant, runFailure } from './apply/run-failure.js';
import { refuseStrangers } from './apply/strangers.js';
import { watchedPaths } from './develop/watched-places.js';
import { watchStack } from './develop/watch-stack.js';
import { Watches } from './develop/watches.js';
import { isSubnetTaken } from './client/docker-failure.js';
import { DockerDeployment } from './deployment.js';
import {
  resolveOptions,
  type DockerRuntimeOptions,
  type ReadSecret,
  type ResolvedOptions,
} from './docker-runtime-options.js';
import { EngineSession, type RunMemory } from './engine-session.js';
import { backstage, label, ours } from './labels.js';
import { declaredName } from './object-names.js';
import { isOurs } from './ours.js';
import { observeObjects, observeStack } from './observe/observe-stack.js';
import type { SecretValues } from './observe/read-secrets.js';
import { hasInventory, type ObservedState } from './plan/observed-state.js';
import { unwantedNetworks } from './plan/network-step.js';
import { activeAddresses } from './plan/serving.js';
import type { Survey } from './survey.js';
import type { Watcher } from './watch/watcher.js';

/** How many subnets a run tries: somebody else may be faster, or have one that the engine lists nowhere. */
const subnetAttempts = 64;
/** How often a run begins anew because somebody has removed what it had seen or made: a prune, for instance. */
const removalAttempts = 3;

/** Runs stacks on a Docker Engine, or on Podman's socket. */
export class DockerRuntime implements LifecycleRuntime, AsyncDisposable {
  readonly #options: ResolvedOptions;
  readonly #emitter = new LifecycleEmitter({ onDemand: (demand) => this.#watcher?.want(demand) });
  #session: Promise<EngineSession> | undefined;
  #watcher: Watcher | undefined;
  /** Ends the attempt to connect that is being made. */
  #connecting = new AbortController();
  readonly #watches = new Watches();

  constructor(options: DockerRuntimeOptions = {}) {
    this.#options = resolveOptions(options);
  }

  get events(): LifecycleSource {
    return this.#emitter.source;
  }

  async plan(stack: Stack, options?: PlanOptions): Promise<Plan> {
    const given = runtimeArguments.plan(stack, options);
    const spec = given.stack.toSpec();
    using signal = deadlineSignal(`plan of ${spec.name}`, given.options.signal, given.options.timeoutMs);
    const session = await this.#connected(signal);
    const secrets = await unlessAborted(signal, () => secretValues(stack, this.#options.readSecret));
    return (await session.survey(spec, secrets, signal)).diff.plan;
  }

  async up(stack: Stack, options?: UpOptions): Promise<LifecycleDeployment> {
    const given = runtimeArguments.up(stack, options);
    const spec = given.stack.toSpec();
    using signal = deadlineSignal(`up of ${spec.name}`, given.options.signal, given.options.timeoutMs);
    const session = await this.#connected(signal);
    const emit = session.emit(spec.name);
    const start = performance.now();
    const durationMs = (): number => Math.round(performance.now() - start);
    emit('stack:up:started', {});
    try {
      const secrets = await unlessAborted(signal, () => secretValues(given.stack, this.#options.readSecret));
      const unchanged = await this.#converge(session, spec, secrets, given.options, signal);
      const observed = unchanged ?? (await observeStack(session.client, spec.name, { signal }));
      const deployment = new DockerDeployment(session, this, observed);
      session.watcher.know(spec.name);
      emit('stack:up:finished', { durationMs: durationMs() });
      return deployment;
    } catch (error) {
      emit('stack:up:failed', { ...failure(error), durationMs: durationMs() });
      throw error;
    }
  }

  async watch(stack: Stack, options?: WatchOptions): Promise<void> {
    const { stack: watched, options: given } = runtimeArguments.watch(stack, options);
    const spec = watched.toSpec();
    const base = resolve(this.#options.baseDir, spec.baseDir ?? '.');
    await this.#watches.run(given.signal, (signal) =>
      watchStack({
        stack: spec.name,
        signal,
        debounceMs: given.debounceMs ?? 100,
        pollMs: given.pollMs,
        paths: () => watchedPaths(spec, (path) => resolve(base, path)),
        plan: () => this.plan(watched, { signal }),
        up: () => this.up(watched, { signal }),
        onChanged: (paths) => void this.#emitter.emit(spec.name, 'watch:changed', { paths }),
        onError: (error) => given.onError?.(error),
      }),
    );
  }

  async attach(stackName: string, options?: WaitOptions): Promise<LifecycleDeployment> {
    const { stack: name, options: given } = runtimeArguments.attach(stackName, options);
    using signal = deadlineSignal(`attach to ${name}`, given.signal, given.timeoutMs);
    const session = await this.#connected(signal);
    const observed = await observeStack(session.client, name, { signal });
    const isThere = observed.networks.length > 0 || hasInventory(observed);
    if (!isThere && observed.containers.every(({ role }) => backstage.includes(role))) {
      throw new PlumbstackError(
        'NOT_FOUND',
        `the engine at ${session.engine.address} has no stack "${name}".`,
        {
          resource: name,
          hint: 'Bring it up first, or look at runtime.list() for what there is.',
        },
      );
    }
    session.watcher.know(name);
    return new DockerDeployment(session, this, observed);
  }

  async list(options?: WaitOptions): Promise<readonly StackSummary[]> {
    const { options: given } = runtimeArguments.list(options);
    using signal = deadlineSignal('list', given.signal, given.timeoutMs);
    const { client } = await this.#connected(signal);
    const containers = (await client.listContainers(ours, { signal })).filter(
      (each) => isOurs(each) && !backstage.includes(each.labels[label.role] ?? ''),
    );
    const stacks = [...new Set(containers.map(({ labels }) => labels[label.stack] ?? ''))].sort();
    return stacks.map((stack) => {
      const own = containers.filter(({ labels }) => labels[label.stack] === stack);
      return {
        stack,
        resources: new Set(own.map(({ labels }) => declaredName(labels[label.resource] ?? ''))).size,
        running: own.filter(({ state }) => state === 'running').length,
        containers: own.length,
      };
    });
  }

  async down(stack: Stack | string, options?: DownOptions): Promise<void> {
    const { stack: name, options: given } = runtimeArguments.down(stack, options);
    const { volumes = false, images = false } = given;
    using signal = deadlineSignal(`down of ${name}`, given.signal, given.timeoutMs);
    const session = await this.#connected(signal);
    const emit = session.emit(name);
    const start = performance.now();
    const durationMs = (): number => Math.round(performance.now() - start);
    emit('stack:down:started', {});
    try {
      await using lease = await session.lease(name, signal);
      using _verb = session.work.verb(name);
      const { client } = lease;
      const call = { signal: lease.signal };
      const observed = await observeObjects(client, name, call);
      await removeStack({
        client,
        stack: name,
        observed,
        call,
        emit,
        volumes,
      });
      if (images) await removeBuiltImages({ client, stack: name, call, signal: lease.signal, emit });
    } catch (error) {
      emit('stack:down:failed', { ...failure(error), durationMs: durationMs() });
      throw error;
    }
    session.watcher.forget(name);
    emit('stack:down:finished', { durationMs: durationMs() });
  }

  /** Closes the connection to the engine. What is up stays up. */
  async [Symbol.asyncDispose](): Promise<void> {
    // An engine that does not answer is not waited for.
    this.#connecting.abort(
      new PlumbstackError('ENGINE_UNREACHABLE', 'the runtime was closed while it connected.'),
    );
    await this.#watches.end();
    const session = await this.#session?.catch(() => undefined);
    session?.watcher[Symbol.dispose]();
    this.#watcher = undefined;
    if (this.#options.client === undefined) session?.client.close();
    this.#session = undefined;
    this.#connecting = new AbortController();
  }

  /** Brings the stack to its spec; resolves to what is there, where that is known without another look. */
  async #converge(
    session: EngineSession,
    spec: StackSpec,
    secrets: SecretValues,
    options: UpOptions,
    signal: AbortSignal,
  ): Promise<ObservedState | undefined> {
    const first = await session.survey(spec, secrets, signal);
    const approved = await approve(first.diff.plan, options, signal, undefined);
    session.emit(spec.name)('stack:up:planned', { plan: first.diff.plan });
    // Nothing to do needs no lease: a second run writes nothing. But who holds one may be about to change what was seen, or
    // died and left it.
    if (first.diff.plan.isEmpty && first.observed.leaseHolder === undefined) return first.observed;
    await using lease = await session.lease(spec.name, signal);
    using _verb = session.work.verb(spec.name);
    const memory: RunMemory = { refused: [], built: new Map() };
    const look = (): Promise<Survey> => session.survey(spec, secrets, lease.signal, memory);
    for (let attempt = 1, removals = 0; ; attempt++) {
      const survey = await look();
      if (survey.diff.plan.isEmpty) return survey.observed;
      // What is left to do of a plan that was approved needs no other word.
      if (attempt === 1) {
        await approve(survey.diff.plan, options, lease.signal, approved);
        await refuseMissingBinds(
          {
            ...{ client: session.under(lease).client, stack: spec.name },
            ...{ signal: lease.signal, call: { signal: lease.signal } },
          },
          survey.desired.units,
          survey.diff,
        );
      }
      try {
        await this.#apply(session.under(lease), survey, look, memory, lease.signal);
        return undefined;
      } catch (error) {
        lease.signal.throwIfAborted();
        const isAgain = isSubnetTaken(error)
          ? spec.subnet === undefined && attempt < subnetAttempts
          : isForWant(error) && ++removals < removalAttempts;
        if (!isAgain) throw error;
        // What is missing may be an image that this run had built.
        memory.built.clear();
      }
    }
  }

  async #apply(
    session: EngineSession,
    survey: Survey,
    look: () => Promise<Survey>,
    memory: RunMemory,
    signal: AbortSignal,
  ): Promise<void> {
    const { spec } = survey.desired;
    await readyToAsk(spec, survey.inputs);
    const context = (seen: Survey, networks?: NewNetworks): ReturnType<EngineSession['run']> =>
      session.run(seen.observed, signal, {
        ...(networks !== undefined && { networks }),
        gateways: seen.desired.networks.map(({ creation }) => creation.gateway),
        active: activeAddresses(seen.desired.units, seen.observed),
        routers: seen.desired.units.filter((unit) => unit.kind === 'router'),
        secrets: Object.values(seen.inputs.secrets).flatMap(({ value }) => value ?? []),
      });
    const inTheWay = networksInTheWay(survey.desired, survey.observed);
    const leaving = new Set([...inTheWay, ...unwantedNetworks(survey.desired, survey.observed)]);
    await refuseStrangers(context(survey), [...leaving]);
    if (survey.isMachineUnseen) {
      await this.#seeMachine(session, context(survey), survey, memory);
      return this.#apply(session, await look(), look, memory, signal);
    }
    const make = ({ desired, observed }: Survey): NewNetworks =>
      new NewNetworks(session.client, desired, observed, { signal });
    // Beside the images, unless there is something to remove first.
    const early = inTheWay.length > 0 ? undefined : make(survey);
    const making: NewNetworks[] = early === undefined ? [] : [early];
    try {
      const [built] = await Promise.all([
        prepareImages(context(survey), spec, survey.inputs, session.digests),
        prepareSecrets(context(survey), spec, survey.inputs),
      ]);
      for (const [resource, image] of built) memory.built.set(resource, image);
      if (early === undefined) await tryNetworks(context(survey), survey.desired, making);
      const isCleared = await clearNetworks(context(survey), survey.desired);
      const left = isCleared ? await look() : survey;
      const areFreed = await clearPorts(context(left), left.desired);
      // Images and secrets are part of what containers are made from: now that they are known, look again.
      const isComplete =
        !isCleared &&
        !areFreed &&
        survey.diff.plan.steps.every(({ kind }) => kind !== 'image') &&
        Object.values(survey.inputs.secrets).every(
          ({ value, due }) => value !== undefined && due === undefined,
        );
      if (!isComplete) await early?.all();
      const complete = isComplete ? survey : await look();
      const networks = isComplete && early !== undefined ? early : make(complete);
      making.push(networks);
      await applyDiff(context(complete, networks), complete.desired, complete.diff);
      // An authority asks at the routers: they have to serve first, and again with what it has issued.
      const { issued, failures } = await issueCertificates(
        context(complete),
        spec,
        complete.inputs,
        complete.diff,
      );
      if (issued > 0) {
        const renewed = await look();
        await applyDiff(context(renewed), renewed.desired, renewed.diff);
      }
      if (failures.length > 0) throw runFailure(spec.name, failures);
      await pruneImages(context(complete), {
        current: new Map(
          Object.entries(complete.inputs.images).map(([name, { reference }]) => [name, reference]),
        ),
        before: survey.observed,
        now: () => observeStack(session.client, spec.name, { signal }),
        keep: this.#options.keepImages,
      });
    } finally {
      // However it ends, nothing goes on behind the caller's back.
      for (const each of making) memory.refused.push(...(await each.settled()));
    }
  }

  /** Where no network may be, as seen from a container: of an image of the stack, a proxy's rather than an app's. */
  async #seeMachine(
    { digests }: EngineSession,
    context: RunContext,
    { desired: { spec }, inputs }: Survey,
    memory: RunMemory,
  ): Promise<void> {
    const built = await prepareImages(context, spec, inputs, digests);
    for (const [resource, image] of built) memory.built.set(resource, image);
    const isProxy = ({ kind }: ResourceSpec): boolean => kind === 'router' || kind === 'pool';
    const proxiesFirst = [...spec.resources].sort((a, b) => Number(isProxy(b)) - Number(isProxy(a)));
    const images = proxiesFirst.flatMap(
      ({ name }) => built.get(name)?.reference ?? inputs.images[name]?.reference ?? [],
    );
    memory.machine = await machineRoutes(context, images);
  }

  async #connected(signal: AbortSignal): Promise<EngineSession> {
    const session = (this.#session ??= this.#connect().catch((error: unknown) => {
      // The next verb tries again: the engine may have been started meanwhile.
      this.#session = undefined;
      throw error;
    }));
    // Not under the signal itself: other verbs may be waiting for the same connection.
    using _noted = noteWait(signal, () => 'a connection to the engine');
    return await unlessAborted(signal, () => session);
  }

  async #connect(): Promise<EngineSession> {
    const { client: given, host, context, callTimeoutMs } = this.#options;
    const { signal } = this.#connecting;
    const options = {
      signal,
      ...(host !== undefined && { host }),
      ...(context !== undefined && { context }),
      ...(callTimeoutMs !== undefined && { callTimeoutMs }),
    };
    // What speaks to a real engine is large, and loaded where there is one.
    const client = given ?? (await (await import('./client/connect.js')).connect(options));
    const engine = await client.info({ signal });
    const session = EngineSession.start({ client, engine, options: this.#options, emitter: this.#emitter });
    this.#watcher = session.watcher;
    return session;
  }
}

/** Refuses a plan that is not the one that was asked for; asks `confirm`, once for each plan that differs. */
async function approve(
  plan: Plan,
  options: UpOptions,
  signal: AbortSignal,
  approved: string | undefined,
): Promise<string> {
  const { plan: wanted, confirm } = options;
  if (wanted !== undefined && wanted.fingerprint !== plan.fingerprint) {
    throw new PlumbstackError(
      'PLAN_STALE',
      'the program or the engine has changed since this plan was made.',
      {
        resource: plan.stack,
        details: { planned: wanted.fingerprint, now: plan.fingerprint },
        hint: `Make a new plan and look at it. Now it would be:\n${plan.toString()}`,
      },
    );
  }
  using _noted = noteWait(signal, () => 'confirm to answer');
  const needsAnswer = confirm !== undefined && !plan.isEmpty && plan.fingerprint !== approved;
  if (needsAnswer && !(await unlessAborted(signal, async () => confirm(plan)))) {
    throw new PlumbstackError('NOT_CONFIRMED', 'the plan was not confirmed; nothing was changed.', {
      resource: plan.stack,
    });
  }
  return plan.fingerprint;
}

/** The values that are known beside the spec: of `{ value }`, and what the program's own way to read others gives. */
async function secretValues(stack: Stack, read: ReadSecret | undefined): Promise<SecretValues> {
  const secrets = stack.resources.filter((each): each is Secret => each.kind === 'secret');
  const entries = secrets.map(async (secret) => {
    const { source } = secret.toSpec();
    const isElsewhere = source.type === 'file' || source.type === 'env';
    const value = isElsewhere ? read && textOf(secret, await read(source)) : Secret.plainValue(secret);
    return value === undefined ? [] : [[secret.name, value] as const];
  });
  return new Map((await Promise.all(entries)).flat());
}

/** What a program's own way to read secrets gave. It is not shown: it may be a part of the secret. */
function textOf({ path }: Secret, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new PlumbstackError('INVALID_OPTION', 'readSecret gave no text for it.', {
    resource: path,
    details: { path: 'DockerRuntime.readSecret' },
    hint: 'Let it return the value, or reject where there is none: nothing is read in its place.',
  });
}

function failure(error: unknown): { code: PlumbstackError['code'] | 'UNKNOWN'; message: string } {
  return {
    code: isPlumbstackError(error) ? error.code : 'UNKNOWN',
    message: error instanceof Error ? error.message : String(error),
  };
}
