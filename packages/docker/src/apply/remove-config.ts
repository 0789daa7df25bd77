import { configVolumeName, type ProxyRole } from '../object-names.js';
import { isOfStack } from '../not-ours.js';
import type { ObservedContainer } from '../plan/observed-state.js';
import type { RunContext } from './run-context.js';

/** Removes the configuration volumes of proxies that are gone; of anything else there is none. */
export async function removeConfig(
  { client, call, stack }: Pick<RunContext, 'client' | 'call' | 'stack'>,
  resource: string,
  containers: readonly Pick<ObservedContainer, 'role'>[],
): Promise<void> {
  const roles = new Set(containers.map(({ role }) => role).filter(isProxyRole));
  await Promise.all(
    [...roles].map(async (role) => {
      const name = configVolumeName(stack, resource, role);
      const found = await client.inspectVolume(name, call);
      if (found !== undefined && isOfStack(found.labels, stack)) await client.removeVolume(name, call);
    }),
  );
}

function isProxyRole(role: string): role is ProxyRole {
  return role === 'balancer' || role === 'router';
}
