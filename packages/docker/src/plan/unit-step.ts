import { finishing, isStopFirst, resourcePath, stoppedFirst, type Step } from '@plumbstack/core';
import type { AppUnit, DockerSpec, ServiceUnit, Unit } from '../compile/docker-spec.js';
import { containerName } from '../object-names.js';
import { containerChanges, drift } from './container-changes.js';
import { formerContainers, kindReason, stays } from './former.js';
import { impactOn } from './impact.js';
import { networkStep } from './network-step.js';
import { differences } from './identity-diff.js';
import { notedDrainTimeout, type ObservedContainer, type ObservedState } from './observed-state.js';
import { poolStep } from './pool-step.js';
import { extras, step } from './reasons.js';
import { routerStep } from './router-step.js';
import { containersOf, servingContainer } from './serving.js';

/** What is to be done for an app, a service, a pool or a router. */
export function unitStep(desired: DockerSpec, unit: Unit, observed: ObservedState): Step {
  const found = differingUnitStep(desired, unit, observed);
  const home = desired.networks.find(({ creation }) => creation.name === unit.home);
  if (home === undefined || found.action === 'create') return found;
  const { action, reasons } = networkStep(home, observed);
  if (action !== 'replace') return found;
  // A container cannot move to another network, whatever else is right about it.
  return { ...found, action: 'replace', reasons: [...reasons, ...found.reasons] };
}

function differingUnitStep(desired: DockerSpec, unit: Unit, observed: ObservedState): Step {
  const former = formerContainers(unit, observed);
  if (former.length > 0) return kindStep(desired, unit, former);
  switch (unit.kind) {
    case 'app':
    case 'service':
      return singleStep(desired, unit, observed);
    case 'pool':
      return poolStep(desired, unit, observed);
    case 'router':
      return routerStep(desired, unit, observed);
  }
}

/** One step for what was and what is, though no container is the same. */
function kindStep(desired: DockerSpec, unit: Unit, former: readonly ObservedContainer[]): Step {
  return {
    action: 'replace',
    kind: unit.kind,
    resource: resourcePath(desired.stack, unit.resource),
    reasons: [kindReason(unit, former)],
    ...impactOn(desired, unit, stays(unit, former) ? finishing : stoppedFirst),
  };
}

function singleStep(desired: DockerSpec, unit: AppUnit | ServiceUnit, observed: ObservedState): Step {
  const { stack } = desired;
  const containers = containersOf(observed, unit.resource, unit.kind);
  const serving = servingContainer(containers);
  if (serving === undefined) return step(stack, unit.kind, unit.resource, undefined);
  const changes = containerChanges(serving, unit, observed);
  if (changes.length > 0) {
    return {
      action: 'replace',
      kind: unit.kind,
      resource: resourcePath(stack, unit.resource),
      reasons: changes,
      ...impactOn(desired, unit, isStopFirst(unit) ? stoppedFirst : finishing),
    };
  }
  return step(stack, unit.kind, unit.resource, [
    ...(unit.kind === 'app'
      ? differences(notedDrainTimeout(observed, unit.resource), unit.drainTimeoutMs, 'drainTimeoutMs')
      : []),
    ...drift(serving, unit.container, containerName(stack, unit.resource), unit, observed),
    ...extras(containers.filter((each) => each !== serving)),
  ]);
}
