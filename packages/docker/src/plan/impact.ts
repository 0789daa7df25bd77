import type { Changed, Impact } from '@plumbstack/core';
import type { DockerSpec, Unit } from '../compile/docker-spec.js';
import { declaredName, frontName } from '../object-names.js';

/** What visitors notice of a unit of which something is stopped before its successor starts, in the words of core. */
export function impactOn(
  { spec, units }: DockerSpec,
  unit: Unit,
  words: (changed: Changed) => Impact,
): Impact {
  const described = spec.resources.find(({ name }) => name === unit.resource);
  if (described === undefined) return {};
  // To a visitor, a pool's front is the pool.
  const resources = spec.resources.filter(({ name }) => declaredName(name) === name);
  const front = units.find(({ resource }) => resource === frontName(unit.resource));
  const ports = [unit, ...(front === undefined ? [] : [front])].flatMap(
    ({ container }) => container.creation.ports,
  );
  return words({ spec: described, resources, ports });
}
