import { PlumbstackError, resourcePath } from '@plumbstack/core';
import { convergePool } from '../apply/converge-pool.js';
import type { EngineSession } from '../engine-session.js';
import type { ObservedState } from '../plan/observed-state.js';
import { withVersion, type PoolVersion } from '../plan/pool-version.js';
import { knownVersions, type KnownVersion } from './pool-versions.js';
import { recordedPool } from './recorded-pool.js';

/**
 * Brings a pool's workers back to a version that served before, from what the engine itself remembers of it.
 *
 * @param to how its digest begins; the newest that does not serve where none is given
 */
export async function rollbackPool(
  session: EngineSession,
  observed: ObservedState,
  pool: string,
  to: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const unit = recordedPool(observed, pool);
  const { version } = wanted(observed, pool, to);
  await refuseIncomplete(session, observed, pool, version, signal);
  await convergePool(session.look(observed, signal), withVersion(unit, version));
}

function wanted(observed: ObservedState, pool: string, to: string | undefined): KnownVersion {
  const known = knownVersions(observed, pool);
  const [found, ...more] =
    to === undefined
      ? known.filter(({ told }) => !told.isCurrent).slice(0, 1)
      : known.filter(({ told }) => told.digest.startsWith(to));
  if (found !== undefined && more.length === 0) return found;
  throw new PlumbstackError('NOT_FOUND', whyNone(to, found !== undefined), {
    resource: resourcePath(observed.stack, pool),
    details: { versions: known.map(({ told }) => told) },
    hint:
      to === undefined
        ? 'A pool remembers as many versions as its keepVersions says, of those that came up. Bring the program of the version that you want up.'
        : `Known are: ${known.map(inWords).join(', ') || 'none'}.`,
  });
}

function whyNone(to: string | undefined, areSeveral: boolean): string {
  if (to === undefined) return 'no version before this one is known.';
  return areSeveral ? `several versions begin with ${to}.` : `no version ${to} of it is known.`;
}

function inWords({ told: { digest, at, source, isCurrent } }: KnownVersion): string {
  const facts = [source, ...(at === undefined ? [] : [at]), ...(isCurrent ? ['the one that serves'] : [])];
  return `${digest.slice(0, 12)} (${facts.join(', ')})`;
}

/** Told before anything is changed: the first worker of that version would fail for it. */
async function refuseIncomplete(
  { client }: EngineSession,
  observed: ObservedState,
  pool: string,
  { worker: { container, guests } }: PoolVersion,
  signal: AbortSignal,
): Promise<void> {
  const { image, mounts } = container.creation;
  const networks = guests.flatMap(({ network }) =>
    observed.networks.some(({ name }) => name === network) ? [] : [network],
  );
  // An engine would make an empty one of that name, which nobody owns.
  const volumes = mounts.flatMap((each) =>
    each.type !== 'volume' ||
    each.name === undefined ||
    observed.volumes.some(({ name }) => name === each.name)
      ? []
      : [each.name],
  );
  const missing = [
    ...((await client.inspectImage(image, { signal })) === undefined ? ['image'] : []),
    ...networks.map((name) => `network ${name}`),
    ...volumes.map((name) => `volume ${name}`),
  ];
  if (missing.length === 0) return;
  const what = missing.map((each) => `the ${each}`).join(', ');
  throw new PlumbstackError(
    'NOT_FOUND',
    `${what} of that version ${missing.length === 1 ? 'is' : 'are'} gone from the engine.`,
    {
      resource: resourcePath(observed.stack, pool),
      details: { image: container.identity['image'], missing },
      hint: 'Bring the program of that version up: it makes what is missing again.',
    },
  );
}
