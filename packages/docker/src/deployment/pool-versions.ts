import { freeze, type Version } from '@plumbstack/core';
import { keptVersions, settledVersion, versionDigest, type PoolVersion } from '../plan/pool-version.js';
import type { ObservedState } from '../plan/observed-state.js';
import { readRecord, type PoolRecord } from '../plan/record.js';
import { recordedPool } from './recorded-pool.js';

/** A version that a rollback can lead to, and what is told of it. */
export interface KnownVersion {
  readonly told: Version;
  readonly version: PoolVersion;
}

/** What a pool's record knows, newest first. What has never served alone is not among it. */
export function knownVersions(observed: ObservedState, pool: string): readonly KnownVersion[] {
  const unit = recordedPool(observed, pool);
  const record = readRecord<PoolRecord>(observed, pool) ?? {};
  const isSettled = record.unsettled !== 'update';
  const serving = isSettled ? settledVersion(record) : undefined;
  const past = isSettled ? keptVersions(unit, record.versions ?? []) : (record.versions ?? []);
  return [...(serving === undefined ? [] : [serving]), ...past].map((version) => ({
    version,
    told: told(version, version === serving),
  }));
}

function told(version: PoolVersion, isCurrent: boolean): Version {
  const { arrival, worker } = version;
  const { image, imageName = image } = worker.container.creation;
  const { source = imageName, at, by } = arrival ?? {};
  return freeze({
    digest: versionDigest(version),
    ...(at !== undefined && { at }),
    ...(by !== undefined && { by }),
    source,
    image,
    isCurrent,
  });
}
