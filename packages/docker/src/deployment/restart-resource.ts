import type { HealthSpec } from '@plumbstack/core';
import { restartWorkers } from '../apply/converge-pool.js';
import { pathOf } from '../apply/run-context.js';
import { waitUntilHealthy } from '../apply/wait-until-healthy.js';
import type { EngineSession } from '../engine-session.js';
import type { ObservedContainer, ObservedState } from '../plan/observed-state.js';
import { recordedPool } from './recorded-pool.js';

const startTimeoutMs = 60_000;

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
  for (const { id, name, resource, address = '', identity } of containers) {
    const { port, health, stopGraceMs } = identity as {
      port?: number;
      health?: HealthSpec;
      stopGraceMs?: number;
    };
    await session.client.restartContainer(id, stopGraceMs ?? 10_000, { signal });
    context.emit('container:started', { resource: pathOf(context, resource), container: name });
    await waitUntilHealthy(context, {
      resource,
      id,
      address,
      ...(port !== undefined && { port }),
      ...(health !== undefined && { health }),
      timeoutMs: startTimeoutMs,
      vantages: [],
    });
  }
}
