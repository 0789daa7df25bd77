import { PlumbstackError, type PoolSpec } from '@plumbstack/core';
import { convergePool } from '../apply/converge-pool.js';
import { planAddresses } from '../compile/address-plan.js';
import type { PoolUnit } from '../compile/docker-spec.js';
import type { EngineSession } from '../engine-session.js';
import { refuseWorkers } from '../namesakes.js';
import { networkName } from '../object-names.js';
import { networkNamed, takenAddresses, type ObservedState } from '../plan/observed-state.js';
import { recordedPool } from './recorded-pool.js';

/** Sets how many workers a pool has, from what the engine itself remembers of it. */
export async function scalePool(
  session: EngineSession,
  observed: ObservedState,
  pool: string,
  replicas: number,
  signal: AbortSignal,
): Promise<void> {
  const unit = resized(observed, recordedPool(observed, pool), replicas);
  await refuseWorkers(session.client, unit, observed, { signal });
  await convergePool(session.look(observed, signal), unit);
}

/** The pool with another number of workers, and with more slots where these are not enough. */
function resized(observed: ObservedState, unit: PoolUnit, replicas: number): PoolUnit {
  const spec: PoolSpec = { ...unit.spec, replicas };
  const slots = slotsFor(observed, unit, spec);
  const { port } = unit.worker;
  return {
    ...unit,
    spec,
    worker: { ...unit.worker, slots },
    config: {
      ...unit.config,
      model: {
        ...unit.config.model,
        slots: slots.map((address, index) => ({ number: index + 1, address: `${address}:${port}` })),
      },
    },
  };
}

function slotsFor(observed: ObservedState, { home, resource }: PoolUnit, spec: PoolSpec): readonly string[] {
  const { stack } = observed;
  const network = networkNamed(observed, home);
  if (network === undefined) return refuseWithoutNetwork(stack);
  const [subnet = ''] = network.subnets;
  const alone = {
    schemaVersion: 1 as const,
    name: stack,
    subnet,
    isolation: home !== networkName(stack),
    resources: [spec],
  };
  // In its own network or nowhere: no other one can be made while the pool serves.
  const taken = { ...takenAddresses(observed), subnets: { [home]: subnet } };
  return planAddresses(alone, taken, { pool: subnet, others: [], inPlace: true }).slots[resource] ?? [];
}

function refuseWithoutNetwork(stack: string): never {
  throw new PlumbstackError('NOT_FOUND', "the stack's network is missing.", {
    resource: stack,
    hint: 'Run up to mend it.',
  });
}
