import type { ContainerDetails } from '../client/docker-client.js';
import { nanosecondsOf } from '../client/nanoseconds.js';
import { label, type Role } from '../labels.js';
import { networkName, slotName } from '../object-names.js';
import { isOurs, type Labelled } from '../ours.js';

/** Who a container is. Its labels never change. */
export interface ContainerIdentity {
  readonly id: string;
  readonly stack: string;
  readonly resource: string;
  readonly role: Role;
  /** Name of the network that it is looked for in. */
  readonly home: string;
  /** How its pool's HAProxy calls it, where it is a worker. */
  readonly worker: string | undefined;
}

/** What a look can show before the engine's feed tells of it. */
export type Shown = 'start' | 'end' | 'pause' | 'unpause' | 'healthy' | 'unhealthy';

/** A container, and what has been told of it. Moments are the engine's, in nanoseconds since 1970. */
export interface KnownContainer extends ContainerIdentity {
  name: string;
  running: boolean;
  paused: boolean;
  connected: boolean;
  health: ContainerDetails['health'];
  lastStart: bigint;
  lastEnd: bigint;
  /** When somebody else asked it to end, in the life that it has now. */
  askedToEndAt: bigint | undefined;
  outOfMemory: boolean;
  /** What a look has shown, and until when the engine may tell of it, by the clock of the process. */
  readonly shown: Map<Shown, number>;
  /** When the engine's feed last told of it, by the clock of the process. */
  heardAt: number;
  /** Whether nobody need be told that it became healthy: the verb of this process that started it tells that itself. */
  quietlyHealthy: boolean;
}

const roles: readonly string[] = ['app', 'service', 'worker', 'balancer', 'router'];

/** Nothing where it is not ours, or never runs. The engine's events carry a container's labels among other facts. */
export function identityOf(
  container: Labelled & Pick<ContainerIdentity, 'id'>,
): ContainerIdentity | undefined {
  const { id, labels } = container;
  const role = labels[label.role] ?? '';
  if (!isOurs(container) || !roles.includes(role)) return undefined;
  const worker = Number(labels[label.worker]);
  return {
    id,
    stack: labels[label.stack] ?? '',
    home: labels[label.network] ?? networkName(labels[label.stack] ?? ''),
    resource: labels[label.resource] ?? '',
    role: role as Role,
    worker: role === 'worker' && worker > 0 ? slotName(worker) : undefined,
  };
}

export function newContainer(identity: ContainerIdentity, name: string): KnownContainer {
  return {
    ...identity,
    name,
    running: false,
    paused: false,
    connected: true,
    health: 'unknown',
    lastStart: 0n,
    lastEnd: 0n,
    askedToEndAt: undefined,
    outOfMemory: false,
    shown: new Map(),
    heardAt: -Infinity,
    quietlyHealthy: false,
  };
}

/** A container as it is now, taken for what was told of it. */
export function seenContainer(identity: ContainerIdentity, details: ContainerDetails): KnownContainer {
  return {
    ...newContainer(identity, details.name),
    running: details.running,
    paused: details.state === 'paused',
    connected: isConnectedTo(identity.home, details),
    health: details.health,
    // That it is up is what its stack's last verb said.
    quietlyHealthy: true,
    lastStart: startOf(details),
    lastEnd: endOf(details),
  };
}

/** Of one that does not run, an engine lists the networks it will be on. */
export function isConnectedTo(network: string, { networks, running }: ContainerDetails): boolean {
  return !running || Object.hasOwn(networks, network);
}

/** An engine writes the year 1 where it never was: before 1970, as text that is no later moment. */
export function startOf({ startedAt }: ContainerDetails): bigint {
  return nanosecondsOf(startedAt) ?? 0n;
}

export function endOf({ finishedAt }: ContainerDetails): bigint {
  return nanosecondsOf(finishedAt) ?? 0n;
}
