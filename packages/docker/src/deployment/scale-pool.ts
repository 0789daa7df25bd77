import { PlumbstackError, resourcePath, type PoolSpec } from '@plumbstack/core';
import { convergePool } from '../apply/converge-pool.js';
import { planAddresses } from '../compile/address-plan.js';
import type { PoolUnit } from '../compile/docker-spec.js';
import type { EngineSession } from '../engine-session.js';
import { takenAddresses, type ObservedState } from '../plan/observed-state.js';
import { recordedPool } from './recorded-pool.js';

const mostReplicas = 1000;

/** Sets how many workers a pool has, from what the engine itself remembers of it. */
export async function scalePool(
  session: EngineSession,
  observed: ObservedState,
  pool: string,
  replicas: number,
  signal: AbortSignal,
): Promise<void> {
  if (!Number.isSafeInteger(replicas) || replicas < 0 || replicas > mostReplicas) {
    throw new PlumbstackError(
      'INVALID_OPTION',
      `replicas must be a whole number from 0 to ${mostReplicas}, not ${replicas}.`,
      {
        resource: resourcePath(observed.stack, pool),
      },
    );
  }
  const unit = resized(observed, recordedPool(observed, pool), replicas);
  await convergePool(session.look(observed, signal), unit);
}

/** The pool with another number of workers, and with more slots where these are not enough. */
function resized(observed: ObservedState, unit: PoolUnit, replicas: number): PoolUnit {
  const spec: PoolSpec = { ...unit.spec, replicas };
  const taken = takenAddresses(observed);
  const alone = { schemaVersion: 1 as const, name: observed.stack, resources: [spec] };
  const plan = planAddresses(alone, taken, () => refuseWithoutNetwork(observed.stack));
  const slots = plan.slots[unit.resource] ?? unit.worker.slots;
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

function refuseWithoutNetwork(stack: string): never {
  throw new PlumbstackError('NOT_FOUND', "the stack's network is missing.", {
    resource: stack,
    hint: 'Run up to mend it.',
  });
}
