import { isPlumbstackError, PlumbstackError, type PoolSpec, type StackSpec } from '@plumbstack/core';
import { FreeSubnets } from './free-subnets.js';
import {
  contains,
  formatAddress,
  formatSubnet,
  isIPv4Address,
  isIPv4Subnet,
  parseAddress,
  parseSubnet,
  sizeOf,
  type Subnet,
} from './ipv4.js';
import { own } from './own.js';
import { topologyOf, type Guest, type StackNetwork, type Topology } from './topology.js';

/**
 * Every container has a fixed address, so that neither proxy ever looks one up: what crashes and comes back, and a
 * machine that restarts everything in any order, comes back where the proxies already look. An address is never handed to
 * another resource while its owner exists.
 */
export interface AddressPlan {
  readonly networks: readonly PlannedNetwork[];
  /** By resource: the network that it is at home in, and that its fixed addresses are of. */
  readonly homes: Readonly<Record<string, string>>;
  /** By resource, lowest first. A service and a router have one; an app and a pool's HAProxy two: an old and a new version's. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** By pool: the address of each slot; worker 1 sits on the first. */
  readonly slots: Readonly<Record<string, readonly string[]>>;
  /** By resource: networks beside its home. A pool's are its HAProxy's. */
  readonly guests: Readonly<Record<string, readonly Attachment[]>>;
  /** By pool: networks of its workers beside its home. */
  readonly workerGuests: Readonly<Record<string, readonly Attachment[]>>;
}

export interface PlannedNetwork extends StackNetwork {
  readonly subnet: string;
  readonly gateway: string;
  /** Where the engine may put containers that ask for no address: guests, and strangers. */
  readonly dynamicRange: string;
}

/** How a container is in a network that is not its home. */
export interface Attachment {
  readonly network: string;
  readonly aliases: readonly string[];
  /** Its address there by its address at home; where there is none, the engine chooses. */
  readonly addresses: Readonly<Record<string, string>>;
}

/** What is already on the engine. */
export interface TakenAddresses {
  /** Of the stack's networks, by name. */
  readonly subnets: Readonly<Record<string, string>>;
  /** Addresses in use, by resource, first what must be kept; a pool's are those of its HAProxy. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** Slot addresses by pool. Holes are slots that nothing is known of. */
  readonly slots: Readonly<Record<string, readonly (string | undefined)[]>>;
  /** By network: fixed addresses of guests by their address at home. */
  readonly guests: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** Where networks may be. A stack with a `subnet` of its own needs only the latter half. */
export interface AddressSpace {
  readonly pool: string;
  /** Subnets that are taken by others. */
  readonly others: readonly string[];
  /** Subnets that no new network may be in, as those that the machine reaches itself; one that is there stays. @default none */
  readonly avoided?: readonly string[];
  /** Whether what is there must stay where it is. @default false */
  readonly inPlace?: boolean;
}

/** Slots beyond the workers wanted: room for the new version's workers and for scaling, without a reload. */
function slotCount({ replicas, update }: PoolSpec): number {
  return Math.max(16, Math.ceil((replicas + update.parallelism) / 8) * 8);
}

/**
 * Addresses beyond those that are needed, so that a network need not be made anew when something is added to it. A pool can
 * be scaled to a thousand workers, about as many as a bridge of Linux has ports; where that is not to be had, to fewer.
 */
const spares = [
  { pool: 1000, others: 6 },
  { pool: 32, others: 6 },
  { pool: 8, others: 1 },
] as const;
type Spare = (typeof spares)[number];

/** Containers of strangers that a network has room for. */
const strangers = 2;

const nothing: TakenAddresses = { subnets: {}, addresses: {}, slots: {}, guests: {} };

/**
 * Keeps what is taken, gives the rest the lowest free addresses, and never the same to two. Where there is not enough room
 * beside what is there, everything is placed anew. Pure. Throws `ADDRESS_POOL_EXHAUSTED`.
 */
export function planAddresses(spec: StackSpec, taken: TakenAddresses, space: AddressSpace): AddressPlan {
  const topology = topologyOf(spec);
  const isMovable = space.inPlace !== true && Object.keys(taken.subnets).length > 0;
  const attempts = [taken, ...(isMovable ? [nothing] : [])].flatMap((kept) =>
    spares.map((spare) => ({ kept, spare })),
  );
  let failure: unknown;
  for (const { kept, spare } of attempts) {
    try {
      return new Placement(spec, topology, kept, space, spare).plan();
    } catch (error) {
      if (!isPlumbstackError(error, 'ADDRESS_POOL_EXHAUSTED')) throw error;
      failure = error;
    }
  }
  throw failure;
}

/** A network with all that is in it. */
interface Need extends StackNetwork {
  /** Fixed addresses, and how many more it should have room for. */
  fixed: number;
  spare: number;
  /** Containers that the engine gives an address. */
  dynamic: number;
  /** Which part of the network, its last, is dynamic: the half, or an eighth. */
  share: 2 | 8;
}

/** A network that is being filled. */
interface Room {
  readonly planned: PlannedNetwork;
  readonly subnet: Subnet;
  readonly dynamic: Subnet;
  next: number;
}

class Placement {
  readonly #spec: StackSpec;
  readonly #topology: Topology;
  readonly #taken: TakenAddresses;
  readonly #space: AddressSpace;
  readonly #spare: Spare;
  readonly #rooms: ReadonlyMap<string, Room>;
  readonly #claimed = new Set<number>();
  readonly #used: ReadonlySet<number>;

  constructor(spec: StackSpec, topology: Topology, taken: TakenAddresses, space: AddressSpace, spare: Spare) {
    this.#spec = spec;
    this.#topology = topology;
    this.#taken = taken;
    this.#space = space;
    this.#spare = spare;
    this.#used = new Set(
      [
        ...Object.values(taken.addresses),
        ...Object.values(taken.slots),
        ...Object.values(taken.guests).map((each) => Object.values(each)),
      ]
        .flat()
        .map((each) => (each === undefined ? -1 : parseAddress(each))),
    );
    this.#rooms = this.#place();
  }

  plan(): AddressPlan {
    const addresses: Record<string, readonly string[]> = {};
    const slots: Record<string, readonly string[]> = {};
    for (const resource of this.#spec.resources) {
      const room = this.#roomOf(this.#topology.homes.get(resource.name));
      if (room === undefined) continue;
      const wanted = addressCount(resource.kind);
      const known = (own(this.#taken.addresses, resource.name) ?? [])
        .filter((each) => this.#claim(room, each))
        .slice(0, wanted);
      const all = [...known, ...Array.from({ length: wanted - known.length }, () => this.#free(room))];
      // In an order that does not depend on which of them is in use.
      addresses[resource.name] = all.sort((a, b) => parseAddress(a) - parseAddress(b));
      if (resource.kind !== 'pool') continue;
      const old = own(this.#taken.slots, resource.name) ?? [];
      slots[resource.name] = Array.from({ length: this.#slotsOf(resource) }, (_, index) => {
        const before = old[index];
        return before !== undefined && this.#claim(room, before) ? before : this.#free(room);
      });
    }
    const guests = new Map<string, Attachment[]>();
    const workerGuests = new Map<string, Attachment[]>();
    // In an order that does not depend on that of the program.
    const key = ({ network, resource }: Guest): string => `${network} ${resource}`;
    const byNetwork = [...this.#topology.guests].sort((a, b) => (key(a) < key(b) ? -1 : 1));
    for (const guest of byNetwork) {
      const lists = guest.isWorker ? workerGuests : guests;
      const list = lists.get(guest.resource) ?? [];
      lists.set(guest.resource, list);
      list.push(this.#attachment(guest, own(addresses, guest.resource) ?? []));
    }
    return {
      networks: [...this.#rooms.values()].map(({ planned }) => planned),
      homes: Object.fromEntries(this.#topology.homes),
      addresses,
      slots,
      guests: Object.fromEntries(guests),
      workerGuests: Object.fromEntries(workerGuests),
    };
  }

  #attachment({ network, resource, isProvider }: Guest, homes: readonly string[]): Attachment {
    const room = this.#roomOf(network);
    if (!isProvider || room === undefined) return { network, aliases: [], addresses: {} };
    const taken = own(this.#taken.guests, network) ?? {};
    const entries = homes.map((home) => {
      const before = own(taken, home);
      return [home, before !== undefined && this.#claim(room, before) ? before : this.#free(room)] as const;
    });
    return { network, aliases: [resource], addresses: Object.fromEntries(entries) };
  }

  #roomOf(network: string | undefined): Room | undefined {
    return network === undefined ? undefined : this.#rooms.get(network);
  }

  #slotsOf(pool: PoolSpec): number {
    return Math.max(own(this.#taken.slots, pool.name)?.length ?? 0, slotCount(pool));
  }

  /** Gives each network its subnet: the one it has where everything fits into it, else a free one. */
  #place(): ReadonlyMap<string, Room> {
    const { subnet: wanted, isolation, name } = this.#spec;
    const needs = this.#needs();
    const names = new Set(needs.map((each) => each.name));
    const leaving = Object.entries(this.#taken.subnets).flatMap(([each, subnet]) =>
      names.has(each) || !isIPv4Subnet(subnet) ? [] : [subnet],
    );
    // What the program says is the engine's to refuse.
    const others = wanted === undefined ? this.#space.others : [];
    const free = new FreeSubnets(
      wanted ?? this.#space.pool,
      [...others, ...leaving],
      wanted === undefined ? name : undefined,
    );
    const kept = new Map<string, string>();
    for (const need of needs) {
      const before = own(this.#taken.subnets, need.name);
      if (before === undefined || !isIPv4Subnet(before) || !fits(need, parseSubnet(before).prefix)) continue;
      const isAll = isolation !== false || isWhole(wanted, before);
      // One of before may be where no new one would be looked for: the runtime had another pool then.
      if (isAll && free.reserve(before, wanted === undefined)) kept.set(need.name, before);
    }
    if (wanted === undefined) for (const each of this.#space.avoided ?? []) free.avoid(each);
    return new Map(
      needs.map((need) => {
        const subnet = kept.get(need.name) ?? this.#take(free, need);
        return [need.name, roomOf(need, subnet)];
      }),
    );
  }

  #take(free: FreeSubnets, need: Need): string {
    const { subnet, isolation, name } = this.#spec;
    if (isolation === false && subnet !== undefined) {
      if (fits(need, parseSubnet(subnet).prefix)) return formatSubnet(parseSubnet(subnet));
      throw exhausted(subnet, name);
    }
    const prefix = roomyPrefix(need);
    try {
      return free.take(isolation === false ? Math.min(prefix, sharedPrefix) : prefix);
    } catch (error) {
      throw subnet === undefined ? error : exhausted(subnet, name);
    }
  }

  #needs(): readonly Need[] {
    const needs = new Map<string, Need>(
      this.#topology.networks.map((each) => [
        each.name,
        { ...each, fixed: 0, spare: this.#spare.others, dynamic: 0, share: 2 },
      ]),
    );
    const resources = new Map(this.#spec.resources.map((each) => [each.name, each]));
    for (const [resource, home] of this.#topology.homes) {
      const [need, spec] = [needs.get(home), resources.get(resource)];
      if (need === undefined || spec === undefined) continue;
      need.fixed += addressCount(spec.kind);
      if (this.#spec.isolation === false) need.share = 8;
      if (spec.kind === 'service') need.spare = 1;
      if (spec.kind !== 'pool') continue;
      const slots = this.#slotsOf(spec);
      need.fixed += slots;
      if (this.#spec.isolation !== false) need.spare = Math.max(this.#spare.others, this.#spare.pool - slots);
    }
    for (const { network, resource, isProvider, isWorker } of this.#topology.guests) {
      const [need, spec] = [needs.get(network), resources.get(resource)];
      if (need === undefined || spec === undefined) continue;
      if (isProvider) need.fixed += addressCount(spec.kind);
      else if (isWorker && spec.kind === 'pool') need.dynamic += this.#slotsOf(spec);
      else need.dynamic += addressCount(spec.kind);
    }
    return [...needs.values()];
  }

  /** Takes what is seen at its word once: labels may have been tampered with, or come from a network that is gone. */
  #claim(room: Room, text: string): boolean {
    const address = parseAddress(text);
    if (!isIPv4Address(text) || !isUsable(room, address) || this.#claimed.has(address)) return false;
    this.#claimed.add(address);
    return true;
  }

  #free(room: Room): string {
    while (this.#used.has(room.next)) room.next++;
    if (!isUsable(room, room.next)) throw exhausted(formatSubnet(room.subnet), this.#spec.name);
    return formatAddress(room.next++);
  }
}

/** Size of a stack's network where it has one only and its program does not say: a thousand addresses. */
const sharedPrefix = 22;

function addressCount(kind: StackSpec['resources'][number]['kind']): number {
  switch (kind) {
    case 'app':
    case 'pool':
      return 2;
    case 'service':
    case 'router':
      return 1;
    case 'volume':
    case 'secret':
      return 0;
  }
}

// The network's own address and the gateway's come first; the last one, which is for broadcasts, is in the dynamic part.
const fixedIn = (size: number, share: number): number => size - size / share - 2;
const dynamicIn = (size: number, share: number): number => size / share - 1;

function fits({ fixed, dynamic, share }: Need, prefix: number): boolean {
  const size = 2 ** (32 - prefix);
  return fixedIn(size, share) >= fixed && dynamicIn(size, share) >= dynamic;
}

/** Of the smallest network that has room for what may come, too. */
function roomyPrefix(need: Need): number {
  const { fixed, spare, dynamic } = need;
  const roomy = { ...need, fixed: fixed + spare, dynamic: dynamic + strangers };
  let prefix = 29;
  while (prefix > 8 && !fits(roomy, prefix)) prefix--;
  return prefix;
}

function roomOf({ name, resource, share }: Need, text: string): Room {
  const subnet = parseSubnet(text);
  const size = sizeOf(subnet) / share;
  const dynamic = { base: subnet.base + sizeOf(subnet) - size, prefix: subnet.prefix + Math.log2(share) };
  return {
    planned: {
      name,
      resource,
      subnet: formatSubnet(subnet),
      gateway: formatAddress(subnet.base + 1),
      dynamicRange: formatSubnet(dynamic),
    },
    subnet,
    dynamic,
    next: subnet.base + 2,
  };
}

function isUsable({ subnet, dynamic }: Room, address: number): boolean {
  return contains(subnet, address) && !contains(dynamic, address) && address > subnet.base + 1;
}

/** Whether a network was made to be a stack's only one, not that of its routers. */
function isWhole(wanted: string | undefined, subnet: string): boolean {
  const { prefix } = parseSubnet(subnet);
  if (wanted === undefined) return prefix <= sharedPrefix;
  return formatSubnet(parseSubnet(wanted)) === formatSubnet(parseSubnet(subnet));
}

function exhausted(subnet: string, stack: string): PlumbstackError {
  return new PlumbstackError('ADDRESS_POOL_EXHAUSTED', `the network ${subnet} has no address left.`, {
    resource: stack,
    details: { subnet },
    hint: "Give the stack a larger network: new Stack(name, { subnet: '10.20.0.0/20' }).",
  });
}
