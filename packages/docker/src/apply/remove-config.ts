import { configVolumeName } from '../object-names.js';
import type { ObservedContainer } from '../plan/observed-state.js';
import type { RunContext } from './run-context.js';

/** Removes the configuration volume of a proxy that is gone; of anything else there is none. */
export async function removeConfig(
  { client, call, stack, observed }: RunContext,
  resource: string,
  containers: readonly ObservedContainer[],
): Promise<void> {
  const name = configVolumeName(stack, resource);
  const isOurs = observed.volumes.some((each) => each.name === name);
  if (isOurs && containers.some(({ role }) => role === 'balancer' || role === 'router'))
    await client.removeVolume(name, call);
}
