import {
  balancerStopped,
  finishing,
  requestsInTurn,
  workersReplaced,
  type Step,
  type StepReason,
} from '@plumbstack/core';
import type { DockerSpec, PoolUnit } from '../compile/docker-spec.js';
import { own } from '../compile/own.js';
import { containerName, workerName } from '../object-names.js';
import { containerChanges, drift, isStale, staleReasons } from './container-changes.js';
import { workerPlace } from './container-networks.js';
import { differences } from './identity-diff.js';
import { impactOn } from './impact.js';
import type { ObservedState } from './observed-state.js';
import { historyOf } from './pool-version.js';
import { differingFiles, poolFiles } from './proxy-files.js';
import { readRecord, recordFile, type PoolRecord } from './record.js';
import { extras, fileReasons, prefixed, reason, step } from './reasons.js';
import { containersOf, servingContainer } from './serving.js';

/** What is to be done for a pool: its HAProxy, its workers, its record. */
export function poolStep(desired: DockerSpec, unit: PoolUnit, observed: ObservedState): Step {
  const found = changesOf(desired, unit, observed);
  const isTold = found.action === 'create' || found.reasons.some(({ path }) => path === 'maxConcurrency');
  const app = desired.spec.resources.find(({ name }) => name === unit.spec.app);
  if (!isTold || app?.kind !== 'app') return found;
  const impacts = [found, requestsInTurn(unit.spec, app)].flatMap(({ impact }) => impact ?? []);
  return impacts.length === 0 ? found : { ...found, impact: impacts.join('; ') };
}

function changesOf(desired: DockerSpec, unit: PoolUnit, observed: ObservedState): Step {
  const { stack } = desired;
  const proxies = containersOf(observed, unit.resource, 'balancer');
  const workers = containersOf(observed, unit.resource, 'worker');
  const serving = servingContainer(proxies);
  if (serving === undefined && workers.length === 0) return step(stack, 'pool', unit.resource, undefined);

  const { container: worker, slots } = unit.worker;
  const stale = workers.filter((each) => isStale(each, worker, observed));
  const misplaced = workers.filter((each) => each.address !== slots[(each.worker ?? 0) - 1]);
  const workerChanges = [
    ...stale.slice(0, 1).flatMap((each) => prefixed('worker', staleReasons(each, worker, observed))),
    ...misplaced.map(({ name, address, worker: number = 0 }) =>
      reason(`${name}.address`, address ?? 'unknown', slots[number - 1] ?? 'a slot of the pool'),
    ),
  ];
  const proxyChanges =
    serving === undefined
      ? [{ path: 'haproxy', from: 'missing', to: 'created' }]
      : prefixed('haproxy', containerChanges(serving, unit, observed));
  const { replicas } = unit.spec;
  const record = readRecord<PoolRecord>(observed, unit.resource);
  // Workers are counted first; where they are as many as wanted, the record may still say that others are.
  const before = workers.length === replicas ? (record?.replicas ?? replicas) : workers.length;
  const told: StepReason[] = [
    ...workerChanges,
    ...proxyChanges,
    ...(before === replicas ? [] : [{ path: 'replicas', from: before, to: replicas }]),
    // HAProxy may hold back requests from a worker that an interrupted run was about to take away.
    ...(record?.unsettled !== undefined ? [{ path: 'workers', from: 'interrupted', to: 'settled' }] : []),
    ...(serving === undefined
      ? []
      : prefixed(
          'haproxy',
          drift(serving, unit.container, containerName(stack, unit.resource), unit, observed),
        )),
    ...workers
      .filter((each) => !stale.includes(each) && !misplaced.includes(each))
      .flatMap((each) => {
        const name = workerName(stack, unit.resource, each.worker ?? 0);
        return prefixed(each.name, drift(each, worker, name, workerPlace(unit), observed));
      }),
    ...extras(proxies.filter((each) => each !== serving)),
  ];
  const reasons = serving === undefined ? told : [...told, ...poolConfigReasons(unit, observed, told)];
  const base = step(stack, 'pool', unit.resource, reasons);
  if (serving !== undefined && proxyChanges.length > 0) {
    const words = unit.publishes ? balancerStopped : finishing;
    return { ...base, action: 'replace', ...impactOn(desired, unit, words) };
  }
  return workerChanges.length > 0 ? { ...base, action: 'replace', ...workersReplaced(unit.spec) } : base;
}

/** @param told what is to be done for the pool anyway, which its record only repeats */
function poolConfigReasons(
  unit: PoolUnit,
  observed: ObservedState,
  told: readonly StepReason[],
): readonly StepReason[] {
  const seen = own(observed.configs, unit.resource);
  const record = readRecord<PoolRecord>(observed, unit.resource);
  const differing = differingFiles(poolFiles(unit, historyOf(record, unit)).files, seen);
  if (differing.length === 0) return [];
  const before = record?.unit;
  if (before === undefined) return fileReasons(differing, unit.resource, observed);
  const changes = differences(rememberedOf(before), rememberedOf(unit));
  if (changes.length > 0) return changes;
  const changed =
    told.length > 0
      ? []
      : differences(before.worker.container.identity, unit.worker.container.identity, 'worker');
  if (changed.length > 0) return changed;
  const files = told.length > 0 ? differing.filter((path) => path !== recordFile) : differing;
  return fileReasons(files, unit.resource, observed);
}

/**
 * What a pool remembers beside its containers' descriptions, which tell of its ports, and the number of its workers. Holds no
 * secret.
 */
function rememberedOf({ spec: { replicas: _, publish: __, ...spec }, dependsOn, worker }: PoolUnit): unknown {
  const { slots, startTimeoutMs } = worker;
  return { ...spec, dependsOn, slots, startTimeoutMs };
}
