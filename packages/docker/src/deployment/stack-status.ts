import { backstage } from '../labels.js';
import {
  isPlumbstackError,
  resourcePath,
  type ContainerStatus,
  type ResourceStatus,
  type StackStatus,
} from '@plumbstack/core';
import { complaintInside } from '../apply/answered-inside.js';
import { HaproxyAdmin } from '../apply/haproxy-admin.js';
import { complaintOf } from '../apply/reach.js';
import type { ContainerDetails } from '../client/docker-client.js';
import { engineStatus } from '../client/docker-failure.js';
import type { EngineSession } from '../engine-session.js';
import type { RunContext } from '../apply/run-context.js';
import type { Role } from '../labels.js';
import { declaredName, frontName, slotName } from '../object-names.js';
import { beingOf } from '../plan/being.js';
import { isAtHome, isIn } from '../plan/container-networks.js';
import { describedCheck } from '../plan/described-check.js';
import {
  inventoryOf,
  networkOf,
  type ObservedContainer,
  type ObservedState,
} from '../plan/observed-state.js';
import { readRecord, type PoolRecord, type RouterRecord } from '../plan/record.js';
import { urlOf } from './endpoint.js';

/** What runs and what is healthy, seen now: a container's own health check, HAProxy's, or a look at its port. */
export async function stackStatus(
  session: EngineSession,
  observed: ObservedState,
  signal: AbortSignal,
): Promise<StackStatus> {
  // What is noted and not there is missing; what is there and not noted is an orphan of an older program.
  const all = [
    ...inventoryOf(observed).keys(),
    ...observed.containers.filter(({ role }) => !backstage.includes(role)).map(({ resource }) => resource),
  ];
  const names = new Set(all.map(declaredName));
  const context = session.look(observed, signal);
  const resources = await Promise.all(
    [...names].map((name) => resourceStatus(session, context, observed, name)),
  );
  return {
    stack: observed.stack,
    healthy: resources.every(({ desired, healthy, running }) => running >= desired && healthy >= desired),
    resources,
  };
}

async function resourceStatus(
  session: EngineSession,
  context: RunContext,
  observed: ObservedState,
  resource: string,
): Promise<ResourceStatus> {
  const own = observed.containers.filter((each) => declaredName(each.resource) === resource);
  const roles = own.map(({ role }) => role);
  const kind = kindOf(roles) ?? inventoryOf(observed).get(resource) ?? 'app';
  const upWorkers = kind === 'pool' ? await workersUp(context, own) : new Set<string>();
  const statuses = await Promise.all(own.map((each) => containerStatus(context, each, upWorkers)));
  const containers = statuses.flatMap((each) => each ?? []);
  const counted = kind === 'pool' ? containers.filter(({ role }) => role === 'worker') : containers;
  const published = own.filter(({ role }) => role !== 'worker').flatMap(({ identityPorts }) => identityPorts);
  const well = counted.filter(({ state, health }) => state === 'running' && health === 'healthy');
  return {
    resource: resourcePath(observed.stack, resource),
    kind,
    // What a pool wants is lost with its HAProxy; that it wants nothing at all is the least likely.
    desired:
      (kind === 'pool' ? readRecord<PoolRecord>(observed, resource)?.replicas : 1) ??
      Math.max(counted.length, 1),
    running: counted.filter(({ state }) => state === 'running').length,
    healthy: isReached(observed, resource, containers) ? well.length : 0,
    endpoints: published.map((each) => urlOf(own, each, session.engine.host)),
    containers,
  };
}

/** Whether a pool's front, where it has one, is well: without it nobody comes to the workers by the pool's own port. */
function isReached(
  observed: ObservedState,
  resource: string,
  containers: readonly ContainerStatus[],
): boolean {
  const front = frontName(resource);
  const ids = observed.containers.filter((each) => each.resource === front).map(({ id }) => id);
  if (ids.length === 0) return !inventoryOf(observed).has(front);
  return containers.some(({ id, health }) => ids.includes(id) && health === 'healthy');
}

function kindOf(roles: readonly Role[]): ResourceStatus['kind'] | undefined {
  if (roles.includes('worker') || roles.includes('balancer')) return 'pool';
  return (['router', 'service', 'app'] as const).find((kind) => roles.includes(kind));
}

/** Workers that HAProxy sends requests to. A HAProxy that does not answer sends none anywhere. */
async function workersUp(
  { client, call }: RunContext,
  own: readonly ObservedContainer[],
): Promise<ReadonlySet<string>> {
  const balancer = own.find(({ role, state }) => role === 'balancer' && state === 'running');
  if (balancer === undefined) return new Set();
  try {
    return await new HaproxyAdmin(client, balancer.id, call).up();
  } catch (error) {
    if (isAsleep(error)) return new Set();
    throw error;
  }
}

/** Whether HAProxy ended since it was listed, is about to start again, or does not answer yet: the engine itself is well. */
function isAsleep(error: unknown): boolean {
  const status = engineStatus(error);
  return status === 404 || status === 409 || (isPlumbstackError(error) && 'exitCode' in error.details);
}

async function containerStatus(
  context: RunContext,
  container: ObservedContainer,
  upWorkers: ReadonlySet<string>,
): Promise<ContainerStatus | undefined> {
  const details = await context.client.inspectContainer(container.id, context.call);
  // Gone since it was listed.
  if (details === undefined) return undefined;
  const { name, id, state, imageId, startedAt, exitCode, oomKilled, running } = details;
  return {
    name,
    id,
    role:
      container.role === 'worker' || container.role === 'app' || container.role === 'service'
        ? container.role
        : 'proxy',
    state,
    health: running ? await healthOf(context, container, details, upWorkers) : 'unhealthy',
    image: imageName(container, details),
    imageId,
    ...(container.address !== undefined && { address: container.address }),
    ...(running && { startedAt }),
    ...(!running && { exitCode, oomKilled }),
  };
}

/** Containers are made from ids, which no moved tag changes; what they were made from has the name beside it. */
function imageName({ identity }: ObservedContainer, { image, imageId }: ContainerDetails): string {
  const { reference, id } = (identity['image'] ?? {}) as {
    readonly reference?: unknown;
    readonly id?: unknown;
  };
  return typeof reference === 'string' && id === imageId ? reference : image;
}

async function healthOf(
  context: RunContext,
  container: ObservedContainer,
  details: ContainerDetails,
  upWorkers: ReadonlySet<string>,
): Promise<ContainerStatus['health']> {
  const { role, worker, address } = container;
  const { health, id } = details;
  if (details.state !== 'running' || !isAtHome(container, context.observed)) return 'unhealthy';
  if (role === 'router' && !isWithTargets(container, context.observed)) return 'unhealthy';
  if (beingOf(details) !== 'up') return health;
  if (role === 'worker') return upWorkers.has(slotName(worker ?? 0)) ? 'healthy' : 'unhealthy';
  const { port, health: check } = describedCheck(container);
  // Of a service without a check a running process is all there is to see.
  if (port === undefined || address === undefined || check === undefined || check.type === 'command')
    return 'healthy';
  const complaint =
    context.reach() === 'direct'
      ? await complaintOf(address, port, check, context.signal)
      : await complaintInside(context, [id], address, port, check);
  return complaint === undefined ? 'healthy' : 'unhealthy';
}

/** Whether a router is in the network of everything that it sends requests to. */
function isWithTargets(container: ObservedContainer, observed: ObservedState): boolean {
  const active = readRecord<RouterRecord>(observed, container.resource)?.active ?? {};
  return Object.values(active)
    .map((server) => server.split(':')[0])
    .filter((address) => address !== '')
    .every((address) => isIn(container, networkOf(observed, address) ?? '', observed));
}
