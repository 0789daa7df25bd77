import { PlumbstackError } from '@plumbstack/core';
import type { DockerSpec, Unit } from '../compile/docker-spec.js';
import { backstage, ofStack } from '../labels.js';
import { isOurs } from '../ours.js';
import { beingOf } from '../plan/being.js';
import { describedCheck } from '../plan/described-check.js';
import { observedContainer, type ObservedContainer } from '../plan/observed-state.js';
import { declaredPathOf, type RunContext } from './run-context.js';
import { vantagesOf } from './switch-routers.js';
import { waitUntilHealthy } from './wait-until-healthy.js';

/**
 * Looks once more when everything has come up: what ended while others started is not up. Resolves to why what is not up
 * does not come up again either.
 */
export async function failuresSince(context: RunContext, { units }: DockerSpec): Promise<readonly unknown[]> {
  const { client, call, stack } = context;
  const seen = (await client.listContainers(ofStack(stack), call)).filter(isOurs).map(observedContainer);
  const results = await Promise.allSettled(
    units.flatMap((unit) =>
      seen
        .filter(({ resource, role }) => resource === unit.resource && !backstage.includes(role))
        .filter(({ summary }) => beingOf(summary) !== 'up')
        .map((each) => (each.state === 'created' ? strayOf(context, each) : untilUp(context, unit, each))),
    ),
  );
  return results.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
}

/** This run starts what it makes: a call of one that was given up has arrived meanwhile. Whoever runs all this looks again. */
function strayOf(context: RunContext, { resource, name }: ObservedContainer): Promise<never> {
  return Promise.reject(
    new PlumbstackError('START_FAILED', `${name} was made, and not started, by somebody else.`, {
      resource: declaredPathOf(context, resource),
      details: { meddled: 'made' },
      hint: 'A run that was given up did so. Run again.',
    }),
  );
}

async function untilUp(context: RunContext, unit: Unit, container: ObservedContainer): Promise<void> {
  const { id, resource, role, address = '' } = container;
  const { startTimeoutMs } = unit.kind === 'pool' && role === 'worker' ? unit.worker : unit;
  await waitUntilHealthy(context, {
    ...{
      resource,
      id,
      address,
      ...describedCheck(container),
      timeoutMs: startTimeoutMs,
      dependsOn: unit.dependsOn,
    },
    vantages: vantagesOf(context, resource),
  });
}
