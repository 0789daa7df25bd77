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
const order: readonly (readonly Role[])[] = [['router'], ['balancer'], ['app', 'worker'], ['service'], ['secret']];

/** Removes everything of a stack; its data only when asked. */
export async function removeStack(removal: Removal): Promise<void> {
  const { client, call, observed, stack, emit, volumes } = removal;
  for (const roles of order) {
    const now = observed.containers.filter(({ role }) => roles.includes(role));
    await Promise.all(now.map((each) => removeContainer(removal, each, graceOf(each))));
    for (const resource of new Set(now.filter(({ role }) => role !== 'secret').map((each) => each.resource))) {
      emit('resource:removed', { resource: pathOf({ stack }, resource) });
    }
  }
  const ours = observed.network;
  if (ours !== undefined && ours.labels[label.stack] === stack) await client.removeNetwork(ours.id, call);
  const data: readonly string[] = ['volume', 'secret'];
  const gone = observed.volumes.filter(({ labels }) => volumes || !data.includes(labels[label.role] ?? ''));
  await Promise.all(gone.map(({ name }) => client.removeVolume(name, call)));
}

/** The container's own grace, from what it was made from. */
function graceOf({ identity }: ObservedContainer): number {
  const grace = identity['stopGraceMs'];
  return typeof grace === 'number' ? grace : 10_000;
}
