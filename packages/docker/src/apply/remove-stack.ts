import type { DockerClient, CallOptions } from '../client/docker-client.js';
import { label, type Role } from '../labels.js';
import { pathOf } from './run-context.js';
import { isIn } from '../plan/container-networks.js';
import { networkOf, type ObservedContainer, type ObservedState } from '../plan/observed-state.js';
import { answersVisitors } from './answers-visitors.js';
import { removeContainer } from './remove-container.js';
import { removeScratch } from './remove-scratch.js';
import { refuseStrangers, removeNetworks } from './strangers.js';
import type { Emit } from './run-context.js';

export interface Removal {
  readonly client: DockerClient;
  readonly stack: string;
  readonly observed: ObservedState;
  readonly call: CallOptions;
  readonly emit: Emit;
  /** Whether data goes too. */
  readonly volumes: boolean;
}

/** From the visitors inwards: nothing is asked that is gone already. */
const order: readonly (readonly Role[])[] = [
  ['copy', 'router'],
  ['balancer'],
  ['app', 'worker'],
  ['service'],
];

/** The same where nobody is being answered. What apps write while they stop still finds its service. */
const idleOrder: readonly (readonly Role[])[] = [
  ['copy', 'router', 'balancer', 'app', 'worker'],
  ['service'],
];

/** Removes everything of a stack; its data only when asked. */
export async function removeStack(removal: Removal): Promise<void> {
  const { client, call, observed, stack, emit, volumes } = removal;
  await refuseStrangers(removal, observed.networks);
  const isIdle = !(await isAnswering(removal));
  const tiers = isIdle ? idleOrder : order;
  for (const [index, roles] of tiers.entries()) {
    const now = observed.containers.filter(({ role }) => roles.includes(role));
    await Promise.all(
      now.map(async (each) => {
        if (isIdle && each.role === 'router') await leaveGuestNetworks(removal, each);
        await removeContainer(removal, each, graceOf(each, isIdle));
      }),
    );
    // A pool's HAProxy goes before its workers; the pool is gone with the last of them.
    const left = observed.containers.filter(({ role }) =>
      tiers.slice(index + 1).some((later) => later.includes(role)),
    );
    const gone = new Set(
      now.map((each) => each.resource).filter((resource) => !left.some((each) => each.resource === resource)),
    );
    for (const resource of gone) emit('resource:removed', { resource: pathOf({ stack }, resource) });
  }
  // The container that keeps a generated secret readable stays and goes with the secret.
  const keepers = volumes ? observed.containers.filter(({ role }) => role === 'secret') : [];
  await Promise.all(keepers.map((each) => removeContainer(removal, each, 0)));
  await removeNetworks(removal, observed.networks);
  const data: readonly string[] = ['volume', 'secret'];
  const unwanted = observed.volumes.filter(
    ({ labels }) => volumes || !data.includes(labels[label.role] ?? ''),
  );
  await Promise.all(unwanted.map(({ name }) => client.removeVolume(name, call)));
  await removeScratch(removal);
}

const proxies: readonly Role[] = ['router', 'balancer'];

async function isAnswering({ client, observed, call }: Removal): Promise<boolean> {
  const running = observed.containers.filter(
    ({ role, state }) => proxies.includes(role) && state === 'running',
  );
  const answers = await Promise.all(running.map((each) => answersVisitors(client, each, call)));
  return answers.includes(true);
}

/**
 * While a container stops, the engine takes it out of its networks, that of its published ports first, and publishes them
 * anew from the next, again and again. Measured: 250 ms a network; 60 ms where it leaves them before.
 */
async function leaveGuestNetworks(
  { client, observed, call }: Removal,
  router: ObservedContainer,
): Promise<void> {
  if (router.state !== 'running') return;
  const home = networkOf(observed, router.address);
  const guests = observed.networks.filter(({ name }) => name !== home && isIn(router, name, observed));
  await Promise.all(
    // Where it fails, stopping does it.
    guests.map(({ id }) => client.disconnectNetwork(id, router.id, call).catch(() => undefined)),
  );
}

/**
 * Both proxies keep idle connections open while they stop, for visitors who are about to use them. Of a stack that goes
 * away there is nothing left to use: what is being answered has this long.
 */
const proxyGraceMs = 1000;

/** The container's own grace, from what it was made from. */
function graceOf({ identity, role }: ObservedContainer, isIdle: boolean): number {
  if (proxies.includes(role)) return isIdle ? 0 : proxyGraceMs;
  const grace = identity['stopGraceMs'];
  return typeof grace === 'number' ? grace : 10_000;
}
