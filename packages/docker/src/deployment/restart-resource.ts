import { restartWorkers } from '../apply/converge-pool.js';
import { declaredPathOf, pathOf } from '../apply/run-context.js';
import { waitAgain } from '../apply/wait-again.js';
import type { EngineSession } from '../engine-session.js';
import { describedCheck } from '../plan/described-check.js';
import type { ObservedContainer, ObservedState } from '../plan/observed-state.js';
import { recordedPool } from './recorded-pool.js';

/** Restarts a resource's containers: a pool's workers in turn, each drained first; anything else in place. */
export async function restartResource(
  session: EngineSession,
  observed: ObservedState,
  containers: readonly ObservedContainer[],
  signal: AbortSignal,
): Promise<void> {
  const context = session.look(observed, signal);
  const balancer = containers.find(({ role }) => role === 'balancer');
  if (balancer !== undefined) {
    await restartWorkers(context, recordedPool(observed, balancer.resource), balancer.id);
    return;
  }
  for (const each of containers) {
    const { id, name, resource, identity } = each;
    const { stopGraceMs = 10_000 } = identity as { stopGraceMs?: number };
    await session.client.restartContainer(id, stopGraceMs, { signal });
    context.emit('container:started', { resource: declaredPathOf(context, resource), container: name });
    await waitAgain(context, each, describedCheck(each));
    if (each.role === 'app' || each.role === 'service')
      context.emit('app:healthy', { resource: pathOf(context, resource), container: name });
  }
}
