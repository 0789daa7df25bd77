import type { StackStatus } from '@plumbstack/core';
import { table } from './table';

/** Every container of the stack, and where it is reached from outside. */
export function describeTopology({ resources }: StackStatus): string {
  const rows = resources.flatMap(({ resource, kind, endpoints, containers }) =>
    containers.map(({ name, role, address, state, health }) => [
      `${kind} ${resource}`,
      role,
      name,
      address ?? '',
      `${state}, ${health}`,
      // A pool's workers are reached through its balancer.
      role === 'worker' ? '' : endpoints.join(' '),
    ]),
  );
  return table(['resource', 'role', 'container', 'address', 'state', 'published'], rows);
}
