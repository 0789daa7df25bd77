import { createHash } from 'node:crypto';
import type {
  ContainerCreation,
  ImageDetails,
  NetworkCreation,
  VolumeCreation,
} from '@plumbstack/docker/client';
import {
  contains,
  formatAddress,
  machineNetwork,
  overlap,
  parseAddress,
  parseSubnet,
  sizeOf,
} from '@plumbstack/docker/internal';
import { engineFailure } from './engine-failure.js';
import { EventLog } from './event-log.js';
import { imageFiles, locate, type Files, type Located, type StoredFile } from './files.js';
import { HostPorts } from './host-ports.js';
import { EngineClock, never } from './moments.js';
import type { EngineObject, ImageObject, NetworkObject, VolumeObject } from './objects.js';

/** Everything that is on an engine, and the rules by which it is made and removed. Nothing here takes time. */
export class EngineData {
  readonly clock: EngineClock;
  readonly events: EventLog;
  readonly ports = new HostPorts();
  readonly containers = new Map<string, EngineObject>();
  readonly networks = new Map<string, NetworkObject>();
  readonly volumes = new Map<string, VolumeObject>();
  readonly images = new Map<string, ImageObject>();
  /** Networks that its machine reaches otherwise, as `10.0.0.0/8`. */
  readonly routes = new Set<string>();
  /** Whether that machine is another one than the runtime's, so that its routes are seen from a container alone. */
  readonly isElsewhere: boolean;
  readonly sharesFiles: boolean;
  /** Files of the machine that are mounted, by path. */
  readonly #host = new Map<string, Files>();
  #made = 0;

  constructor(now: () => Date, isElsewhere: boolean, sharesFiles: boolean) {
    this.isElsewhere = isElsewhere;
    this.sharesFiles = sharesFiles && !isElsewhere;
    this.clock = new EngineClock(now);
    this.events = new EventLog(this.clock);
  }

  /** By id or name. */
  findContainer(id: string): EngineObject | undefined {
    return this.containers.get(id) ?? [...this.containers.values()].find(({ name }) => name === id);
  }

  container(id: string): EngineObject {
    return this.findContainer(id) ?? refuse(404, `No such container: ${id}`);
  }

  findNetwork(id: string): NetworkObject | undefined {
    return this.networks.get(id) ?? [...this.networks.values()].find(({ creation }) => creation.name === id);
  }

  network(id: string): NetworkObject {
    return this.findNetwork(id) ?? refuse(404, `network ${id} not found`);
  }

  findImage(reference: string): ImageObject | undefined {
    const name = withTag(reference);
    return this.images.get(reference) ?? [...this.images.values()].find(({ tags }) => tags.has(name));
  }

  createNetwork(creation: NetworkCreation): string {
    if (this.findNetwork(creation.name) !== undefined)
      refuse(409, `network with name ${creation.name} already exists`);
    const subnet = parseSubnet(creation.subnet);
    if ([...this.networks.values()].some((each) => overlap(parseSubnet(each.creation.subnet), subnet)))
      refuse(403, 'Pool overlaps with other one on this address space');
    const id = this.#newId();
    this.networks.set(id, { id, creation });
    this.events.tell('network', 'create', id, { ...creation.labels, name: creation.name });
    return id;
  }

  removeNetwork(id: string): void {
    const network = this.findNetwork(id);
    if (network === undefined) return;
    const { name } = network.creation;
    const isUsed = [...this.containers.values()].some(
      (each) => each.endpoints.get(name)?.networkId === network.id && isRunning(each),
    );
    if (isUsed) refuse(403, `network ${name} has active endpoints`);
    this.networks.delete(network.id);
    this.events.tell('network', 'destroy', network.id, { name });
  }

  createVolume(creation: VolumeCreation, isAnonymous = false): void {
    if (this.volumes.has(creation.name)) return;
    this.volumes.set(creation.name, { creation, files: new Map(), isAnonymous });
    this.events.tell('volume', 'create', creation.name, creation.labels);
  }

  removeVolume(name: string): void {
    if (!this.volumes.has(name)) return;
    const users = this.usersOf(name).map(({ id }) => id);
    if (users.length > 0) refuse(409, `remove ${name}: volume is in use - [${users.join(', ')}]`);
    this.volumes.delete(name);
    this.events.tell('volume', 'destroy', name);
  }

  usersOf(volume: string): readonly EngineObject[] {
    return [...this.containers.values()].filter(({ volumes }) => [...volumes.values()].includes(volume));
  }

  createContainer(creation: ContainerCreation): EngineObject {
    const { name, image } = creation;
    const taken = this.findContainer(name);
    if (taken !== undefined)
      refuse(409, `Conflict. The container name "/${name}" is already in use by container "${taken.id}"`);
    const found = this.findImage(image) ?? refuse(404, `No such image: ${image}`);
    const id = this.#newId();
    const made: EngineObject = {
      ...{ id, name, creation, imageId: found.id, createdAt: this.clock.stamp() },
      ...{ state: 'created', health: 'unknown', healthOutput: [], exitCode: 0, oomKilled: false, error: '' },
      ...{ startedAt: never, finishedAt: never, restartCount: 0, life: 0, answers: false },
      settings: { limits: creation.limits, restart: creation.restart },
      endpoints: new Map(
        Object.entries(creation.networks)
          .filter(([network]) => network !== machineNetwork)
          .map(([network, attachment]) => {
            const { id: networkId } = this.network(network);
            return [network, { networkId, attachment, address: undefined }];
          }),
      ),
      ...{ ports: [], layer: new Map(imageFiles), lines: [], proxy: undefined },
      volumes: this.#mountedVolumes(creation),
    };
    this.containers.set(id, made);
    this.tell(made, 'create');
    return made;
  }

  /** Of one that does not run. */
  removeContainer(container: EngineObject): void {
    this.containers.delete(container.id);
    this.ports.release(container.id);
    for (const name of container.volumes.values())
      if (this.volumes.get(name)?.isAnonymous === true && this.usersOf(name).length === 0)
        this.removeVolume(name);
    this.tell(container, 'destroy');
  }

  /** Makes an image, or gives one that is there a further name. */
  addImage(reference: string, facts: Partial<Omit<ImageDetails, 'tags'>> = {}): ImageObject {
    const id = facts.id ?? `sha256:${createHash('sha256').update(reference).digest('hex')}`;
    const made = this.images.get(id) ?? {
      ...{ labels: {}, createdAt: new Date(), user: '', hasHealthcheck: false, entrypoint: [], command: [] },
      ...facts,
      ...{ id, tags: new Set<string>(), taggedAt: facts.taggedAt },
    };
    for (const other of this.images.values()) other.tags.delete(withTag(reference));
    made.tags.add(withTag(reference));
    this.images.set(id, made);
    return made;
  }

  removeImage(reference: string): void {
    const image = this.findImage(reference) ?? refuse(404, `No such image: ${reference}`);
    const rest = [...image.tags].filter((tag) => tag !== withTag(reference));
    const user = [...this.containers.values()].find(({ imageId }) => imageId === image.id);
    if (rest.length === 0 && user !== undefined)
      refuse(
        409,
        `conflict: unable to remove repository reference "${reference}": container ${user.id} uses it`,
      );
    image.tags.delete(withTag(reference));
    if (rest.length === 0) this.images.delete(image.id);
  }

  /** Where a path of a container leads: through its mounts, running or not. */
  locate({ creation, layer, volumes }: EngineObject, path: string): Located {
    const mounts = new Map<string, Files>();
    for (const { target } of creation.mounts) {
      const files = this.volumes.get(volumes.get(target) ?? '')?.files;
      if (files !== undefined) mounts.set(target, files);
    }
    for (const mount of creation.mounts)
      if (mount.type === 'bind') mounts.set(mount.target, this.host(mount.source));
    return locate(layer, mounts, path);
  }

  /** What is at a path of the engine's machine. */
  host(path: string): Files {
    const files: Files = this.#host.get(path) ?? new Map<string, StoredFile>();
    this.#host.set(path, files);
    return files;
  }

  /** An address in a network for a container that starts or is connected: the one that was asked for, or a free one. */
  freeAddress(network: NetworkObject, wanted: string | undefined): string {
    const { name, gateway, dynamicRange } = network.creation;
    const taken = new Set([
      gateway,
      ...[...this.containers.values()].flatMap(({ endpoints }) => endpoints.get(name)?.address ?? []),
    ]);
    if (wanted !== undefined) {
      if (!contains(parseSubnet(network.creation.subnet), parseAddress(wanted)))
        refuse(400, `invalid address ${wanted}: it does not belong to any of this network's subnets`);
      return taken.has(wanted) ? refuse(403, 'Address already in use') : wanted;
    }
    const free = freeAddressIn(dynamicRange, taken);
    return free ?? refuse(403, `no available IPv4 addresses on this network's address pools: ${name}`);
  }

  tell(container: EngineObject, action: string, facts: Readonly<Record<string, string>> = {}): void {
    const { id, name, creation } = container;
    const { labels, image } = creation;
    this.events.tell('container', action, id, { ...labels, image, name, ...facts });
  }

  #mountedVolumes({ mounts }: ContainerCreation): ReadonlyMap<string, string> {
    return new Map(
      mounts.flatMap((mount) => {
        if (mount.type !== 'volume') return [];
        const name = mount.name ?? this.#newId();
        // Who mounts a volume that is not there makes it.
        this.createVolume({ name, labels: mount.labels ?? {} }, mount.name === undefined);
        return [[mount.target, name] as const];
      }),
    );
  }

  #newId(): string {
    this.#made += 1;
    return createHash('sha256').update(String(this.#made)).digest('hex');
  }
}

export function isRunning({ state }: EngineObject): boolean {
  return state === 'running' || state === 'paused';
}

function refuse(status: number, reason: string): never {
  throw engineFailure(status, reason);
}

function withTag(reference: string): string {
  return /[:@][^/]*$/.test(reference) ? reference : `${reference}:latest`;
}

/** The first address of a range, from its second on, that is not taken. */
function freeAddressIn(range: string, taken: ReadonlySet<string>): string | undefined {
  const subnet = parseSubnet(range);
  for (let offset = 1; offset < sizeOf(subnet) - 1; offset++) {
    const address = formatAddress(subnet.base + offset);
    if (!taken.has(address)) return address;
  }
  return undefined;
}
