import { PlumbstackError, resourcePath } from '@plumbstack/core';
import type { PoolUnit } from '../compile/docker-spec.js';
import { own } from '../compile/own.js';
import type { ObservedState } from '../plan/observed-state.js';
import { readRecord, type PoolRecord } from '../plan/record.js';

/** A pool as the last `up` described it, from the engine alone. */
export function recordedPool(observed: ObservedState, pool: string): PoolUnit {
  const unit = readRecord<PoolRecord>(observed, pool)?.unit;
  if (unit !== undefined) return unit;
  const pools = observed.containers.filter(({ role }) => role === 'balancer').map(({ resource }) => resource);
  const isPool =
    pools.includes(pool) ||
    observed.containers.some(({ role, resource }) => role === 'worker' && resource === pool);
  const why = own(observed.unreadable ?? {}, pool);
  throw new PlumbstackError(
    'NOT_FOUND',
    isPool
      ? why === undefined
        ? 'its HAProxy, which keeps its description, is missing or has lost it.'
        : `its description, which its HAProxy keeps, cannot be read: ${why}`
      : `the stack "${observed.stack}" has no pool "${pool}".`,
    {
      resource: resourcePath(observed.stack, pool),
      details: { pools },
      hint: isPool ? 'Run up to mend it.' : `It has: ${pools.join(', ') || 'no pool'}.`,
    },
  );
}
