import { staysUntilReplaced, type StepReason } from '@plumbstack/core';
import type { Unit } from '../compile/docker-spec.js';
import type { Role } from '../labels.js';
import type { ObservedContainer, ObservedState } from './observed-state.js';

type Kind = Unit['kind'];

const rolesOf: Readonly<Record<Kind, readonly Role[]>> = {
  app: ['app'],
  service: ['service'],
  pool: ['balancer', 'worker'],
  router: ['router'],
};

/** Containers of a resource that was of another kind before. */
export function formerContainers(
  { kind, resource }: Pick<Unit, 'kind' | 'resource'>,
  { containers }: ObservedState,
): readonly ObservedContainer[] {
  return containers.filter(
    (each) => each.resource === resource && each.role !== 'secret' && !rolesOf[kind].includes(each.role),
  );
}

/** Kind of the resource that a container is of. */
export function kindOf({ role }: Pick<ObservedContainer, 'role'>): Kind {
  const kinds: readonly Kind[] = ['pool', 'router', 'service'];
  return kinds.find((kind) => rolesOf[kind].includes(role)) ?? 'app';
}

/** Whether a resource that changes its kind serves as what it was until it can as what it is. */
export function stays(unit: Unit, former: readonly ObservedContainer[]): boolean {
  return former.every((each) => staysUntilReplaced(kindOf(each), unit));
}

export function kindReason(unit: Unit, [first]: readonly ObservedContainer[]): StepReason {
  return { path: 'kind', from: first === undefined ? 'unknown' : kindOf(first), to: unit.kind };
}
