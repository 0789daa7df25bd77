import type { StepReason } from '@plumbstack/core';
import type { PoolUnit, Unit } from '../compile/docker-spec.js';
import type { ContainerSummary, NetworkSummary } from '../client/docker-client.js';
import { own } from '../compile/own.js';
import { networkNamed, networkOf, type ObservedContainer, type ObservedState } from './observed-state.js';

/** The networks that a container should be in. */
export type Place = Pick<Unit, 'home' | 'guests'>;

/** Of a pool's workers. */
export function workerPlace({ home, worker: { guests } }: PoolUnit): Place {
  return { home, guests };
}

/** Names of the networks that a container should be in, its home first. */
export function networksOf({ home, guests }: Place): readonly string[] {
  return [home, ...guests.map(({ network }) => network)];
}

/** Whether a container is in a network: that one, not one of the same name before it, where the engine tells them apart. */
export function isAttached(
  { networks }: Pick<ContainerSummary, 'networks'>,
  { id, name }: Pick<NetworkSummary, 'id' | 'name'>,
): boolean {
  const attached = own(networks, name);
  return attached !== undefined && (attached.networkId ?? id) === id;
}

/** The same of a network of the stack, as it is now. */
export function isIn(
  { summary }: Pick<ObservedContainer, 'summary'>,
  name: string,
  observed: ObservedState,
): boolean {
  const network = networkNamed(observed, name);
  return network !== undefined && isAttached(summary, network);
}

/** Whether a container is in the network that its address is of. */
export function isAtHome(container: ObservedContainer, observed: ObservedState): boolean {
  const home = networkOf(observed, container.address);
  return home !== undefined && isIn(container, home, observed);
}

/** Networks that a container should be in and is not. */
export function missingNetworks(
  container: ObservedContainer,
  place: Place,
  observed: ObservedState,
): readonly string[] {
  return networksOf(place).filter((name) => !isIn(container, name, observed));
}

/** Networks of the stack that a container is in and should not be. Others' networks are somebody's wish. */
export function foreignNetworks(
  container: ObservedContainer,
  place: Place,
  observed: ObservedState,
): readonly string[] {
  const wanted = networksOf(place);
  return observed.networks
    .map(({ name }) => name)
    .filter((name) => !wanted.includes(name) && isIn(container, name, observed));
}

/** What is to be changed about a container's networks, where it stays. */
export function networkDrift(
  container: ObservedContainer,
  place: Place,
  observed: ObservedState,
): readonly StepReason[] {
  return [
    ...missingNetworks(container, place, observed).map((to) => ({
      path: 'network',
      from: 'disconnected',
      to,
    })),
    ...foreignNetworks(container, place, observed).map((from) => ({
      path: 'network',
      from,
      to: 'disconnected',
    })),
  ];
}
