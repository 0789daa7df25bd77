import type { DockerClient, CallOptions } from '../client/docker-client.js';
import { label, type Role } from '../labels.js';
import { pathOf } from './run-context.js';
import type { ObservedContainer, ObservedState } from '../plan/observed-state.js';
import type { Gate } from './gate.js';
import { removeContainer } from './remove-container.js';
import type { Emit } from './run-context.js';

export interface Removal {
  readonly client: DockerClient;
  readonly stack: string;
  readonly observed: ObservedState;
  readonly call: CallOptions;
  readonly gate: Gate;
  readonly emit: Emit;
  /** Whether data goes too. */
  readonly volumes: boolean;
}

/** From the visitors inwards: nothing is asked that is gone already, and stopping takes no longer than it must. */
const order: readonly (readonly Role[])[] = [
  ['copy', 'router'],
  ['balancer'],
  ['app', 'worker'],
  ['service'],
];

/** Removes everything of a stack; its data only when asked. */
export async function removeStack(removal: Removal): Promise<void> {
  const { client, call, observed, stack, emit, volumes } = removal;
  for (const roles of order) {
    const now = observed.containers.filter(({ role }) => roles.includes(role));
    await Promise.all(now.map((each) => removeContainer(removal, each, graceOf(each))));
    // A pool's HAProxy goes before its workers; the pool is gone with the last of them.
    const left = observed.containers.filter(({ role }) =>
      order.slice(order.indexOf(roles) + 1).some((later) => later.includes(role)),
    );
    const gone = new Set(
      now.map((each) => each.resource).filter((resource) => !left.some((each) => each.resource === resource)),
    );
    for (const resource of gone) emit('resource:removed', { resource: pathOf({ stack }, resource) });
  }
  // The container that keeps a generated secret readable stays and goes with the secret.
  const keepers = volumes ? observed.containers.filter(({ role }) => role === 'secret') : [];
  await Promise.all(keepers.map((each) => removeContainer(removal, each, 0)));
  await Promise.all(observed.networks.map(({ id }) => client.removeNetwork(id, call)));
  const data: readonly string[] = ['volume', 'secret'];
  const unwanted = observed.volumes.filter(
    ({ labels }) => volumes || !data.includes(labels[label.role] ?? ''),
  );
  await Promise.all(unwanted.map(({ name }) => client.removeVolume(name, call)));
}

/**
 * Both proxies keep idle connections open while they stop, for visitors who are about to use them. Of a stack that goes
 * away there is nothing left to use: what is being answered has this long.
 */
const proxyGraceMs = 1000;

/** The container's own grace, from what it was made from. */
function graceOf({ identity, role }: ObservedContainer): number {
  if (role === 'balancer' || role === 'router') return proxyGraceMs;
  const grace = identity['stopGraceMs'];
  return typeof grace === 'number' ? grace : 10_000;
}
