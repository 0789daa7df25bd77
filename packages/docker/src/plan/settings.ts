import type { StepReason } from '@plumbstack/core';
import type { ContainerUpdate } from '../client/docker-client.js';
import type { ContainerTemplate, Unit } from '../compile/docker-spec.js';
import { canonicalJson } from '../compile/spec-hash.js';
import { differences } from './identity-diff.js';
import type { ObservedContainer, ObservedState } from './observed-state.js';

/** What of a container can be changed while it runs. */
export function settingsOf({ creation: { limits, restart } }: ContainerTemplate): ContainerUpdate {
  return { limits, restart };
}

/** Limits and restart policy that a container has now. */
function currentSettings(container: ObservedContainer, { settings }: ObservedState): ContainerUpdate {
  const { limits, restart } = container.identity as Partial<ContainerUpdate>;
  return settings[container.id] ?? { limits: limits ?? {}, restart: restart ?? 'no' };
}

/** Settings that differ and can be changed in place. */
export function settingChanges(
  container: ObservedContainer,
  template: ContainerTemplate,
  observed: ObservedState,
): readonly StepReason[] {
  const now = currentSettings(container, observed);
  const { limits, restart } = settingsOf(template);
  return [...differences(now.limits, limits, 'resources'), ...differences(now.restart, restart, 'restart')];
}

/** Whether a limit is to go: an engine can change one in place, but not take it away. */
export function losesLimit(
  container: ObservedContainer,
  template: ContainerTemplate,
  observed: ObservedState,
): boolean {
  const now = Object.keys(currentSettings(container, observed).limits);
  return now.some((limit) => !(limit in template.creation.limits));
}

/** Containers that were made with other settings than are described: whether they still have them is to be looked up. */
export function withOtherSettings(units: readonly Unit[], { containers }: ObservedState): readonly string[] {
  const wanted = new Map(
    units
      .flatMap((unit) => (unit.kind === 'pool' ? [unit.container, unit.worker.container] : [unit.container]))
      .map((template) => [template.digest, canonicalJson(settingsOf(template))]),
  );
  return containers
    .filter(({ digest, identity: { limits, restart } }) => {
      const settings = wanted.get(digest);
      return settings !== undefined && settings !== canonicalJson({ limits, restart });
    })
    .map(({ id }) => id);
}
