import { PlumbstackError, resourcePath } from '@plumbstack/core';
import type { DockerSpec } from '../compile/docker-spec.js';
import { label } from '../labels.js';
import type { ObservedState } from './observed-state.js';

/**
 * Refuses a volume that is there with another driver or other options: an engine changes neither, and another volume would be
 * without the data. Of one that an older version has made nobody knows. Throws `INVALID_OPTION`.
 */
export function refuseOtherVolumes({ stack, volumes }: DockerSpec, observed: ObservedState): void {
  for (const { resource, creation } of volumes) {
    const made = observed.volumes.find(({ name }) => name === creation.name)?.labels[label.digest];
    if (made === undefined || made === creation.labels[label.digest]) continue;
    throw new PlumbstackError(
      'INVALID_OPTION',
      'the volume is there with another driver or other driverOptions, and holds data.',
      {
        resource: resourcePath(stack, resource),
        details: { path: `${resource}.driverOptions`, volume: creation.name },
        hint:
          'They cannot change. Declare a volume of another name, and copy the data with exportVolume and importVolume; ' +
          'or remove this one with its data: down(stack, { volumes: true }).',
      },
    );
  }
}
