import { restartWorkers } from '../apply/converge-pool.js';
import { declaredPathOf, pathOf } from '../apply/run-context.js';
import { waitAgain } from '../apply/wait-again.js';
import type { EngineSession } from '../engine-session.js';
import { observeStack } from '../observe/observe-stack.js';
import { describedCheck } from '../plan/described-check.js';
import type { ObservedContainer, ObservedState } from '../plan/observed-state.js';
import { containersOf } from '../plan/serving.js';
import { recordedPool } from './recorded-pool.js';
import { repairStack } from './repair.js';

/** Restarts a resource's containers: a pool's workers in turn, each drained first; anything else in place. */
export async function restartResource(
  session: EngineSession,
  observed: ObservedState,
  containers: readonly ObservedContainer[],
  signal: AbortSignal,
): Promise<void> {
  const part = containers.find(({ role }) => role === 'balancer' || role === 'worker');
  if (part !== undefined) return restartPool(session, observed, part.resource, signal);
  const context = session.look(observed, signal);
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

/** It is HAProxy that workers are drained by: where it does not run, it comes back first. */
async function restartPool(
  session: EngineSession,
  seen: ObservedState,
  pool: string,
  signal: AbortSignal,
): Promise<void> {
  const restart = async (observed: ObservedState): Promise<boolean> => {
    const found = containersOf(observed, pool, 'balancer').find(({ state }) => state === 'running');
    if (found !== undefined)
      await restartWorkers(session.look(observed, signal), recordedPool(observed, pool), found.id);
    return found !== undefined;
  };
  if (await restart(seen)) return;
  await repairStack(session, seen, pool, signal);
  await restart(await observeStack(session.client, seen.stack, { signal }));
}
