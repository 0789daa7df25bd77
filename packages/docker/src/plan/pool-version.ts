import type { ProbeSpec } from '@plumbstack/core';
import type { PoolUnit, WorkerUnit } from '../compile/docker-spec.js';
import type { HaproxyModel } from '../proxy/proxy-model.js';
import type { ObservedContainer } from './observed-state.js';
import type { PoolRecord } from './record.js';

/** What a pool's workers are made from, and how they are checked: all that an update changes and a rollback brings back. */
export interface PoolVersion {
  readonly worker: Omit<WorkerUnit, 'slots'>;
  /** HAProxy's own check. */
  readonly health: ProbeSpec;
}

/** What a record says beside the pool itself, while a run is at work and after it. */
export interface PoolHistory {
  /** The version that served before the one that the record describes. */
  readonly before?: PoolVersion;
  /** Whether workers of the version that is described have served alone, at the end of some run. */
  readonly isReached: boolean;
  /** Contents that lie beside the record: none goes before the run has come to its end, which may be a version before. */
  readonly there: readonly string[];
}

export function versionOf({ worker: { slots: _, ...worker }, config }: PoolUnit): PoolVersion {
  return { worker, health: config.model.health };
}

/** The same pool with the workers of another version, on its own slots. */
export function withVersion(unit: PoolUnit, { worker, health }: PoolVersion): PoolUnit {
  const { slots } = unit.worker;
  return {
    ...unit,
    spec: { ...unit.spec, health },
    worker: { ...worker, slots },
    config: {
      ...unit.config,
      model: { ...unit.config.model, health, slots: slotsAt(slots, () => worker.port) },
    },
  };
}

/** The last version that served alone, as far as the record tells. */
export function settledVersion(record: Partial<PoolRecord> | undefined): PoolVersion | undefined {
  if (record?.unit === undefined) return undefined;
  return record.unsettled === 'update' ? record.before : versionOf(record.unit);
}

/** What a record of this pool is to say, given the one that is there. Nothing changes by saying it twice. */
export function historyOf(record: Partial<PoolRecord> | undefined, unit: PoolUnit): PoolHistory {
  if (record?.unit === undefined) return { isReached: false, there: [] };
  const { contents: there = [] } = record;
  const { digest } = unit.worker.container;
  if (record.unit.worker.container.digest === digest) {
    return {
      ...(record.before !== undefined && { before: record.before }),
      isReached: record.unsettled !== 'update',
      there,
    };
  }
  const settled = settledVersion(record);
  const isOther = settled !== undefined && settled.worker.container.digest !== digest;
  return { ...(isOther && { before: settled }), isReached: false, there };
}

/**
 * What HAProxy is told while workers of two versions serve, or another check comes in force; nothing where one
 * configuration suits both. HAProxy has one check for all servers of a backend, and one that only one version passes would
 * take the other's workers out: until the last old one is gone, an open port is enough for those that this run has seen
 * answer as they should. Old workers are asked at the port that they were made with.
 */
export function bridgeOf(
  unit: PoolUnit,
  record: Partial<PoolRecord> | undefined,
  running: readonly ObservedContainer[],
): HaproxyModel | undefined {
  if (running.length === 0) return undefined;
  const { model } = unit.config;
  const { slots, port } = unit.worker;
  const portOf = (slot: number): number => {
    const there = running.find(({ worker }) => worker === slot)?.identity['port'];
    return typeof there === 'number' ? there : port;
  };
  // Of a run that was interrupted between two versions it is not known how far it came.
  const { unit: described, unsettled } = record ?? {};
  const isKnown =
    unsettled === undefined ||
    (unsettled === 'workers' && running.every(({ digest }) => digest === described?.worker.container.digest));
  const inForce = isKnown ? described?.config.model.health : undefined;
  const isOtherCheck = model.health.type === 'http' && !asksTheSame(inForce, model.health);
  const isOtherPort = slots.some((_, index) => portOf(index + 1) !== port);
  if (!isOtherCheck && !isOtherPort) return undefined;
  const { intervalMs, timeoutMs, retries } = model.health;
  return {
    ...model,
    health: isOtherCheck ? { type: 'tcp', intervalMs, timeoutMs, retries } : model.health,
    slots: slotsAt(slots, portOf),
  };
}

/** Whether whoever passes one check passes the other, but for how often and how long it is tried. */
export function asksTheSame(one: { readonly type: string } | undefined, other: ProbeSpec): boolean {
  const asked = (health: object): string => {
    const { type, path, host, minStatus, maxStatus } = health as Partial<
      Extract<ProbeSpec, { type: 'http' }>
    >;
    return JSON.stringify([type, path, host, minStatus, maxStatus]);
  };
  return one !== undefined && asked(one) === asked(other);
}

function slotsAt(slots: readonly string[], portOf: (slot: number) => number): HaproxyModel['slots'] {
  return slots.map((address, index) => ({ number: index + 1, address: `${address}:${portOf(index + 1)}` }));
}
