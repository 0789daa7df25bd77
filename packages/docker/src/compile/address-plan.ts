import { PlumbstackError, type PoolSpec, type StackSpec } from '@plumbstack/core';
import {
  contains,
  formatAddress,
  formatSubnet,
  isIPv4Address,
  overlap,
  parseAddress,
  parseSubnet,
  sizeOf,
  type Subnet,
} from './ipv4.js';
import { own } from './own.js';

/**
 * Every container has a fixed address, so that neither proxy ever looks one up: what crashes and comes back, and a
 * machine that restarts everything in any order, comes back where the proxies already look. An address is never handed to
 * another resource while its owner exists.
 */
export interface AddressPlan {
  readonly subnet: string;
  readonly gateway: string;
  /** Where the engine may put containers that ask for no address, a stranger's for instance. */
  readonly dynamicRange: string;
  /** By resource, lowest first. A service and a router have one; an app and a pool's HAProxy two: an old and a new version's. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** By pool: the address of each slot; worker 1 sits on the first. */
  readonly slots: Readonly<Record<string, readonly string[]>>;
}

/** What is already on the engine, by resource. */
export interface TakenAddresses {
  readonly subnet?: string;
  /** Addresses in use, by resource, first what must be kept; a pool's are those of its HAProxy. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** Slot addresses by pool. Holes are slots that nothing is known of. */
  readonly slots: Readonly<Record<string, readonly (string | undefined)[]>>;
}

/** Slots beyond the workers wanted: room for the new version's workers and for scaling, without a reload. */
function slotCount({ replicas, update }: PoolSpec): number {
  return Math.max(16, Math.ceil((replicas + update.parallelism) / 8) * 8);
}

/** Keeps what is taken, gives the rest the lowest free addresses, and never the same to two. Pure. */
export function planAddresses(spec: StackSpec, taken: TakenAddresses, freeSubnet: () => string): AddressPlan {
  const subnetText = spec.subnet ?? taken.subnet ?? freeSubnet();
  const subnet = parseSubnet(subnetText);
  const moved =
    taken.subnet !== undefined && formatSubnet(parseSubnet(taken.subnet)) !== formatSubnet(subnet);
  const kept: TakenAddresses = moved ? { addresses: {}, slots: {} } : taken;
  const dynamic: Subnet = dynamicRange(subnet);
  const isUsable = (address: number): boolean =>
    // The network's own address and the gateway's come first.
    contains(subnet, address) && !contains(dynamic, address) && address > subnet.base + 1;
  const claim = claims(isUsable);
  const free = freeAddresses(subnet, isUsable, kept, spec.name);

  const addresses: Record<string, readonly string[]> = {};
  const slots: Record<string, readonly string[]> = {};
  for (const resource of spec.resources) {
    const wanted = addressCount(resource.kind);
    if (wanted === 0) continue;
    const known = (own(kept.addresses, resource.name) ?? []).filter(claim).slice(0, wanted);
    const all = [...known, ...Array.from({ length: wanted - known.length }, free)];
    // In an order that does not depend on which of them is in use.
    addresses[resource.name] = all.sort((a, b) => parseAddress(a) - parseAddress(b));
    if (resource.kind !== 'pool') continue;
    const old = own(kept.slots, resource.name) ?? [];
    slots[resource.name] = Array.from({ length: Math.max(old.length, slotCount(resource)) }, (_, index) => {
      const before = old[index];
      return before !== undefined && claim(before) ? before : free();
    });
  }
  return {
    subnet: formatSubnet(subnet),
    gateway: formatAddress(subnet.base + 1),
    dynamicRange: formatSubnet(dynamic),
    addresses,
    slots,
  };
}

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

/** The last eighth of the subnet. */
function dynamicRange(subnet: Subnet): Subnet {
  const size = sizeOf(subnet) / 8;
  return { base: subnet.base + sizeOf(subnet) - size, prefix: subnet.prefix + 3 };
}

/** Takes what is seen at its word once: labels may have been tampered with, or come from a network that is gone. */
function claims(isUsable: (address: number) => boolean): (address: string) => boolean {
  const claimed = new Set<number>();
  return (text) => {
    const address = parseAddress(text);
    if (!isIPv4Address(text) || !isUsable(address) || claimed.has(address)) return false;
    claimed.add(address);
    return true;
  };
}

function freeAddresses(
  subnet: Subnet,
  isUsable: (address: number) => boolean,
  taken: TakenAddresses,
  stack: string,
): () => string {
  const used = new Set(
    [...Object.values(taken.addresses), ...Object.values(taken.slots)]
      .flat()
      .map((each) => (each === undefined ? -1 : parseAddress(each))),
  );
  let next = subnet.base + 2;
  return () => {
    while (used.has(next)) next++;
    if (!isUsable(next)) {
      throw new PlumbstackError(
        'ADDRESS_POOL_EXHAUSTED',
        `the network ${formatSubnet(subnet)} has no address left.`,
        {
          resource: stack,
          details: { subnet: formatSubnet(subnet) },
          hint: "Give the stack a larger network: new Stack(name, { subnet: '10.20.0.0/20' }).",
        },
      );
    }
    return formatAddress(next++);
  };
}

/** The first network of that size in the pool that overlaps none of the others. */
export function findFreeSubnet(pool: string, prefix: number, others: readonly string[]): string {
  const whole = parseSubnet(pool);
  const size = 2 ** (32 - prefix);
  const taken = others.map(parseSubnet);
  for (let base = whole.base; base < whole.base + sizeOf(whole); base += size) {
    const candidate = { base, prefix };
    if (!taken.some((each) => overlap(each, candidate))) return formatSubnet(candidate);
  }
  throw new PlumbstackError('ADDRESS_POOL_EXHAUSTED', `no /${prefix} network is free in ${pool}.`, {
    details: { pool, prefix, taken: others },
    hint: 'Take down stacks that are not needed, or give the runtime another pool: new DockerRuntime({ addressPool: "10.128.0.0/10" }).',
  });
}
