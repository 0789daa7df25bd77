import { createPlan, resourcePath, type Plan, type Step, type StepReason } from '@plumbstack/core';
import type {
  AppUnit,
  ContainerTemplate,
  DockerSpec,
  NetworkUnit,
  PoolUnit,
  RouterUnit,
  ServiceUnit,
  Unit,
} from '../compile/docker-spec.js';
import type { PutFile } from '../client/docker-client.js';
import { own } from '../compile/own.js';
import { canonicalJson, contentDigest, digestOf } from '../compile/spec-hash.js';
import { label, owner } from '../labels.js';
import { containerName, secretVolumeName, workerName } from '../object-names.js';
import { containerChanges, drift, isStale, staleReasons } from './container-changes.js';
import { isIn, workerPlace } from './container-networks.js';
import { differences } from './identity-diff.js';
import { balancerStopped, fewerWorkers, gone, routerStopped, stoppedFirst } from './impact.js';
import {
  networkNamed,
  readRecord,
  recordFile,
  type ObservedContainer,
  type ObservedState,
  type PoolRecord,
  type RouterRecord,
} from './observed-state.js';
import { historyOf } from './pool-version.js';
import { comparable, differingFiles, poolFiles, routerFiles } from './proxy-files.js';
import { formerContainers, kindOf, kindReason, staysUntilReplaced } from './former.js';
import { activeAddresses, containersOf, servingContainer } from './serving.js';

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
    ...desired.networks.map((each) => networkStep(each, observed)),
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
    ...unwantedNetworkSteps(desired, observed),
  ];
  const changed = new Set(
    steps
      .filter(({ action, kind }) => action !== 'keep' && kind !== 'network')
      .map(({ resource }) => resource.slice(stack.length + 1)),
  );
  return { plan: createPlan(stack, steps, fingerprint(desired, observed)), orphans, changed };
}

/**
 * Everything that the plan depends on, so that another world or another program gives another value. Addresses and free
 * ports that are yet to be chosen are neither.
 */
function fingerprint({ spec, images, generated, units }: DockerSpec, observed: ObservedState): string {
  return digestOf({
    desired: [
      spec,
      images,
      generated.flatMap(({ resource, due }) => (due === undefined ? [] : [[resource, due]])),
      units.flatMap((unit) => templatesOf(unit).map(({ identity: { ports: _, ...rest } }) => rest)),
      units.flatMap((unit) => ('config' in unit ? unit.config.files : [])).map(contentOf),
    ],
    observed: [
      sorted(observed.networks.map(({ id, name, subnets }) => ({ id, name, subnets }))),
      sorted(
        observed.containers.map((each) => {
          const { id, name, resource, role, worker, address, state, digest } = each;
          const settings = own(observed.settings, id);
          return {
            id,
            name,
            resource,
            role,
            worker,
            address,
            state,
            digest,
            settings,
            networks: sorted(
              observed.networks.map(({ name }) => name).filter((name) => isIn(each, name, observed)),
            ),
          };
        }),
      ),
      sorted(observed.volumes.map(({ name }) => name)),
      Object.fromEntries(
        Object.entries(observed.configs).map(([resource, files]) => [
          resource,
          sorted([...files].map(([path, content]) => contentOf({ path, content }))),
        ]),
      ),
    ],
  });
}

function contentOf({ path, content }: Pick<PutFile, 'path' | 'content'>): readonly string[] {
  return [path, contentDigest(content)];
}

/** The engine lists what it has in no order that means anything. */
function sorted(list: readonly unknown[]): readonly string[] {
  return list.map(canonicalJson).sort();
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

/** What nobody is in any more. */
function unwantedNetworkSteps({ networks }: DockerSpec, observed: ObservedState): readonly Step[] {
  const wanted = new Set(networks.map(({ creation }) => creation.name));
  return observed.networks
    .filter(({ name }) => !wanted.has(name))
    .map(({ name }) => ({
      action: 'delete',
      kind: 'network',
      resource: name,
      reasons: [{ path: 'network', to: 'removed' }],
    }));
}

/** A network is called as on the engine: what is at home in it has a step of its own. */
function networkStep({ creation }: NetworkUnit, observed: ObservedState): Step {
  const { name: resource, subnet } = creation;
  const seen = networkNamed(observed, resource);
  const base = { kind: 'network', resource } as const;
  if (seen === undefined) return { ...base, action: 'create', reasons: [{ path: 'network', to: 'created' }] };
  const [before] = seen.subnets;
  if (before === subnet) return { ...base, action: 'keep', reasons: [] };
  return {
    ...base,
    action: 'replace',
    reasons: [{ path: 'subnet', from: before, to: subnet }],
    impact: 'every container in it is replaced; they do not answer meanwhile',
  };
}

function secretSteps({ stack, generated }: DockerSpec, observed: ObservedState): readonly Step[] {
  return generated.map(({ resource, isKnown, rotation, kept = rotation, due }) => {
    const isKept = observed.volumes.some(({ name }) => name === secretVolumeName(stack, resource));
    if (!isKept) return step(stack, 'secret', resource, undefined);
    if (kept !== rotation) return step(stack, 'secret', resource, [reason('rotation', kept, rotation)]);
    if (!isKnown) return step(stack, 'secret', resource, [reason('value', 'unreadable', 'readable')]);
    const reasons = due === undefined ? [] : [reason('certificate', due, 'made anew')];
    return step(stack, 'secret', resource, reasons);
  });
}

function unitStep(desired: DockerSpec, unit: Unit, observed: ObservedState): Step {
  const found = differingUnitStep(desired, unit, observed);
  const home = desired.networks.find(({ creation }) => creation.name === unit.home);
  if (home === undefined || found.action === 'create') return found;
  const { action, reasons } = networkStep(home, observed);
  if (action !== 'replace') return found;
  // A container cannot move to another network, whatever else is right about it.
  return { ...found, action: 'replace', reasons: [...reasons, ...found.reasons] };
}

function differingUnitStep(desired: DockerSpec, unit: Unit, observed: ObservedState): Step {
  const former = formerContainers(unit, observed);
  if (former.length > 0) return kindStep(desired, unit, former);
  switch (unit.kind) {
    case 'app':
    case 'service':
      return singleStep(desired, unit, observed);
    case 'pool':
      return poolStep(desired, unit, observed);
    case 'router':
      return routerStep(desired, unit, observed);
  }
}

/** One step for what was and what is, though no container is the same. */
function kindStep({ stack, units }: DockerSpec, unit: Unit, former: readonly ObservedContainer[]): Step {
  return {
    action: 'replace',
    kind: unit.kind,
    resource: resourcePath(stack, unit.resource),
    reasons: [kindReason(unit, former)],
    ...(!staysUntilReplaced(unit, former) && stoppedFirst(stack, unit, units)),
  };
}

function singleStep(
  { stack, units }: DockerSpec,
  unit: AppUnit | ServiceUnit,
  observed: ObservedState,
): Step {
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
      ...(isStopFirst(unit) && stoppedFirst(stack, unit, units)),
    };
  }
  return step(stack, unit.kind, unit.resource, [
    ...drift(serving, unit.container, containerName(stack, unit.resource), unit, observed),
    ...extras(containers.filter((each) => each !== serving)),
  ]);
}

function isStopFirst(unit: AppUnit | ServiceUnit): boolean {
  return unit.kind === 'service' || unit.updateOrder === 'stop-first';
}

function extras(containers: readonly ObservedContainer[]): readonly StepReason[] {
  return containers.map(({ name }) => ({ path: 'container', from: name, to: 'removed' }));
}

function poolStep({ stack, units }: DockerSpec, unit: PoolUnit, observed: ObservedState): Step {
  const proxies = containersOf(observed, unit.resource, 'balancer');
  const workers = containersOf(observed, unit.resource, 'worker');
  const serving = servingContainer(proxies, unit.container.digest);
  if (serving === undefined && workers.length === 0) return step(stack, 'pool', unit.resource, undefined);

  const { container: worker, slots } = unit.worker;
  const stale = workers.filter((each) => isStale(each, worker, observed));
  const misplaced = workers.filter((each) => each.address !== slots[(each.worker ?? 0) - 1]);
  const workerChanges = [
    ...stale.slice(0, 1).flatMap((each) => prefixed('worker', staleReasons(each, worker, observed))),
    ...misplaced.map(({ name, address, worker: number = 0 }) =>
      reason(`${name}.address`, address ?? 'unknown', slots[number - 1] ?? 'a slot of the pool'),
    ),
  ];
  const proxyChanges =
    serving === undefined
      ? [{ path: 'haproxy', from: 'missing', to: 'created' }]
      : prefixed('haproxy', containerChanges(serving, unit, observed));
  const { replicas } = unit.spec;
  const record = readRecord<PoolRecord>(observed, unit.resource);
  // Workers are counted first; where they are as many as wanted, the record may still say that others are.
  const before = workers.length === replicas ? (record?.replicas ?? replicas) : workers.length;
  const told: StepReason[] = [
    ...workerChanges,
    ...proxyChanges,
    ...(before === replicas ? [] : [{ path: 'replicas', from: before, to: replicas }]),
    // HAProxy may hold back requests from a worker that an interrupted run was about to take away.
    ...(record?.unsettled !== undefined ? [{ path: 'workers', from: 'interrupted', to: 'settled' }] : []),
    ...(serving === undefined
      ? []
      : prefixed(
          'haproxy',
          drift(serving, unit.container, containerName(stack, unit.resource), unit, observed),
        )),
    ...workers
      .filter((each) => !stale.includes(each) && !misplaced.includes(each))
      .flatMap((each) => {
        const name = workerName(stack, unit.resource, each.worker ?? 0);
        return prefixed(each.name, drift(each, worker, name, workerPlace(unit), observed));
      }),
    ...extras(proxies.filter((each) => each !== serving)),
  ];
  const reasons = serving === undefined ? told : [...told, ...poolConfigReasons(unit, observed, told)];
  const base = step(stack, 'pool', unit.resource, reasons);
  if (serving !== undefined && proxyChanges.length > 0) {
    return { ...base, action: 'replace', ...(unit.publishes && balancerStopped(unit, units)) };
  }
  return workerChanges.length > 0 ? { ...base, action: 'replace', ...fewerWorkers(unit) } : base;
}

function reason(path: string, from: unknown, to: unknown): StepReason {
  return { path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

function prefixed(prefix: string, reasons: readonly StepReason[]): readonly StepReason[] {
  return reasons.map((each) => ({ ...each, path: `${prefix}.${each.path}` }));
}

/** @param told what is to be done for the pool anyway, which its record only repeats */
function poolConfigReasons(
  unit: PoolUnit,
  observed: ObservedState,
  told: readonly StepReason[],
): readonly StepReason[] {
  const seen = own(observed.configs, unit.resource);
  const record = readRecord<PoolRecord>(observed, unit.resource);
  const differing = differingFiles(poolFiles(unit, historyOf(record, unit).before).files, seen);
  if (differing.length === 0) return [];
  const before = record?.unit;
  if (before === undefined) return fileReasons(differing, seen);
  const changes = differences(rememberedOf(before), rememberedOf(unit));
  if (changes.length > 0) return changes;
  const changed =
    told.length > 0
      ? []
      : differences(before.worker.container.identity, unit.worker.container.identity, 'worker');
  if (changed.length > 0) return changed;
  return fileReasons(told.length > 0 ? differing.filter((path) => path !== recordFile) : differing, seen);
}

/** What a pool remembers beside its containers' descriptions and the number of its workers. Holds no secret. */
function rememberedOf({ spec: { replicas: _, ...spec }, dependsOn, worker }: PoolUnit): unknown {
  const { slots, startTimeoutMs } = worker;
  return { ...spec, dependsOn, slots, startTimeoutMs };
}

function fileReasons(
  paths: readonly string[],
  seen: ReadonlyMap<string, Buffer> | undefined,
): readonly StepReason[] {
  return paths.map((path) => ({
    path: `file ${path}`,
    from: seen?.has(path) === true ? 'another content' : 'missing',
    to: 'as described',
  }));
}

function routerStep(desired: DockerSpec, unit: RouterUnit, observed: ObservedState): Step {
  const { stack, units } = desired;
  const containers = containersOf(observed, unit.resource, 'router');
  const serving = servingContainer(containers, unit.container.digest);
  if (serving === undefined) return step(stack, 'router', unit.resource, undefined);
  const changes = containerChanges(serving, unit, observed);
  const reasons: StepReason[] = [
    ...changes,
    ...routerConfigReasons(unit, units, observed),
    ...drift(serving, unit.container, containerName(stack, unit.resource), unit, observed),
    ...extras(containers.filter((each) => each !== serving)),
  ];
  const base = step(stack, 'router', unit.resource, reasons);
  if (changes.length === 0) return base;
  return {
    ...base,
    action: 'replace',
    ...routerStopped(unit),
  };
}

function routerConfigReasons(
  unit: RouterUnit,
  units: readonly Unit[],
  observed: ObservedState,
): readonly StepReason[] {
  const seen = own(observed.configs, unit.resource);
  const differing = differingFiles(routerFiles(unit, activeAddresses(units, observed)).files, seen);
  if (differing.length === 0) return [];
  const before = readRecord<RouterRecord>(observed, unit.resource)?.model;
  const changes = before === undefined ? [] : differences(before, comparable(unit.config.model));
  return changes.length > 0 ? changes : fileReasons(differing, seen);
}

/** Containers of what the program no longer has. A volume is never one: it goes when asked for. */
function findOrphans(desired: DockerSpec, observed: ObservedState): readonly ObservedContainer[] {
  const names = new Set(desired.units.map(({ resource }) => resource));
  return observed.containers.filter(({ resource, role }) => role !== 'secret' && !names.has(resource));
}

function orphanSteps(stack: string, orphans: readonly ObservedContainer[]): readonly Step[] {
  const byResource = new Map<string, ObservedContainer[]>();
  for (const each of orphans) byResource.set(each.resource, [...(byResource.get(each.resource) ?? []), each]);
  return [...byResource].map(([resource, containers]) => ({
    action: 'delete',
    kind: kindOf(containers[0] ?? { role: 'app' }),
    resource: resourcePath(stack, resource),
    reasons: containers.map(({ name, summary }) => ({
      path: 'container',
      from: name,
      to: `removed (owner: ${summary.labels[label.owner] ?? owner}, stack ${stack})`,
    })),
    ...gone(containers),
  }));
}
