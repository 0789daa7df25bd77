import type { ObservedContainer } from '../plan/observed-state.js';
import type { DescribedCheck } from '../plan/described-check.js';
import type { RunContext } from './run-context.js';
import { waitUntilHealthy, type Waited } from './wait-until-healthy.js';

/** How long a container that has been up before may take to be up again. */
const againTimeoutMs = 60_000;

/** Waits until a container that was started again answers as it did before. */
export async function waitAgain(
  context: RunContext,
  { id, resource, address = '' }: ObservedContainer,
  check: DescribedCheck,
  { vantages = [], ...rest }: Partial<Pick<Waited, 'vantages' | 'dependsOn'>> = {},
): Promise<void> {
  await waitUntilHealthy(context, {
    resource,
    id,
    address,
    ...check,
    timeoutMs: againTimeoutMs,
    vantages,
    ...rest,
  });
}
