import {
  balancerStopped,
  createPlan,
  finishing,
  gone,
  isStopFirst,
  resourcePath,
  routerReloaded,
  routerStopped,
  staysUntilReplaced,
  stoppedFirst,
  workersReplaced,
  type AppSpec,
  type Changed,
  type Plan,
  type PoolSpec,
  type ResourceSpec,
  type Step,
  type StepAction,
  type StepReason,
} from '@plumbstack/core';
import type { DesiredResource, DesiredStack } from './desired-stack.js';
import { differences, masked } from './differences.js';
import type {
  ContainerRecord,
  EngineState,
  GivenSecrets,
  ResourceRecord,
  WorkerVersion,
} from './engine-state.js';
import { fingerprint } from './fingerprint.js';
import { publishedBy } from './published.js';
import { secretsOfStack, type SecretValues } from './secret-values.js';

type Change = Pick<Step, 'action' | 'reasons' | 'impact'>;
type RecordedKind = ResourceRecord['spec']['kind'];
type DesiredOf<K extends DesiredResource['kind']> = Extract<DesiredResource, { kind: K }>;

// What an engine changes on a container that keeps running. Everything else makes a new container.
const containerInPlace: readonly string[] = [
  'restart',
  'resources',
  'startTimeoutMs',
  'dependsOn',
  'drainTimeoutMs',
  'keepAlive',
] satisfies (keyof AppSpec)[];
// What makes a new proxy; everything else is a new configuration of the running one.
const routerReplaced: readonly string[] = ['image', 'publish', 'root'];
// Of a pool: its HAProxy. The ports for visitors are held by a proxy in front of that.
const balancerReplaced: readonly string[] = ['image', 'stats'];

/** What has to be done for the engine to hold what is desired. Changes nothing. */
export function planStack(desired: DesiredStack, values: SecretValues, state: EngineState): Plan {
  const planner = new Planner(desired, values, state);
  const steps = [
    ...planner.deletions(desired),
    ...desired.resources.map((each): Step => {
      return { resource: resourcePath(desired.name, each.name), kind: each.kind, ...planner.change(each) };
    }),
  ];
  return createPlan(desired.name, steps, planner.fingerprint(desired));
}

class Planner {
  readonly #stack: string;
  /** Of the secrets that the engine makes. */
  readonly #rotations: ReadonlyMap<string, number>;
  readonly #values: SecretValues;
  readonly #state: EngineState;
  readonly #resources: readonly ResourceSpec[];

  constructor({ name, resources }: DesiredStack, values: SecretValues, state: EngineState) {
    this.#stack = name;
    this.#rotations = new Map(
      resources.flatMap(({ name, spec }) =>
        spec.kind === 'secret' && spec.source.type === 'generate' ? [[name, spec.source.rotation]] : [],
      ),
    );
    this.#values = values;
    this.#state = state;
    this.#resources = resources.map(({ spec }) => spec);
  }

  /** What the program no longer has. Volumes and generated secrets stay, as they do after `down`. */
  deletions({ resources }: DesiredStack): readonly Step[] {
    const wanted = new Set(resources.map(({ name }) => name));
    const former = [...(this.#state.stacks.get(this.#stack)?.resources.values() ?? [])].reverse();
    const secrets = secretsOfStack(this.#state, this.#stack).filter(({ generated }) => !generated);
    return [
      ...former.map(({ name, spec }) => ({ name, kind: spec.kind })),
      ...secrets.map(({ name }) => ({ name, kind: 'secret' as const })),
    ]
      .filter(({ name }) => !wanted.has(name))
      .map(({ name, kind }) => ({
        action: 'delete',
        resource: resourcePath(this.#stack, name),
        kind,
        reasons: [],
        ...gone(this.#state.ports.bindingsOf(resourcePath(this.#stack, name))),
      }));
  }

  /** A resource with the ports that it is going to have. */
  #changed({ spec }: DesiredOf<'app' | 'service' | 'pool' | 'router'>): Changed {
    const path = resourcePath(this.#stack, spec.name);
    return {
      spec,
      resources: this.#resources,
      ports: this.#state.ports.foreseen(path, publishedBy(spec)),
    };
  }

  #otherKind(from: RecordedKind, desired: DesiredOf<'app' | 'service' | 'pool' | 'router'>): Change {
    const changed = this.#changed(desired);
    const { spec } = desired;
    // A pool's ports for visitors are held by a proxy in front of it, which comes last.
    const publishes = spec.kind === 'pool' ? spec.stats.length > 0 : changed.ports.length > 0;
    return {
      action: 'replace',
      reasons: [{ path: 'kind', from, to: desired.kind }],
      ...(staysUntilReplaced(from, { ...spec, publishes }) ? finishing(changed) : stoppedFirst(changed)),
    };
  }

  change(desired: DesiredResource): Change {
    switch (desired.kind) {
      case 'volume':
        return this.#volume(desired);
      case 'secret':
        return this.#secret(desired);
      case 'app':
      case 'service':
        return this.#container(desired);
      case 'pool':
        return this.#pool(desired);
      case 'router':
        return this.#router(desired);
    }
  }

  /** A volume is what it was made as until it is removed: its data matters more than its options. */
  #volume({ name }: DesiredOf<'volume'>): Change {
    return this.#state.volumes.has(resourcePath(this.#stack, name)) ? kept : created;
  }

  #secret({ name }: DesiredOf<'secret'>): Change {
    const record = this.#state.secrets.get(resourcePath(this.#stack, name));
    if (record === undefined) return created;
    if (this.#isRotated(name)) {
      const [from, to] = [record.rotation, this.#rotations.get(name)];
      return { action: 'update', reasons: [{ path: 'rotation', from, to }] };
    }
    return this.#hasNewValue(name)
      ? { action: 'update', reasons: [{ path: 'value', from: masked, to: masked }] }
      : kept;
  }

  #container(desired: DesiredOf<'app' | 'service'>): Change {
    const { kind, name, spec, secrets } = desired;
    const record = this.#state.stacks.get(this.#stack)?.resources.get(name);
    if (record === undefined) return created;
    if (record.spec.kind !== kind) return this.#otherKind(record.spec.kind, desired);
    const [container] = this.#state.containersOf(this.#stack, name);
    if (container?.spec === undefined)
      return { action: 'create', reasons: [{ path: 'container', to: 'running' }] };
    const changed = differences(container.spec, spec);
    const outdated = this.#secretReasons(container.secrets, secrets);
    const replaced = [...changed.filter(({ path }) => !isInPlace(path)), ...outdated];
    const found = change(replaced.length > 0, [...changed, ...outdated, ...stopped([container])]);
    if (found.action !== 'replace') return found;
    return { ...found, ...(isStopFirst(spec) ? stoppedFirst : finishing)(this.#changed(desired)) };
  }

  #pool(desired: DesiredOf<'pool'>): Change {
    const { name, spec, app, secrets } = desired;
    const record = this.#state.stacks.get(this.#stack)?.resources.get(name);
    if (record === undefined) return created;
    if (record.spec.kind !== 'pool') return this.#otherKind(record.spec.kind, desired);
    const containers = this.#state.containersOf(this.#stack, name);
    const workers = containers.filter(({ role }) => role === 'worker');
    const proxy = containers.find(({ role }) => role === 'proxy');
    const own = differences({ ...record.spec, replicas: workers.length }, spec);
    const ofApp = this.#workerReasons(workers, record.workers, app, secrets);
    const facts = [
      ...stopped(containers),
      ...(proxy === undefined ? [{ path: 'container', to: 'running' }] : []),
    ];
    const reasons = [...own, ...ofApp, ...facts];
    if (own.some(isOneOf(balancerReplaced))) {
      const words = spec.stats.length > 0 ? balancerStopped : finishing;
      return { ...change(true, reasons), ...words(this.#changed(desired)) };
    }
    if (ofApp.length > 0) return { ...change(true, reasons), ...workersReplaced(spec) };
    return { ...change(false, reasons), ...this.#portsChange(record.spec, desired) };
  }

  /** Another proxy holds the ports for visitors, and HAProxy stays. */
  #portsChange({ publish: before }: PoolSpec, desired: DesiredOf<'pool'>): Pick<Step, 'impact'> {
    const { publish } = desired.spec;
    if (before.length === 0 || differences(before, publish).length === 0) return {};
    const path = resourcePath(this.#stack, desired.name);
    return publish.length === 0
      ? gone(this.#state.ports.bindingsOf(path))
      : routerStopped(this.#changed(desired).ports);
  }

  #workerReasons(
    workers: readonly ContainerRecord[],
    last: WorkerVersion | undefined,
    app: AppSpec,
    secrets: readonly string[],
  ): readonly StepReason[] {
    const made = workers.length === 0 ? [{ spec: last?.app, secrets: last?.secrets }] : workers;
    for (const each of made) {
      const reasons = [
        // How long they may take to leave is their pool's to say.
        ...differences(each.spec, app, 'app').filter(({ path }) => path !== 'app.drainTimeoutMs'),
        ...(each.secrets === undefined ? [] : this.#secretReasons(each.secrets, secrets, 'app.')),
      ];
      if (reasons.length > 0) return reasons;
    }
    return [];
  }

  #router(desired: DesiredOf<'router'>): Change {
    const { name, spec, secrets } = desired;
    const record = this.#state.stacks.get(this.#stack)?.resources.get(name);
    if (record === undefined) return created;
    if (record.spec.kind !== 'router') return this.#otherKind(record.spec.kind, desired);
    const containers = this.#state.containersOf(this.#stack, name);
    if (containers.length === 0) return { action: 'create', reasons: [{ path: 'container', to: 'running' }] };
    const own = differences(record.spec, spec);
    const reloads = [...own, ...this.#secretReasons(record.secrets, secrets)];
    const reasons = [...reloads, ...stopped(containers)];
    if (own.some(isOneOf(routerReplaced)))
      return { ...change(true, reasons), ...routerStopped(this.#changed(desired).ports) };
    return {
      ...change(false, reasons),
      ...(reloads.length > 0 && routerReloaded(record.spec.drainTimeoutMs)),
    };
  }

  #secretReasons(given: GivenSecrets, names: readonly string[], prefix = ''): readonly StepReason[] {
    return names
      .filter((name) => this.#isRotated(name) || given[name] !== this.#wantedValue(name))
      .map((name) => ({ path: `${prefix}secrets.${name}`, from: masked, to: masked }));
  }

  #wantedValue(name: string): string | undefined {
    return this.#values.get(name) ?? this.#state.secrets.get(resourcePath(this.#stack, name))?.value;
  }

  #hasNewValue(name: string): boolean {
    const value = this.#values.get(name);
    const record = this.#state.secrets.get(resourcePath(this.#stack, name));
    return value !== undefined && record !== undefined && record.value !== value;
  }

  #isRotated(name: string): boolean {
    const kept = this.#state.secrets.get(resourcePath(this.#stack, name))?.rotation;
    return kept !== undefined && kept !== this.#rotations.get(name);
  }

  fingerprint(desired: DesiredStack): string {
    const { salt, volumes } = this.#state;
    const described = {
      resources: desired.resources,
      secrets: [...this.#values].map((each) => [salt, each]),
    };
    const seen = {
      resources: [...(this.#state.stacks.get(this.#stack)?.resources.values() ?? [])].map((each) => [
        salt,
        each,
      ]),
      containers: this.#state
        .containersOf(this.#stack)
        .map(({ id, name, state, spec, secrets }) => ({ id, name, state, spec, secrets: [salt, secrets] })),
      volumes: [...volumes.keys()].filter((path) => volumes.get(path)?.stack === this.#stack),
      secrets: secretsOfStack(this.#state, this.#stack).map(({ name, version }) => ({ name, version })),
    };
    return fingerprint({ described, seen });
  }
}

const created: Change = { action: 'create', reasons: [] };
const kept: Change = { action: 'keep', reasons: [] };

function change(replaces: boolean, reasons: readonly StepReason[]): Change {
  const action: StepAction = reasons.length === 0 ? 'keep' : replaces ? 'replace' : 'update';
  return { action, reasons };
}

function stopped(containers: readonly ContainerRecord[]): readonly StepReason[] {
  return containers
    .filter(({ state }) => state !== 'running')
    .map(({ state }) => ({ path: 'container', from: state, to: 'running' }));
}

function topLevel(path: string): string {
  return /^[^.[]+/.exec(path)?.[0] ?? path;
}

function isInPlace(path: string): boolean {
  return containerInPlace.includes(topLevel(path));
}

function isOneOf(options: readonly string[]): (reason: StepReason) => boolean {
  return ({ path }) => options.includes(topLevel(path));
}
