import type { StackStatus } from '@plumbstack/core';
import { table } from './table';

/** Every container of the stack, and where it is reached from outside. */
export function describeTopology({ resources }: StackStatus): string {
  const rows = resources.flatMap(({ resource, kind, endpoints, containers }) =>
    containers.map(({ name, role, image, state, health }) => [
      `${kind} ${resource}`,
      role,
      name,
      image.replace(/^sha256:(.{12}).*$/, '$1'),
      `${state}, ${health}`,
      // A pool's workers are reached through its balancer.
      role === 'worker' ? '' : endpoints.join(' '),
    ]),
  );
  return table(['resource', 'role', 'container', 'image', 'state', 'published'], rows);
}
