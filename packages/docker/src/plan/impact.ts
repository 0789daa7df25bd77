import type { Changed, Impact } from '@plumbstack/core';
import type { DockerSpec, Unit } from '../compile/docker-spec.js';

/** What visitors notice of a unit of which something is stopped before its successor starts, in the words of core. */
export function impactOn(
  { spec: { resources } }: DockerSpec,
  unit: Unit,
  words: (changed: Changed) => Impact,
): Impact {
  const spec = resources.find(({ name }) => name === unit.resource);
  return spec === undefined ? {} : words({ spec, resources, ports: unit.container.creation.ports });
}
