import { portsTakenOver, routerReloaded, routerStopped, type Step, type StepReason } from '@plumbstack/core';
import type { DockerSpec, RouterUnit, Unit } from '../compile/docker-spec.js';
import { own } from '../compile/own.js';
import { containerName } from '../object-names.js';
import { containerChanges, drift } from './container-changes.js';
import { takenOver } from './held-ports.js';
import { differences } from './identity-diff.js';
import type { ObservedState } from './observed-state.js';
import { comparable, differingFiles, routerFiles } from './proxy-files.js';
import { readRecord, type RouterRecord } from './record.js';
import { extras, fileReasons, step } from './reasons.js';
import { activeAddresses, containersOf, servingContainer } from './serving.js';

/** What is to be done for a router: its container, its configuration. */
export function routerStep(desired: DockerSpec, unit: RouterUnit, observed: ObservedState): Step {
  const { stack, units } = desired;
  const containers = containersOf(observed, unit.resource, 'router');
  const serving = servingContainer(containers);
  if (serving === undefined) {
    const taken = takenOver(unit, observed);
    return {
      ...step(stack, 'router', unit.resource, undefined),
      ...(taken.length > 0 && portsTakenOver(taken)),
    };
  }
  const changes = containerChanges(serving, unit, observed);
  const configChanges = routerConfigReasons(unit, units, observed);
  const reasons: StepReason[] = [
    ...changes,
    ...configChanges,
    ...drift(serving, unit.container, containerName(stack, unit.resource), unit, observed),
    ...extras(containers.filter((each) => each !== serving)),
  ];
  const base = step(stack, 'router', unit.resource, reasons);
  if (changes.length === 0)
    return { ...base, ...(configChanges.length > 0 && routerReloaded(drainTimeoutInForce(unit, observed))) };
  return {
    ...base,
    action: 'replace',
    ...routerStopped(unit.container.creation.ports),
  };
}

/** Processes of before a reload end by the configuration that they were started with. */
function drainTimeoutInForce({ resource, config: { model } }: RouterUnit, observed: ObservedState): number {
  const before = readRecord<RouterRecord>(observed, resource)?.model as
    { drainTimeoutMs?: unknown } | undefined;
  return typeof before?.drainTimeoutMs === 'number' ? before.drainTimeoutMs : model.drainTimeoutMs;
}

function routerConfigReasons(
  unit: RouterUnit,
  units: readonly Unit[],
  observed: ObservedState,
): readonly StepReason[] {
  const seen = own(observed.configs, unit.resource);
  const differing = differingFiles(routerFiles(unit, activeAddresses(units, observed)).files, seen);
  if (differing.length === 0) return [];
  const before = readRecord<RouterRecord>(observed, unit.resource)?.model;
  const changes = before === undefined ? [] : differences(before, comparable(unit.config.model));
  return changes.length > 0 ? changes : fileReasons(differing, unit.resource, observed);
}
