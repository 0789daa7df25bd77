import type {
  ContainerSummary,
  ContainerUpdate,
  NetworkSummary,
  PublishedPort,
  VolumeSummary,
} from '../client/docker-client.js';
import { label, type Role } from '../labels.js';
import type { PoolUnit } from '../compile/docker-spec.js';
import type { TakenAddresses } from '../compile/address-plan.js';

/** What the engine has of one stack. Plain data, read in a handful of calls. */
export interface ObservedState {
  readonly stack: string;
  /** The network of that name, whoever's it is. */
  readonly network?: NetworkSummary;
  /** Subnets of every other network on the engine. */
  readonly otherSubnets: readonly string[];
  readonly containers: readonly ObservedContainer[];
  /** Ours; config and secret volumes too. */
  readonly volumes: readonly VolumeSummary[];
  /**
   * Limits and restart policies as they are, by container id: of those only that were made with others than are
   * described, and may have been changed since.
   */
  readonly settings: Readonly<Record<string, ContainerUpdate>>;
  /** Files in the proxies' configuration volumes, by resource. */
  readonly configs: Readonly<Record<string, ReadonlyMap<string, Buffer>>>;
}

export interface ObservedContainer {
  readonly id: string;
  readonly name: string;
  readonly resource: string;
  readonly role: Role;
  readonly digest: string;
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

export function observedContainer(summary: ContainerSummary): ObservedContainer {
  const { id, name, labels, state } = summary;
  const worker = Number(labels[label.worker]);
  const identity = parseIdentity(labels[label.identity]);
  const ports = identity['ports'];
  return {
    id,
    name,
    resource: labels[label.resource] ?? '',
    role: (labels[label.role] ?? 'app') as Role,
    digest: labels[label.digest] ?? '',
    address: labels[label.address],
    worker: Number.isSafeInteger(worker) && worker > 0 ? worker : undefined,
    state,
    identity,
    identityPorts: Array.isArray(ports) ? (ports as PublishedPort[]) : [],
    summary,
  };
}

function parseIdentity(text: string | undefined): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text ?? '{}');
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Name of the file in a configuration volume that holds what the volume's owner must remember. */
export const recordFile = 'record.json';

/** What a pool remembers beside its HAProxy's configuration. */
export interface PoolRecord {
  readonly replicas: number;
  /** Address of each slot; worker 1 sits on the first. */
  readonly slots: readonly string[];
  /**
   * The whole pool in the engine's shapes, secrets in its workers' files included: workers can be added without the
   * program that described them. Only root can read the file, and HAProxy is not root.
   */
  readonly unit: PoolUnit;
}

/** What a router remembers beside its nginx's configuration. */
export interface RouterRecord {
  /** Address that each target was reached at, by resource. */
  readonly active: Readonly<Record<string, string>>;
  /** The model that the configuration was made from, for the reasons of a plan. */
  readonly model: unknown;
}

/** A record that was lost or damaged is no record: what it says can be found out anew. */
export function readRecord<R>(state: ObservedState, resource: string): R | undefined {
  const file = state.configs[resource]?.get(recordFile);
  if (file === undefined) return undefined;
  try {
    return JSON.parse(file.toString(), revive) as R;
  } catch {
    return undefined;
  }
}

// A Buffer is written by its own toJSON.
function revive(_key: string, value: unknown): unknown {
  const data = value as { type?: unknown; data?: unknown } | null;
  return typeof data === 'object' && data !== null && data.type === 'Buffer' && Array.isArray(data.data)
    ? Buffer.from(data.data as number[])
    : value;
}

/** The addresses that must not change or be given to others. */
export function takenAddresses(state: ObservedState): TakenAddresses {
  const addresses: Record<string, string[]> = {};
  const slots: Record<string, (string | undefined)[]> = {};
  for (const { resource, role, address, worker } of state.containers) {
    if (address === undefined) continue;
    if (role === 'worker') {
      const list = (slots[resource] ??= [...(readRecord<PoolRecord>(state, resource)?.slots ?? [])]);
      if (worker !== undefined) list[worker - 1] = address;
    } else {
      const list = (addresses[resource] ??= []);
      if (!list.includes(address)) list.push(address);
    }
  }
  for (const { resource, role } of state.containers) {
    const record = role === 'balancer' ? readRecord<PoolRecord>(state, resource) : undefined;
    if (record !== undefined) slots[resource] ??= [...record.slots];
  }
  const [subnet] = state.network?.subnets ?? [];
  return {
    ...(subnet !== undefined && { subnet }),
    addresses,
    slots: Object.fromEntries(Object.entries(slots).map(([pool, list]) => [pool, Array.from(list)])),
  };
}
