import { createPlan, resourcePath, type Plan, type Step, type StepReason } from '@plumbstack/core';
import type {
  AppUnit,
  ContainerTemplate,
  DockerSpec,
  PoolUnit,
  RouterUnit,
  ServiceUnit,
  Unit,
} from '../compile/docker-spec.js';
import { digestOf } from '../compile/spec-hash.js';
import { label, owner, type Role } from '../labels.js';
import { containerName, secretVolumeName, workerName } from '../object-names.js';
import { containerChanges, drift, isStale, staleReasons } from './container-changes.js';
import { differences } from './identity-diff.js';
import {
  readRecord,
  recordFile,
  type ObservedContainer,
  type ObservedState,
  type PoolRecord,
  type RouterRecord,
} from './observed-state.js';
import { comparable, differingFiles, poolFiles, routerFiles } from './proxy-files.js';
import { activeAddresses, containersOf, roleOf, servingContainer } from './serving.js';

/** What would be done, and for whom. */
export interface Diff {
  readonly plan: Plan;
  /** Containers of resources that the program no longer has. */
  readonly orphans: readonly ObservedContainer[];
  /** Names of the units that something has to be done for. */
  readonly changed: ReadonlySet<string>;
}

/** Compares what is described with what is seen. Pure. */
export function diff(desired: DockerSpec, observed: ObservedState): Diff {
  const { stack } = desired;
  const orphans = findOrphans(desired, observed);
  const steps: Step[] = [
    networkStep(desired, observed),
    ...desired.volumes.map(({ resource, creation }) =>
      step(
        stack,
        'volume',
        resource,
        observed.volumes.some(({ name }) => name === creation.name) ? [] : undefined,
      ),
    ),
    ...secretSteps(desired, observed),
    ...desired.images
      .filter(({ image }) => image.action !== 'none')
      .map(({ resource, image }) => ({
        action: 'create' as const,
        kind: 'image' as const,
        resource: resourcePath(stack, resource),
        reasons: [{ path: image.action, to: image.reference }],
      })),
    ...desired.units.map((unit) => unitStep(desired, unit, observed)),
    ...orphanSteps(stack, orphans),
  ];
  const changed = new Set(
    steps.filter(({ action }) => action !== 'keep').map(({ resource }) => resource.slice(stack.length + 1)),
  );
  return { plan: createPlan(stack, steps, fingerprint(desired, observed)), orphans, changed };
}

/**
 * Everything that the plan depends on, so that another world or another program gives another value. Addresses and free
 * ports that are yet to be chosen are neither.
 */
function fingerprint({ spec, images, units }: DockerSpec, observed: ObservedState): string {
  return digestOf({
    desired: [
      spec,
      images,
      units.flatMap((unit) => templatesOf(unit).map(({ identity: { ports: _, ...rest } }) => rest)),
    ],
    observed: [
      observed.network?.id,
      observed.containers.map(({ id, name, state, digest }) => [id, name, state, digest]).sort(),
      observed.volumes.map(({ name }) => name).sort(),
      Object.entries(observed.configs).map(([name, files]) => [
        name,
        [...files].map(([path, content]) => [path, content.toString('base64')]),
      ]),
    ],
  });
}

function templatesOf(unit: Unit): readonly ContainerTemplate[] {
  return unit.kind === 'pool' ? [unit.container, unit.worker.container] : [unit.container];
}

type StepKind = Step['kind'];

/** Keeps where nothing differs, creates where there is nothing. */
function step(
  stack: string,
  kind: StepKind,
  resource: string,
  reasons: readonly StepReason[] | undefined,
): Step {
  const path = resource === '' ? stack : resourcePath(stack, resource);
  if (reasons === undefined)
    return { action: 'create', kind, resource: path, reasons: [{ path: kind, to: 'created' }] };
  return { action: reasons.length === 0 ? 'keep' : 'update', kind, resource: path, reasons };
}

function networkStep({ stack, network }: DockerSpec, observed: ObservedState): Step {
  const seen = observed.network;
  if (seen === undefined) return step(stack, 'network', '', undefined);
  const [subnet] = seen.subnets;
  if (subnet === network.subnet) return step(stack, 'network', '', []);
  return {
    action: 'replace',
    kind: 'network',
    resource: stack,
    reasons: [{ path: 'subnet', from: subnet, to: network.subnet }],
    impact: 'every container is replaced; the stack does not answer meanwhile',
  };
}

function secretSteps({ stack, spec }: DockerSpec, observed: ObservedState): readonly Step[] {
  return spec.resources.flatMap((each) => {
    if (each.kind !== 'secret' || each.source.type !== 'generate') return [];
    const kept = observed.volumes.some(({ name }) => name === secretVolumeName(stack, each.name));
    return [step(stack, 'secret', each.name, kept ? [] : undefined)];
  });
}

function unitStep(desired: DockerSpec, unit: Unit, observed: ObservedState): Step {
  switch (unit.kind) {
    case 'app':
    case 'service':
      return singleStep(desired.stack, unit, observed);
    case 'pool':
      return poolStep(desired.stack, unit, observed);
    case 'router':
      return routerStep(desired, unit, observed);
  }
}

function singleStep(stack: string, unit: AppUnit | ServiceUnit, observed: ObservedState): Step {
  const containers = containersOf(observed, unit.resource, unit.kind);
  const serving = servingContainer(containers, unit.container.digest);
  if (serving === undefined) return step(stack, unit.kind, unit.resource, undefined);
  const changes = containerChanges(serving, unit, observed);
  if (changes.length > 0) {
    return {
      action: 'replace',
      kind: unit.kind,
      resource: resourcePath(stack, unit.resource),
      reasons: changes,
      ...(unit.publishes || unit.kind === 'service' ? { impact: 'stopped before its successor starts' } : {}),
    };
  }
  return step(stack, unit.kind, unit.resource, [
    ...drift(serving, unit.container, containerName(stack, unit.resource), observed),
    ...extras(containers.filter((each) => each !== serving)),
  ]);
}

function extras(containers: readonly ObservedContainer[]): readonly StepReason[] {
  return containers.map(({ name }) => ({ path: 'container', from: name, to: 'removed' }));
}

function poolStep(stack: string, unit: PoolUnit, observed: ObservedState): Step {
  const proxies = containersOf(observed, unit.resource, 'balancer');
  const workers = containersOf(observed, unit.resource, 'worker');
  const serving = servingContainer(proxies, unit.container.digest);
  if (serving === undefined && workers.length === 0) return step(stack, 'pool', unit.resource, undefined);

  const { container: worker } = unit.worker;
  const stale = workers.filter((each) => isStale(each, worker, observed));
  const workerChanges = stale
    .slice(0, 1)
    .flatMap((each) => prefixed('worker', staleReasons(each, worker, observed)));
  const proxyChanges =
    serving === undefined
      ? [{ path: 'haproxy', from: 'missing', to: 'created' }]
      : prefixed('haproxy', containerChanges(serving, unit, observed));
  const { replicas } = unit.spec;
  const reasons: StepReason[] = [
    ...workerChanges,
    ...proxyChanges,
    ...(workers.length === replicas ? [] : [{ path: 'replicas', from: workers.length, to: replicas }]),
    ...configReasons(unit, observed),
    ...(serving === undefined
      ? []
      : prefixed('haproxy', drift(serving, unit.container, containerName(stack, unit.resource), observed))),
    ...workers
      .filter((each) => !stale.includes(each))
      .flatMap((each) => {
        const name = workerName(stack, unit.resource, each.worker ?? 0);
        return prefixed(each.name, drift(each, worker, name, observed));
      }),
    ...extras(proxies.filter((each) => each !== serving)),
  ];
  const base = step(stack, 'pool', unit.resource, reasons);
  if (serving !== undefined && proxyChanges.length > 0) {
    const impact = unit.publishes ? 'its HAProxy is stopped before its successor starts' : undefined;
    return { ...base, action: 'replace', ...(impact !== undefined && { impact }) };
  }
  return stale.length > 0 ? { ...base, action: 'replace' } : base;
}

function prefixed(prefix: string, reasons: readonly StepReason[]): readonly StepReason[] {
  return reasons.map((each) => ({ ...each, path: `${prefix}.${each.path}` }));
}

function configReasons(unit: PoolUnit, observed: ObservedState): readonly StepReason[] {
  const seen = observed.configs[unit.resource];
  if (seen === undefined) return [];
  const record = readRecord<PoolRecord>(observed, unit.resource);
  const differing = differingFiles(poolFiles(unit).files, seen);
  const changes =
    differing.length === 0
      ? []
      : differences(record?.unit.spec, unit.spec).filter(({ path }) => path !== 'replicas');
  if (changes.length > 0) return changes;
  return differing
    .filter((path) => path !== recordFile || record?.replicas === unit.spec.replicas)
    .map((path) => ({
      path: `file ${path}`,
      from: seen.has(path) ? 'another content' : 'missing',
      to: 'as described',
    }));
}

function routerStep(desired: DockerSpec, unit: RouterUnit, observed: ObservedState): Step {
  const { stack, units } = desired;
  const containers = containersOf(observed, unit.resource, 'router');
  const serving = servingContainer(containers, unit.container.digest);
  if (serving === undefined) return step(stack, 'router', unit.resource, undefined);
  const changes = containerChanges(serving, unit, observed);
  const seen = observed.configs[unit.resource];
  const differing = differingFiles(routerFiles(unit, activeAddresses(units, observed)).files, seen);
  const record = readRecord<RouterRecord>(observed, unit.resource);
  const modelChanges =
    differing.length === 0 ? [] : differences(record?.model, comparable(unit.config.model));
  const reasons: StepReason[] = [
    ...changes,
    ...modelChanges,
    ...(differing.length > 0 && modelChanges.length === 0
      ? differing.map((path) => ({ path: `file ${path}`, from: 'another content', to: 'as described' }))
      : []),
    ...drift(serving, unit.container, containerName(stack, unit.resource), observed),
    ...extras(containers.filter((each) => each !== serving)),
  ];
  const base = step(stack, 'router', unit.resource, reasons);
  if (changes.length === 0) return base;
  return {
    ...base,
    action: 'replace',
    impact: 'nginx is stopped before its successor starts; connections are refused for a moment',
  };
}

/** Containers of what the program no longer has. A volume is never one: it goes when asked for. */
function findOrphans(desired: DockerSpec, observed: ObservedState): readonly ObservedContainer[] {
  const roles = new Map<string, readonly Role[]>(
    desired.units.map((unit) => [
      unit.resource,
      unit.kind === 'pool' ? ['balancer', 'worker'] : [roleOf(unit.kind)],
    ]),
  );
  return observed.containers.filter(
    ({ resource, role }) => role !== 'secret' && !(roles.get(resource)?.includes(role) ?? false),
  );
}

function orphanSteps(stack: string, orphans: readonly ObservedContainer[]): readonly Step[] {
  const byResource = new Map<string, ObservedContainer[]>();
  for (const each of orphans) byResource.set(each.resource, [...(byResource.get(each.resource) ?? []), each]);
  return [...byResource].map(([resource, containers]) => ({
    action: 'delete',
    kind: orphanKind(containers[0]?.role),
    resource: resourcePath(stack, resource),
    reasons: containers.map(({ name, summary }) => ({
      path: 'container',
      from: name,
      to: `removed (owner: ${summary.labels[label.owner] ?? owner}, stack ${stack})`,
    })),
  }));
}

function orphanKind(role: Role | undefined): StepKind {
  switch (role) {
    case 'worker':
    case 'balancer':
      return 'pool';
    case 'router':
    case 'service':
      return role;
    default:
      return 'app';
  }
}
