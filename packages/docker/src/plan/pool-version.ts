import { defaultKeepVersions, type ProbeSpec } from '@plumbstack/core';
import type { PoolUnit, WorkerUnit } from '../compile/docker-spec.js';
import type { HaproxyModel } from '../proxy/proxy-model.js';
import type { ObservedContainer } from './observed-state.js';
import type { PoolRecord } from './record.js';

/** What a pool's workers are made from, and how they are checked: all that an update changes and a rollback brings back. */
export interface PoolVersion {
  readonly worker: Omit<WorkerUnit, 'slots'>;
  /** HAProxy's own check. */
  readonly health: ProbeSpec;
  /** How it came here. Unset where that was before records noted it. */
  readonly arrival?: Arrival;
}

/** When a version was brought, and who brought it from where. */
export interface Arrival {
  /** RFC 3339, in UTC. */
  readonly at: string;
  /** `user@host` */
  readonly by: string;
  /** An image's reference, or the folder that it was built from. */
  readonly source: string;
}

/** What a record says beside the pool itself, while a run is at work and after it. */
export interface PoolHistory {
  /**
   * Versions that have served before the one that the record describes, newest first: at the end of a run those that
   * {@link keptVersions} says stay.
   */
  readonly versions: readonly PoolVersion[];
  /** How the version that is described came here, where it has served alone. */
  readonly arrival?: Arrival;
  /** Whether workers of the version that is described have served alone, at the end of some run. */
  readonly isReached: boolean;
  /** Contents that lie beside the record: none goes before the run has come to its end, which may be a version before. */
  readonly there: readonly string[];
}

export function versionOf({ worker: { slots: _, ...worker }, config }: PoolUnit): PoolVersion {
  return { worker, health: config.model.health };
}

/** What makes a version the one that it is. How HAProxy checks it and what it is limited to are not part of it. */
export function versionDigest({ worker }: Pick<PoolVersion, 'worker'>): string {
  return worker.container.digest;
}

/** The same pool with the workers of another version, on its own slots. */
export function withVersion(unit: PoolUnit, { worker, health, arrival }: PoolVersion): PoolUnit {
  const { slots } = unit.worker;
  const { source: _, ...rest } = unit;
  return {
    ...rest,
    ...(arrival !== undefined && { source: arrival.source }),
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
  if (record.unsettled === 'update') return record.versions?.[0];
  const { unit, arrival } = record;
  return { ...versionOf(unit), ...(arrival !== undefined && { arrival }) };
}

/** What a record of this pool is to say, given the one that is there. Nothing changes by saying it twice. */
export function historyOf(record: Partial<PoolRecord> | undefined, unit: PoolUnit): PoolHistory {
  if (record?.unit === undefined) return { versions: [], isReached: false, there: [] };
  const { contents: there = [], versions = [] } = record;
  const settled = settledVersion(record);
  const digest = versionDigest(unit);
  const isSame = versionDigest(record.unit) === digest;
  const arrival = settled !== undefined && versionDigest(settled) === digest ? settled.arrival : undefined;
  return {
    versions: isSame || settled === undefined ? versions : [settled, ...withoutVersion(versions, settled)],
    ...(arrival !== undefined && { arrival }),
    isReached: isSame && record.unsettled !== 'update',
    there,
  };
}

/** Versions that stay remembered beside a pool's own, once that serves alone: each is remembered once. */
export function keptVersions(unit: PoolUnit, versions: readonly PoolVersion[]): readonly PoolVersion[] {
  return withoutVersion(versions, unit).slice(0, unit.spec.keepVersions ?? defaultKeepVersions);
}

export function withoutVersion(
  versions: readonly PoolVersion[],
  one: Pick<PoolVersion, 'worker'>,
): readonly PoolVersion[] {
  return versions.filter((each) => versionDigest(each) !== versionDigest(one));
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
