import { addressesOverlap, type HostPort } from '@plumbstack/core';
import type { PublishedPort } from '../client/docker-client.js';
import type { DockerSpec, RouterUnit, Unit } from '../compile/docker-spec.js';
import type { ObservedContainer, ObservedState } from './observed-state.js';

const overlaps = (a: HostPort, b: HostPort): boolean => a.port === b.port && addressesOverlap(a.host, b.host);

/** The host ports of a router that its targets hold themselves: a HAProxy of before pools had fronts, for instance. */
export function takenOver(
  { container, config }: RouterUnit,
  observed: ObservedState,
): readonly PublishedPort[] {
  const held = observed.containers
    .filter(({ resource }) => config.targets.includes(resource))
    .flatMap(({ identityPorts }) => identityPorts);
  return container.creation.ports.filter((port) => held.some((each) => overlaps(each, port)));
}

/** How host ports get from what has them to what is to have them from now on. */
export interface PortMoves {
  /** Containers that go before anything else is changed. */
  readonly inTheWay: readonly ObservedContainer[];
  /** By resource: the resources whose own step frees a port for it first. */
  readonly after: ReadonlyMap<string, ReadonlySet<string>>;
}

/**
 * What gives a host port up goes before what wants it. What the program no longer has can go at once, and so can nginx, which has
 * nothing to lose. Anything else has a step of its own to give it up in, and is waited for; but where it waits itself, as two
 * that change their ports with each other do, it goes at once too.
 */
export function portMoves({ units }: DockerSpec, observed: ObservedState): PortMoves {
  const byName = new Map(units.map((unit) => [unit.resource, unit]));
  const moves = observed.containers.flatMap((holder) => {
    const own = byName.get(holder.resource);
    const left = givenUp(holder, own);
    return units
      .filter((unit) => unit !== own && portsOf(unit).some((each) => left.some((one) => overlaps(one, each))))
      .map((unit) => ({ holder, own, to: unit.resource }));
  });
  const after = new Map<string, Set<string>>();
  const inTheWay = new Set<ObservedContainer>();
  for (const { holder, own, to } of moves) {
    if (own === undefined || holder.role === 'router' || waitsFor(own.resource, to, byName, after)) {
      inTheWay.add(holder);
    } else {
      after.set(to, new Set([...(after.get(to) ?? []), own.resource]));
    }
  }
  return { inTheWay: [...inTheWay], after };
}

const portsOf = (unit: Unit): readonly PublishedPort[] => unit.container.creation.ports;

/** The ports that a container holds, and its resource is not to have in the same way. */
function givenUp({ identityPorts }: ObservedContainer, own: Unit | undefined): readonly PublishedPort[] {
  const kept = own === undefined ? [] : portsOf(own);
  return identityPorts.filter(
    (held) => !kept.some(({ host, port }) => host === held.host && port === held.port),
  );
}

/** Whether a resource waits for another one, be it over others. */
function waitsFor(
  from: string,
  to: string,
  units: ReadonlyMap<string, Unit>,
  after: PortMoves['after'],
): boolean {
  const seen = new Set<string>();
  const ahead = [from];
  for (let name = ahead.pop(); name !== undefined; name = ahead.pop()) {
    if (name === to) return true;
    if (seen.has(name)) continue;
    seen.add(name);
    const unit = units.get(name);
    ahead.push(...(unit?.dependsOn ?? []), ...(after.get(name) ?? []));
    if (unit?.kind === 'router') ahead.push(...unit.config.targets);
  }
  return false;
}
