import type { AppUnit, PoolUnit, RouterUnit, ServiceUnit } from '../compile/docker-spec.js';
import type { ObservedContainer, ObservedState } from './observed-state.js';
import type { Role } from '../labels.js';

/** Role of the one container that stands for a unit as a whole. */
export function roleOf(
  kind: AppUnit['kind'] | ServiceUnit['kind'] | PoolUnit['kind'] | RouterUnit['kind'],
): Role {
  return kind === 'pool' ? 'balancer' : kind;
}

/** Containers of a resource in a role. */
export function containersOf(
  state: ObservedState,
  resource: string,
  role: Role,
): readonly ObservedContainer[] {
  return state.containers.filter((each) => each.resource === resource && each.role === role);
}

/**
 * The container that serves for a unit now. After an interrupted update there may be two: the one that is up to date wins
 * when it runs, because whoever interrupted was about to switch to it.
 */
export function servingContainer(
  containers: readonly ObservedContainer[],
  digest: string,
): ObservedContainer | undefined {
  const rank = (each: ObservedContainer): number =>
    (each.state === 'running' ? 4 : 0) +
    (each.digest === digest ? 2 : 0) +
    (each.name.endsWith('.next') ? 0 : 1);
  return [...containers].sort((a, b) => rank(b) - rank(a))[0];
}

/** Address of every target that a router can send to: of what serves now, else where it will be. */
export function activeAddresses(
  units: readonly (AppUnit | ServiceUnit | PoolUnit | RouterUnit)[],
  state: ObservedState,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    units.flatMap((unit) => {
      if (unit.kind !== 'app' && unit.kind !== 'pool') return [];
      const serving = servingContainer(
        containersOf(state, unit.resource, roleOf(unit.kind)),
        unit.container.digest,
      );
      const address = serving?.address ?? unit.addresses[0];
      return address === undefined ? [] : [[unit.resource, address] as const];
    }),
  );
}
