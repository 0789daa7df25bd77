import { createPlan, gone, resourcePath, type Plan, type Step } from '@plumbstack/core';
import type { DockerSpec } from '../compile/docker-spec.js';
import { label, owner } from '../labels.js';
import { secretVolumeName } from '../object-names.js';
import { fingerprint } from './fingerprint.js';
import { kindOf } from './former.js';
import { networkStep, unwantedNetworkSteps } from './network-step.js';
import type { ObservedContainer, ObservedState } from './observed-state.js';
import { reason, step } from './reasons.js';
import { unitStep } from './unit-step.js';

/** What would be done, and for whom. */
export interface Diff {
  readonly plan: Plan;
  /** Containers of resources that the program no longer has. */
  readonly orphans: readonly ObservedContainer[];
  /** Names of the units that something has to be done for. */
  readonly changed: ReadonlySet<string>;
}

/** Compares what is described with what is seen. Pure. */
export function diff(desired: DockerSpec, observed: ObservedState): Diff {
  const { stack } = desired;
  const orphans = findOrphans(desired, observed);
  const steps: Step[] = [
    ...desired.networks.map((each) => networkStep(each, observed)),
    ...desired.volumes.map(({ resource, creation }) =>
      step(
        stack,
        'volume',
        resource,
        observed.volumes.some(({ name }) => name === creation.name) ? [] : undefined,
      ),
    ),
    ...secretSteps(desired, observed),
    ...desired.images
      .filter(({ image }) => image.action !== 'none')
      .map(({ resource, image }) => ({
        action: 'create' as const,
        kind: 'image' as const,
        resource: resourcePath(stack, resource),
        reasons: [{ path: image.action, to: image.reference }],
      })),
    ...desired.units.map((unit) => unitStep(desired, unit, observed)),
    ...orphanSteps(stack, orphans),
    ...unwantedNetworkSteps(desired, observed),
  ];
  const changed = new Set(
    steps
      .filter(({ action, kind }) => action !== 'keep' && kind !== 'network')
      .map(({ resource }) => resource.slice(stack.length + 1)),
  );
  return { plan: createPlan(stack, steps, fingerprint(desired, observed)), orphans, changed };
}

function secretSteps({ stack, generated }: DockerSpec, observed: ObservedState): readonly Step[] {
  return generated.map(({ resource, isKnown, rotation, kept = rotation, due, from }) => {
    const isKept = observed.volumes.some(({ name }) => name === secretVolumeName(stack, resource));
    if (!isKept) return step(stack, 'secret', resource, undefined);
    if (kept !== rotation) return step(stack, 'secret', resource, [reason('rotation', kept, rotation)]);
    if (!isKnown) return step(stack, 'secret', resource, [reason('value', 'unreadable', 'readable')]);
    const reasons =
      due === undefined
        ? []
        : [reason('certificate', due, from === undefined ? 'made anew' : `from ${from}`)];
    return step(stack, 'secret', resource, reasons);
  });
}

/** Containers of what the program no longer has. A volume is never one: it goes when asked for. */
function findOrphans(desired: DockerSpec, observed: ObservedState): readonly ObservedContainer[] {
  const names = new Set(desired.units.map(({ resource }) => resource));
  return observed.containers.filter(({ resource, role }) => role !== 'secret' && !names.has(resource));
}

function orphanSteps(stack: string, orphans: readonly ObservedContainer[]): readonly Step[] {
  const byResource = new Map<string, ObservedContainer[]>();
  // From the visitors inwards: a front goes before its pool.
  const outsideFirst = [...orphans].sort((a, b) => Number(b.role === 'router') - Number(a.role === 'router'));
  for (const each of outsideFirst)
    byResource.set(each.resource, [...(byResource.get(each.resource) ?? []), each]);
  return [...byResource].map(([resource, containers]) => ({
    action: 'delete',
    kind: kindOf(containers[0] ?? { role: 'app' }),
    resource: resourcePath(stack, resource),
    reasons: containers.map(({ name, summary }) => ({
      path: 'container',
      from: name,
      to: `removed (owner: ${summary.labels[label.owner] ?? owner}, stack ${stack})`,
    })),
    ...gone(containers.flatMap(({ identityPorts }) => identityPorts)),
  }));
}
