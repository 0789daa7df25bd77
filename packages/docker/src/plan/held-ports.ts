import { addressesOverlap } from '@plumbstack/core';
import type { PublishedPort } from '../client/docker-client.js';
import type { DockerSpec, RouterUnit } from '../compile/docker-spec.js';
import type { ObservedContainer, ObservedState } from './observed-state.js';

type HostPort = Pick<PublishedPort, 'host' | 'port'>;

/** Whether a container was made with a port of the host, so that nobody else can have it. */
export function holdsPort({ identityPorts }: ObservedContainer, { host, port }: HostPort): boolean {
  return identityPorts.some((each) => each.port === port && addressesOverlap(each.host, host));
}

/** The host ports of a router that its targets hold themselves: a HAProxy of before pools had fronts, for instance. */
export function takenOver(
  { container, config }: RouterUnit,
  observed: ObservedState,
): readonly PublishedPort[] {
  const ofTargets = observed.containers.filter(({ resource }) => config.targets.includes(resource));
  return container.creation.ports.filter((port) => ofTargets.some((each) => holdsPort(each, port)));
}

/**
 * Containers that hold a host port which another resource is to have from now on, and that can go before it comes: those of
 * what the program no longer has, and nginx, which has nothing to lose. All others give a port up in a step of their own.
 */
export function portsInTheWay({ units }: DockerSpec, observed: ObservedState): readonly ObservedContainer[] {
  const byName = new Map(units.map((unit) => [unit.resource, unit]));
  return observed.containers.filter((each) => {
    const own = byName.get(each.resource);
    if (own !== undefined && each.role !== 'router') return false;
    const kept = own?.container.creation.ports ?? [];
    return units.some(
      (unit) =>
        unit !== own &&
        unit.container.creation.ports.some(
          (port) => holdsPort(each, port) && !kept.some((one) => one.port === port.port),
        ),
    );
  });
}
