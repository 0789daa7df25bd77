import type { StepReason } from '@plumbstack/core';
import type { ContainerTemplate, Unit } from '../compile/docker-spec.js';
import { beingOf } from './being.js';
import { networkDrift, type Place } from './container-networks.js';
import { differences } from './identity-diff.js';
import type { ObservedContainer, ObservedState } from './observed-state.js';
import { losesLimit, settingChanges } from './settings.js';

/** Whether a container can only be made right by making another: what it is made from differs. */
export function isStale(
  container: ObservedContainer,
  template: ContainerTemplate,
  observed: ObservedState,
): boolean {
  return container.digest !== template.digest || losesLimit(container, template, observed);
}

/** Why a unit's container has to be replaced; empty where it has not. */
export function containerChanges(
  container: ObservedContainer,
  { container: template, addresses }: Pick<Unit, 'container' | 'addresses'>,
  observed: ObservedState,
): readonly StepReason[] {
  const { address } = container;
  const moved = address === undefined || !addresses.includes(address);
  return [
    ...(isStale(container, template, observed) ? staleReasons(container, template, observed) : []),
    ...(moved ? [{ path: 'address', from: address ?? 'unknown', to: addresses[0] }] : []),
  ];
}

/** What a stale container was made from, and what it should be made from. */
export function staleReasons(
  container: ObservedContainer,
  template: ContainerTemplate,
  observed: ObservedState,
): readonly StepReason[] {
  const { limits: _from, restart: __from, checkedHost: ___from, ...from } = container.identity;
  const { limits: _to, restart: __to, checkedHost: ___to, ...to } = template.identity;
  const reasons = [...differences(from, to), ...settingChanges(container, template, observed)];
  // Labels that somebody tampered with tell no difference, but are one.
  return reasons.length > 0 ? reasons : [{ path: 'digest', from: container.digest, to: template.digest }];
}

/** What is to be mended in a container that stays: its settings, and what somebody else has done to it. */
export function drift(
  container: ObservedContainer,
  template: ContainerTemplate,
  name: string,
  place: Place,
  observed: ObservedState,
): readonly StepReason[] {
  const { state, summary } = container;
  return [
    ...settingChanges(container, template, observed),
    ...(state === 'running' ? [] : [{ path: 'state', from: state, to: 'running' }]),
    ...(state === 'running' && beingOf(summary) !== 'up'
      ? [{ path: 'health', from: summary.health, to: 'healthy' }]
      : []),
    ...(container.name === name ? [] : [{ path: 'container', from: container.name, to: name }]),
    ...networkDrift(container, place, observed),
  ];
}
