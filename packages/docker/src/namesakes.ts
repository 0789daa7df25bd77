import { PlumbstackError, resourcePath, type Plan } from '@plumbstack/core';
import type { CallOptions, DockerReader } from './client/docker-client.js';
import type { DockerSpec, PoolUnit } from './compile/docker-spec.js';
import { isIPv4Subnet, overlap, parseSubnet } from './compile/ipv4.js';
import { isContainerOf, isOfStack, notOurs } from './not-ours.js';
import { containerName, declaredName, secretVolumeName, workerName } from './object-names.js';
import type { ObservedState } from './plan/observed-state.js';

type Reader = Pick<DockerReader, 'listContainers' | 'inspectVolume'>;

/** Resources by the names that their objects are to have on the engine. */
type Names = ReadonlyMap<string, string>;

/**
 * Refuses what a run would make under a name that something of somebody else has already: `a-b-c` is the `b-c` of a stack `a`, and
 * the `c` of a stack `a-b`. Asks the engine only where something is yet to be made. Throws `NOT_OURS`.
 */
export async function refuseNamesakes(
  reader: Reader,
  desired: DockerSpec,
  observed: ObservedState,
  steps: Plan['steps'],
  call: CallOptions,
): Promise<void> {
  refuseNetworks(desired, observed);
  refuseSubnets(desired, observed);
  // What stays as it is takes no further name.
  const changing = new Set(steps.flatMap(({ action, resource }) => (action === 'keep' ? [] : [resource])));
  const names = [...containerNames(desired)].filter(([, resource]) =>
    changing.has(resourcePath(desired.stack, declaredName(resource))),
  );
  await refuseContainers(reader, new Map(names), observed, call);
  await refuseVolumes(reader, volumeNames(desired), observed, call);
}

/** The same of workers that a pool is to have. */
export async function refuseWorkers(
  reader: Reader,
  unit: PoolUnit,
  observed: ObservedState,
  call: CallOptions,
): Promise<void> {
  await refuseContainers(reader, new Map(workerNames(observed.stack, unit)), observed, call);
}

function refuseNetworks({ stack, networks }: DockerSpec, { otherNetworks }: ObservedState): void {
  const wanted = new Map(networks.map(({ resource, creation }) => [creation.name, resource]));
  for (const { name, id, labels } of otherNetworks) {
    const resource = wanted.get(name);
    if (resource !== undefined)
      throw notOurs({ kind: 'network', name, labels, facts: { id } }, pathOf(stack, resource));
  }
}

/** A subnet of the program's own, which the engine refuses when it is too late: what has to go for it is gone then. */
function refuseSubnets(
  { stack, spec, networks }: DockerSpec,
  { networks: seen, otherNetworks }: ObservedState,
): void {
  if (spec.subnet === undefined) return;
  const there = new Map(seen.map(({ name, subnets }) => [name, subnets[0]]));
  const coming = networks.filter(({ creation: { name, subnet } }) => there.get(name) !== subnet);
  for (const { name, subnets } of otherNetworks)
    for (const theirs of subnets.filter(isIPv4Subnet)) {
      const taken = coming.find(({ creation }) => overlap(parseSubnet(creation.subnet), parseSubnet(theirs)));
      if (taken !== undefined) throw subnetTaken(stack, taken.creation.subnet, name, theirs);
    }
}

function subnetTaken(stack: string, subnet: string, network: string, theirs: string): PlumbstackError {
  return new PlumbstackError(
    'ADDRESS_POOL_EXHAUSTED',
    `the network ${network} has addresses of its subnet: ${theirs} overlaps ${subnet}.`,
    {
      resource: stack,
      details: { subnet, network, theirs },
      hint: `Give the stack another subnet, or remove that network: docker network rm ${network}.`,
    },
  );
}

function containerNames({ stack, units, generated }: DockerSpec): Names {
  return new Map([
    ...units.map(({ resource }) => [containerName(stack, resource), resource] as const),
    ...units.flatMap((unit) => (unit.kind === 'pool' ? workerNames(stack, unit) : [])),
    ...generated.map(({ resource }) => [secretVolumeName(stack, resource), resource] as const),
  ]);
}

/** Those that it has, and those that an update starts beside them. */
function workerNames(
  stack: string,
  { resource, spec, worker }: PoolUnit,
): readonly (readonly [string, string])[] {
  const count = Math.min(worker.slots.length, spec.replicas + spec.update.parallelism);
  return Array.from({ length: count }, (_, index) => [workerName(stack, resource, index + 1), resource]);
}

function volumeNames({ stack, units, generated, volumes, inventory }: DockerSpec): Names {
  return new Map([
    [inventory.name, ''],
    ...volumes.map(({ resource, creation }) => [creation.name, resource] as const),
    ...units.flatMap((unit) => ('config' in unit ? [[unit.config.volume.name, unit.resource] as const] : [])),
    ...generated.map(({ resource }) => [secretVolumeName(stack, resource), resource] as const),
  ]);
}

async function refuseContainers(
  reader: Reader,
  wanted: Names,
  { stack, containers }: ObservedState,
  call: CallOptions,
): Promise<void> {
  const missing = without(wanted, containers);
  if (missing.size === 0) return;
  for (const each of await reader.listContainers(undefined, call)) {
    const { id, name, image, labels } = each;
    const resource = missing.get(name);
    if (resource !== undefined && !isContainerOf(each, stack))
      throw notOurs({ kind: 'container', name, labels, facts: { id, image } }, pathOf(stack, resource));
  }
}

async function refuseVolumes(
  reader: Reader,
  wanted: Names,
  { stack, volumes }: ObservedState,
  call: CallOptions,
): Promise<void> {
  await Promise.all(
    [...without(wanted, volumes)].map(async ([name, resource]) => {
      const found = await reader.inspectVolume(name, call);
      if (found !== undefined && !isOfStack(found.labels, stack))
        throw notOurs({ kind: 'volume', name, labels: found.labels }, pathOf(stack, resource));
    }),
  );
}

function without(wanted: Names, seen: readonly { readonly name: string }[]): Names {
  const there = new Set(seen.map(({ name }) => name));
  return new Map([...wanted].filter(([name]) => !there.has(name)));
}

function pathOf(stack: string, resource: string): string {
  return resource === '' ? stack : resourcePath(stack, declaredName(resource));
}
