import { PlumbstackError, resourcePath } from '@plumbstack/core';
import { convergePool } from '../apply/converge-pool.js';
import type { EngineSession } from '../engine-session.js';
import type { ObservedState } from '../plan/observed-state.js';
import { readRecord, type PoolRecord } from '../plan/record.js';
import { withVersion, type PoolVersion } from '../plan/pool-version.js';
import { recordedPool } from './recorded-pool.js';

/** Brings a pool's workers back to the version before, from what the engine itself remembers of it. */
export async function rollbackPool(
  session: EngineSession,
  observed: ObservedState,
  pool: string,
  signal: AbortSignal,
): Promise<void> {
  const unit = recordedPool(observed, pool);
  const before = readRecord<PoolRecord>(observed, pool)?.before;
  if (before === undefined) {
    throw new PlumbstackError('NOT_FOUND', 'no version before this one is known.', {
      resource: resourcePath(observed.stack, pool),
      hint: 'A pool remembers one version: the one that served before the last update that came up. Bring the program of the version that you want up.',
    });
  }
  await refuseWithoutImage(session, observed.stack, pool, before, signal);
  await convergePool(session.look(observed, signal), withVersion(unit, before));
}

/** Told before anything is changed: the first worker of that version would fail for it. */
async function refuseWithoutImage(
  { client }: EngineSession,
  stack: string,
  pool: string,
  { worker: { container } }: PoolVersion,
  signal: AbortSignal,
): Promise<void> {
  const { image } = container.creation;
  if ((await client.inspectImage(image, { signal })) !== undefined) return;
  throw new PlumbstackError('NOT_FOUND', 'the image of the version before is gone from the engine.', {
    resource: resourcePath(stack, pool),
    details: { image: container.identity['image'] },
    hint: 'Bring the program of that version up: it pulls or builds the image again.',
  });
}
