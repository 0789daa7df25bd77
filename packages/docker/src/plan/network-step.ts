import type { Step } from '@plumbstack/core';
import type { NetworkSummary } from '../client/docker-client.js';
import type { DockerSpec, NetworkUnit } from '../compile/docker-spec.js';
import { networkNamed, type ObservedState } from './observed-state.js';

/** A network is called as on the engine: what is at home in it has a step of its own. */
export function networkStep({ creation }: NetworkUnit, observed: ObservedState): Step {
  const { name: resource, subnet } = creation;
  const seen = networkNamed(observed, resource);
  const base = { kind: 'network', resource } as const;
  if (seen === undefined) return { ...base, action: 'create', reasons: [{ path: 'network', to: 'created' }] };
  const [before] = seen.subnets;
  if (before === subnet) return { ...base, action: 'keep', reasons: [] };
  return {
    ...base,
    action: 'replace',
    reasons: [{ path: 'subnet', from: before, to: subnet }],
    impact: 'every container in it is replaced; they do not answer meanwhile',
  };
}

/** Networks of the stack that nothing described is in. */
export function unwantedNetworks(
  { networks }: Pick<DockerSpec, 'networks'>,
  observed: ObservedState,
): readonly NetworkSummary[] {
  const wanted = new Set(networks.map(({ creation }) => creation.name));
  return observed.networks.filter(({ name }) => !wanted.has(name));
}

export function unwantedNetworkSteps(desired: DockerSpec, observed: ObservedState): readonly Step[] {
  return unwantedNetworks(desired, observed).map(({ name }) => ({
    action: 'delete',
    kind: 'network',
    resource: name,
    reasons: [{ path: 'network', to: 'removed' }],
  }));
}
