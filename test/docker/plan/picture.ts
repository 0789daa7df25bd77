import type { StackSpec } from '@plumbstack/core';
import type {
  ContainerSummary,
  ContainerUpdate,
  DockerReader,
  NetworkSummary,
  VolumeSummary,
} from '@plumbstack/docker/client';
import {
  activeAddresses,
  baseLabels,
  compileStack,
  configVolumeName,
  containerName,
  contentDigest,
  diff,
  isIPv4Subnet,
  label,
  observeStack,
  planAddresses,
  poolFiles,
  routerFiles,
  keptSecrets,
  secretVolumeName,
  takenAddresses,
  withFronts,
  withOtherSettings,
  workerName,
  type ContainerTemplate,
  type Diff,
  type DockerSpec,
  type Inputs,
  type ObservedState,
  type ProxyFiles,
  type Unit,
} from '@plumbstack/docker/internal';
import { inputsOf } from '../compile/compiled';

/** What an engine lists, and the little more that is asked of single containers. A test changes it as somebody would. */
export interface Picture {
  networks: NetworkSummary[];
  containers: ContainerSummary[];
  volumes: VolumeSummary[];
  /** Files in the configuration volumes, by container. */
  readonly configs: Map<string, Map<string, Buffer>>;
  /** Limits and restart policies as they are, by container. */
  readonly settings: Map<string, ContainerUpdate>;
}

export const emptyPicture = (): Picture => ({
  networks: [],
  containers: [],
  volumes: [],
  configs: new Map(),
  settings: new Map(),
});

/** What an engine has when everything of a spec has been done, and nothing else. */
export function pictureOf(desired: DockerSpec): Picture {
  const { stack, spec, networks, volumes, units } = desired;
  const picture = emptyPicture();
  picture.networks.push(
    ...networks.map(({ creation: { name, labels, subnet } }) => {
      return { id: `network-of-${name}`, name, labels, subnets: [subnet] };
    }),
  );
  picture.volumes.push(...volumes.map(({ creation }) => ({ name: creation.name, labels: creation.labels })));
  picture.volumes.push(desired.inventory);
  for (const each of keptSecrets(spec)) {
    const secret = baseLabels(stack, each.name, 'secret');
    picture.volumes.push({ name: secretVolumeName(stack, each.name), labels: secret });
    put(picture, {
      networks: {},
      name: secretVolumeName(stack, each.name),
      labels: secret,
      state: 'created',
    });
  }
  const nothing: ObservedState = {
    stack,
    networks: [],
    otherNetworks: [],
    containers: [],
    volumes: [],
    settings: {},
    configs: {},
  };
  for (const unit of units) putUnit(picture, desired, unit, activeAddresses(units, nothing));
  return picture;
}

function putUnit(
  picture: Picture,
  desired: DockerSpec,
  unit: Unit,
  active: Readonly<Record<string, string>>,
): void {
  const { stack } = desired;
  const name = containerName(stack, unit.resource);
  const id = run(picture, name, unit.container, unit, unit.addresses[0]);
  if (unit.kind === 'router') configure(picture, desired, unit.resource, id, routerFiles(unit, active));
  if (unit.kind !== 'pool') return;
  configure(picture, desired, unit.resource, id, poolFiles(unit));
  for (let worker = 1; worker <= unit.spec.replicas; worker++) {
    const { container, slots, guests } = unit.worker;
    const place = { home: unit.home, guests };
    const name = workerName(stack, unit.resource, worker);
    run(picture, name, container, place, slots[worker - 1], worker);
  }
}

/** Adds a container as `up` makes it. Resolves to its id. */
function run(
  picture: Picture,
  name: string,
  { creation }: ContainerTemplate,
  { home, guests }: Pick<Unit, 'home' | 'guests'>,
  address = '',
  worker?: number,
): string {
  const labels = {
    ...creation.labels,
    [label.address]: address,
    [label.network]: home,
    ...(worker !== undefined && { [label.worker]: String(worker) }),
  };
  const networks = [
    [home, address] as const,
    ...guests.map((each) => [each.network, each.addresses[address]] as const),
  ].map(([network, fixedAddress]) => [
    network,
    { networkId: `network-of-${network}`, ...(fixedAddress !== undefined && { fixedAddress }) },
  ]);
  const imageId = creation.image;
  const id = put(picture, {
    name,
    labels,
    imageId,
    state: 'running',
    networks: Object.fromEntries(networks),
  });
  picture.settings.set(id, { limits: creation.limits, restart: creation.restart });
  return id;
}

function put(
  picture: Picture,
  container: Pick<ContainerSummary, 'name' | 'labels' | 'state' | 'networks'> &
    Partial<Pick<ContainerSummary, 'imageId'>>,
): string {
  const id = contentDigest(container.name);
  picture.containers.push({
    imageId: 'sha256:image',
    ...container,
    id,
    image: 'image',
    createdAt: '2026-01-01T00:00:00Z',
    ports: [],
  });
  return id;
}

function configure(
  picture: Picture,
  { stack }: DockerSpec,
  resource: string,
  container: string,
  { files }: ProxyFiles,
): void {
  picture.volumes.push({
    name: configVolumeName(stack, resource),
    labels: baseLabels(stack, resource, 'config'),
  });
  picture.configs.set(container, new Map(files.map(({ path, content }) => [path, Buffer.from(content)])));
}

/** The picture as the real observation reads it. */
function readerOf({ networks, containers, volumes, configs }: Picture): DockerReader {
  const carries = (wanted: string | undefined, labels: Readonly<Record<string, string>>): boolean => {
    const [key = '', value] = wanted?.split('=') ?? [];
    return (
      wanted === undefined || (Object.hasOwn(labels, key) && (value === undefined || labels[key] === value))
    );
  };
  const reader: Pick<DockerReader, 'listContainers' | 'listNetworks' | 'listVolumes' | 'readFiles'> = {
    listContainers: async (wanted) => containers.filter(({ labels }) => carries(wanted, labels)),
    listNetworks: async () => networks,
    listVolumes: async (wanted) => volumes.filter(({ labels }) => carries(wanted, labels)),
    readFiles: async (container, path) => {
      const [, part = ''] = path.split('/etc/plumbstack/');
      const found = [...(configs.get(container) ?? [])].filter(
        ([name]) => name === part || name.startsWith(`${part}/`),
      );
      return found.length === 0 ? undefined : new Map(found);
    },
  };
  // An observation asks nothing else.
  return reader as DockerReader;
}

export function observe(picture: Picture, stack: string): Promise<ObservedState> {
  return observeStack(readerOf(picture), stack, {});
}

export interface Compared extends Diff {
  readonly desired: DockerSpec;
  readonly observed: ObservedState;
}

/** Looks and compares, as every verb does. */
export async function compare(
  picture: Picture,
  declared: StackSpec,
  inputs: Partial<Inputs> = {},
): Promise<Compared> {
  const spec = withFronts(declared);
  const seen = await observe(picture, spec.name);
  const all = { ...inputsOf(spec), ...inputs };
  return compareWith(picture, seen, spec, { ...all, secrets: readable(spec, seen, all.secrets) });
}

/** The value of a generated secret can be read where its volume is, and what holds it. */
function readable(spec: StackSpec, seen: ObservedState, secrets: Inputs['secrets']): Inputs['secrets'] {
  const isThere = (name: string): boolean =>
    seen.volumes.some((each) => each.name === secretVolumeName(spec.name, name)) &&
    seen.containers.some(({ role, resource }) => role === 'secret' && resource === name);
  const missing = keptSecrets(spec).flatMap(({ name }) => (isThere(name) ? [] : [name]));
  return { ...secrets, ...Object.fromEntries(missing.map((name) => [name, { fingerprint: 'new' }])) };
}

function compareWith(picture: Picture, seen: ObservedState, spec: StackSpec, inputs: Inputs): Compared {
  const addresses = planAddresses(spec, takenAddresses(seen), {
    pool: '10.208.0.0/12',
    others: seen.otherNetworks.flatMap(({ subnets }) => subnets.filter(isIPv4Subnet)),
  });
  const desired = compileStack(spec, addresses, inputs);
  const asked = withOtherSettings(desired.units, seen).flatMap((id) => {
    const settings = picture.settings.get(id);
    return settings === undefined ? [] : [[id, settings] as const];
  });
  const observed = { ...seen, settings: Object.fromEntries(asked) };
  return { desired, observed, ...diff(desired, observed) };
}

/** A picture of a spec that was applied to an empty engine. */
export function applied(spec: StackSpec, inputs: Partial<Inputs> = {}): Promise<Picture> {
  return appliedBefore(withFronts(spec), inputs);
}

/** The same by a version that knew no fronts: a pool's HAProxy holds the ports that the pool publishes. */
export async function appliedBefore(spec: StackSpec, inputs: Partial<Inputs> = {}): Promise<Picture> {
  const picture = emptyPicture();
  const all = { ...inputsOf(spec), ...inputs };
  // By the time that containers are made, secrets have been.
  return pictureOf(compareWith(picture, await observe(picture, spec.name), spec, all).desired);
}

/** What is to be done, as `action kind name`; the network is called as its stack. */
export function doings({ plan }: Diff): readonly string[] {
  return plan.steps
    .filter(({ action }) => action !== 'keep')
    .map(({ action, kind, resource }) => `${action} ${kind} ${resource.slice(resource.indexOf('/') + 1)}`);
}

/** Why, by path. */
export function reasonsOf(
  { plan }: Diff,
  resource: string,
): Readonly<Record<string, readonly [unknown, unknown]>> {
  const reasons = plan.steps
    .filter((each) => each.resource.endsWith(`/${resource}`))
    .flatMap((each) => each.reasons);
  return Object.fromEntries(reasons.map(({ path, from, to }) => [path, [from, to]]));
}

/** Changes one container of a picture, by its name. */
export function tamper(
  picture: Picture,
  name: string,
  change: (container: ContainerSummary) => Partial<ContainerSummary>,
): void {
  const index = picture.containers.findIndex((each) => each.name === name);
  const found = picture.containers[index];
  if (found === undefined) throw new RangeError(`no container ${name}`);
  picture.containers[index] = { ...found, ...change(found) };
}

/** The configuration of a proxy's container, by its name. */
export function configOf(picture: Picture, name: string): Map<string, Buffer> {
  const files = picture.configs.get(picture.containers.find((each) => each.name === name)?.id ?? '');
  if (files === undefined) throw new RangeError(`no configuration of ${name}`);
  return files;
}
