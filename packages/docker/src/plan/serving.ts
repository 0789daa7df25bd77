import type { Unit } from '../compile/docker-spec.js';
import { describedCheck } from './described-check.js';
import { formerContainers } from './former.js';
import type { ObservedContainer, ObservedState } from './observed-state.js';
import type { Role } from '../labels.js';

/** Role of the one container that stands for a unit as a whole. */
export function roleOf(kind: Unit['kind']): Role {
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

/** Whether a container has never answered, as its name says. Of one that is alone it does not matter. */
export function isUnproven({ name }: Pick<ObservedContainer, 'name'>): boolean {
  return name.endsWith('.next');
}

/**
 * The container that serves for a unit now, of those that a run which was interrupted has left. What is called `.next` has never
 * answered, whatever it was made from; the others have, and the later of them has the resource's own name.
 */
export function servingContainer(containers: readonly ObservedContainer[]): ObservedContainer | undefined {
  const rank = (each: ObservedContainer): number =>
    (isUnproven(each) ? 0 : 4) +
    (each.state === 'running' ? 2 : 0) +
    (each.name.endsWith('.leaving') ? 0 : 1);
  return [...containers].sort((a, b) => rank(b) - rank(a))[0];
}

/**
 * Address and port of every target that a router can send to: of what serves now, as it was made, else where it will be.
 * What is of another kind now serves until it is removed.
 */
export function activeAddresses(
  units: readonly Unit[],
  state: ObservedState,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    units.flatMap((unit) => {
      if (unit.kind !== 'app' && unit.kind !== 'pool') return [];
      const own = containersOf(state, unit.resource, roleOf(unit.kind));
      const serving = formerTarget(unit, state) ?? servingContainer(own);
      const [first] = unit.addresses;
      const address = serving?.address ?? first;
      const port = serving === undefined ? unit.port : (describedCheck(serving).port ?? unit.port);
      return address === undefined ? [] : [[unit.resource, `${address}:${port}`] as const];
    }),
  );
}

function formerTarget(unit: Unit, state: ObservedState): ObservedContainer | undefined {
  return formerContainers(unit, state).find(
    ({ role, state: now }) => now === 'running' && (role === 'app' || role === 'balancer'),
  );
}
