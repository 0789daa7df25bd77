import { PlumbstackError, resourcePath } from '@plumbstack/core';
import type { PoolUnit } from '../compile/docker-spec.js';
import { readRecord, type ObservedState, type PoolRecord } from '../plan/observed-state.js';

/** A pool as the last `up` described it, from the engine alone. */
export function recordedPool(observed: ObservedState, pool: string): PoolUnit {
  const unit = readRecord<PoolRecord>(observed, pool)?.unit;
  if (unit !== undefined) return unit;
  const pools = observed.containers.filter(({ role }) => role === 'balancer').map(({ resource }) => resource);
  const isPool =
    pools.includes(pool) ||
    observed.containers.some(({ role, resource }) => role === 'worker' && resource === pool);
  throw new PlumbstackError(
    'NOT_FOUND',
    isPool
      ? 'its HAProxy, which keeps its description, is missing or has lost it.'
      : `the stack "${observed.stack}" has no pool "${pool}".`,
    {
      resource: resourcePath(observed.stack, pool),
      details: { pools },
      hint: isPool ? 'Run up to mend it.' : `It has: ${pools.join(', ') || 'no pool'}.`,
    },
  );
}
