import { defaultDrainTimeoutMs } from '@plumbstack/core';
import type {
  ContainerSummary,
  ContainerUpdate,
  NetworkSummary,
  PublishedPort,
  VolumeSummary,
} from '../client/docker-client.js';
import { label, type Role } from '../labels.js';
import type { Unit } from '../compile/docker-spec.js';
import type { TakenAddresses } from '../compile/address-plan.js';
import { contains, isIPv4Address, isIPv4Subnet, parseAddress, parseSubnet } from '../compile/ipv4.js';
import { own } from '../compile/own.js';
import { isData, readRecord, type PoolRecord } from './record.js';

/** What the engine has of one stack. Plain data, read in a handful of calls. */
export interface ObservedState {
  readonly stack: string;
  /** Ours. */
  readonly networks: readonly NetworkSummary[];
  /** Everybody else's: neither their names nor their subnets are free. */
  readonly otherNetworks: readonly NetworkSummary[];
  readonly containers: readonly ObservedContainer[];
  /** Ours; config and secret volumes too, but no anonymous ones, which are parts of their containers. */
  readonly volumes: readonly VolumeSummary[];
  /** Who changes the stack at this moment, or died while doing so. */
  readonly leaseHolder?: string;
  /**
   * Limits and restart policies as they are, by container id: of those only that were made with others than are
   * described, and may have been changed since.
   */
  readonly settings: Readonly<Record<string, ContainerUpdate>>;
  /** Files in the proxies' configuration volumes, by resource: those that {@link isRead} says, and none that can be large. */
  readonly configs: Readonly<Record<string, ReadonlyMap<string, Buffer>>>;
  /** Why a proxy's configuration could not be read, by resource. */
  readonly unreadable?: Readonly<Record<string, string>>;
}

export interface ObservedContainer {
  readonly id: string;
  readonly name: string;
  readonly resource: string;
  readonly role: Role;
  readonly digest: string;
  /** Unset where its label says none. */
  readonly address: string | undefined;
  /** Slot of a pool's worker. */
  readonly worker: number | undefined;
  readonly state: ContainerSummary['state'];
  /** What it was made from; nothing readable where somebody tampered with it. */
  readonly identity: Readonly<Record<string, unknown>>;
  /** Host ports it was made with, also while it does not run. */
  readonly identityPorts: readonly PublishedPort[];
  readonly summary: ContainerSummary;
}

/** The largest slot number there can be: a thousand workers and as many successors, by the ranges of a pool's options. */
const mostSlots = 2000;

export function observedContainer(summary: ContainerSummary): ObservedContainer {
  const { id, name, labels, state } = summary;
  const worker = Number(labels[label.worker]);
  const identity = parseData(labels[label.identity]);
  const ports = identity['ports'];
  const address = labels[label.address];
  return {
    id,
    name,
    resource: labels[label.resource] ?? '',
    role: (labels[label.role] ?? 'app') as Role,
    digest: labels[label.digest] ?? '',
    address: address !== undefined && isIPv4Address(address) ? address : undefined,
    worker: Number.isSafeInteger(worker) && worker > 0 && worker <= mostSlots ? worker : undefined,
    state,
    identity,
    identityPorts: Array.isArray(ports) ? ports.filter(isPort) : [],
    summary,
  };
}

/** What a label holds; nothing where it is missing, or somebody tampered with it. */
function parseData(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text ?? '{}');
    return isData(parsed) ? parsed : {};
  } catch {
    return {};
  }
}

function isPort(value: unknown): value is PublishedPort {
  if (!isData(value)) return false;
  const { host, port, containerPort } = value;
  return typeof host === 'string' && typeof port === 'number' && typeof containerPort === 'number';
}

/** Whether a run has noted what belongs to the stack, and no `down` has followed. */
export function hasInventory(state: ObservedState): boolean {
  return inventoryIn(state) !== undefined;
}

function inventoryIn({ volumes }: ObservedState): VolumeSummary | undefined {
  return volumes.find(({ labels }) => labels[label.role] === 'inventory');
}

/** Kinds of the stack's resources by name, as the last run described them; none where nobody noted them. */
export function inventoryOf(state: ObservedState): ReadonlyMap<string, Unit['kind']> {
  const found = inventoryIn(state);
  const kinds: readonly unknown[] = ['app', 'service', 'pool', 'router'] satisfies Unit['kind'][];
  const noted = Object.entries(parseData(found?.labels[label.resources]));
  return new Map(noted.filter((each): each is [string, Unit['kind']] => kinds.includes(each[1])));
}

/** How long a version of a single app may take to leave, as the last run noted; the default where nobody did. */
export function notedDrainTimeout(state: ObservedState, app: string): number {
  const noted = own(parseData(inventoryIn(state)?.labels[label.drainTimeouts]), app);
  return typeof noted === 'number' ? noted : defaultDrainTimeoutMs;
}

/** The addresses that must not change or be given to others. */
export function takenAddresses(state: ObservedState): TakenAddresses {
  const addresses = new Map<string, Set<string>>();
  const slots = new Map<string, (string | undefined)[]>();
  for (const { resource, role, address, worker } of state.containers) {
    if (role === 'worker') {
      const list = slots.get(resource) ?? [...(readRecord<PoolRecord>(state, resource)?.slots ?? [])];
      slots.set(resource, list);
      // The record comes first; it may not yet tell of the slots that a run was interrupted over.
      if (address !== undefined && worker !== undefined) list[worker - 1] ??= address;
    } else if (address !== undefined) {
      addresses.set(resource, (addresses.get(resource) ?? new Set()).add(address));
    }
  }
  for (const { resource, role } of state.containers) {
    const record = role === 'balancer' ? readRecord<PoolRecord>(state, resource) : undefined;
    if (record?.slots !== undefined && !slots.has(resource)) slots.set(resource, [...record.slots]);
    // A pool remembers the address of its HAProxy's successor too.
    for (const each of record?.unit?.addresses ?? [])
      addresses.set(resource, (addresses.get(resource) ?? new Set()).add(each));
  }
  return {
    subnets: Object.fromEntries(
      state.networks.flatMap(({ name, subnets: [subnet] }) => (subnet === undefined ? [] : [[name, subnet]])),
    ),
    guests: guestAddresses(state),
    addresses: Object.fromEntries([...addresses].map(([resource, list]) => [resource, [...list]])),
    slots: Object.fromEntries([...slots].map(([pool, list]) => [pool, Array.from(list)])),
  };
}

/** By network: addresses that were asked for there, by the container's address at home. */
function guestAddresses({ networks, containers }: ObservedState): TakenAddresses['guests'] {
  return Object.fromEntries(
    networks.map(({ name }) => [
      name,
      Object.fromEntries(
        containers.flatMap(({ address, summary }) => {
          const there = own(summary.networks, name)?.fixedAddress;
          return address === undefined || there === undefined || there === address ? [] : [[address, there]];
        }),
      ),
    ]),
  );
}

/** A network of the stack that is there. */
export function networkNamed({ networks }: ObservedState, name: string): NetworkSummary | undefined {
  return networks.find((each) => each.name === name);
}

/** The network that an address is of. */
export function networkOf({ networks }: ObservedState, address: string | undefined): string | undefined {
  if (address === undefined) return undefined;
  return networks.find(({ subnets }) =>
    subnets.some((each) => isIPv4Subnet(each) && contains(parseSubnet(each), parseAddress(address))),
  )?.name;
}
