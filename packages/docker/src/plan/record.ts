import { contentOf, type Content } from '../compile/content.js';
import type { FolderFiles, PoolUnit } from '../compile/docker-spec.js';
import { own } from '../compile/own.js';
import type { ObservedState } from './observed-state.js';
import type { Arrival, PoolVersion } from './pool-version.js';

/** Name of the file in a configuration volume that holds what the volume's owner must remember. */
export const recordFile = 'record.json';
/** Folder beside it with what a pool's record names by digest. Root's alone: secrets are in it. */
export const contentsFolder = 'contents';

export function contentPath({ digest }: Content): string {
  return `${contentsFolder}/${digest}`;
}

/** Parts of a proxy's configuration folder that are read to see what there is. What else is in it may be of any size. */
export const readParts = {
  router: [recordFile, 'nginx.conf', 'tls'],
  balancer: [recordFile, 'haproxy.cfg'],
} as const;

/** Whether a file of a configuration is one of those that are read. The others are called by what they hold. */
export function isRead(path: string): boolean {
  const part = path.split('/')[0] ?? '';
  return Object.values(readParts).some((parts: readonly string[]) => parts.includes(part));
}

interface Claims {
  /** Files in the folder that are called by what they hold, and were all there when the record was put beside them. */
  readonly contents: readonly string[];
}

/** What a pool remembers beside its HAProxy's configuration. */
export interface PoolRecord extends Claims {
  readonly replicas: number;
  /** Address of each slot; worker 1 sits on the first. */
  readonly slots: readonly string[];
  /**
   * The whole pool in the engine's shapes: workers can be added without the program that described them. What their files hold,
   * secrets among them, lies beside it, by digest.
   */
  readonly unit: PoolUnit;
  /** How the version of `unit` came here. */
  readonly arrival?: Arrival;
  /**
   * Versions that served before the one of `unit`, newest first, for a rollback. While an update is unsettled the first of them is
   * the one that served alone, and there may be more than are to be kept, that of `unit` among them.
   */
  readonly versions?: readonly PoolVersion[];
  /**
   * While a run changes which workers get requests, or brings a version that has not served alone yet. Of a run that was
   * interrupted it stays.
   */
  readonly unsettled?: 'workers' | 'update';
}

/** What a router remembers beside its nginx's configuration. */
export interface RouterRecord extends Claims {
  /** Address and port that each target was reached at, by resource. */
  readonly active: Readonly<Record<string, string>>;
  /** The model that the configuration was made from, for the reasons of a plan. */
  readonly model: unknown;
}

/**
 * What a proxy's configuration volume remembers. A record that was lost or damaged is no record: what it says can be found
 * out anew. Each part may be missing: the resource may have been of another kind.
 */
export function readRecord<R extends PoolRecord | RouterRecord>(
  { configs }: Pick<ObservedState, 'configs'>,
  resource: string,
): Partial<R> | undefined {
  return recordIn<R>(own(configs, resource));
}

/** One look asks for the same record many times. */
const parsed = new WeakMap<Buffer, { readonly record: unknown }>();

export function recordIn<R extends PoolRecord | RouterRecord>(
  files: ReadonlyMap<string, Buffer> | undefined,
): Partial<R> | undefined {
  const file = files?.get(recordFile);
  if (file === undefined) return undefined;
  const { record } = parsed.get(file) ?? { record: parse(file) };
  parsed.set(file, { record });
  return record as Partial<R> | undefined;
}

function parse(file: Buffer): unknown {
  try {
    const data: unknown = JSON.parse(file.toString());
    return isRecord(data) ? withReferences(data) : undefined;
  } catch {
    return undefined;
  }
}

export function isData(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a file that can be read holds what is looked at without further checks. */
function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (!isData(value)) return false;
  const { active, model, replicas, slots, unit, versions, before, arrival, contents } = value;
  if (contents !== undefined && !isTexts(contents)) return false;
  if (unit === undefined) return isData(active) && isData(model);
  if (!isTexts(slots) || typeof replicas !== 'number' || !isData(unit)) return false;
  if (before !== undefined && !isVersion(before)) return false;
  if (versions !== undefined && !(Array.isArray(versions) && versions.every(isVersion))) return false;
  if (!isArrival(arrival)) return false;
  const { home, addresses, container, worker, spec, config } = unit;
  return (
    typeof home === 'string' &&
    isTexts(addresses) &&
    isTemplate(container) &&
    isData(spec) &&
    isData(config) &&
    isData(worker) &&
    isTemplate(worker['container'])
  );
}

function isVersion(value: unknown): boolean {
  return (
    isData(value) &&
    isData(value['health']) &&
    isData(value['worker']) &&
    isTemplate(value['worker']['container']) &&
    isArrival(value['arrival'])
  );
}

function isArrival(value: unknown): boolean {
  if (value === undefined) return true;
  return isData(value) && isTexts([value['at'], value['by'], value['source']]);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function isTemplate(value: unknown): boolean {
  return (
    isData(value) &&
    isData(value['creation']) &&
    isData(value['identity']) &&
    typeof value['digest'] === 'string' &&
    Array.isArray(value['files']) &&
    value['files'].every(
      (each) => isData(each) && Array.isArray(each['files']) && each['files'].every(isData),
    )
  );
}

interface Recorded {
  readonly worker: { readonly container: { readonly files: readonly FolderFiles[] } };
}

/** Before there were references, a record held what the files hold; before there were several versions, the one before. */
function withReferences(record: Readonly<Record<string, unknown>>): unknown {
  const {
    unit,
    before,
    versions = before === undefined ? [] : [before],
    ...rest
  } = record as Partial<Claims> & {
    readonly unit?: Recorded;
    readonly before?: Recorded;
    readonly versions?: readonly Recorded[];
    readonly unsettled?: string;
  };
  const there = new Set(rest.contents);
  const known = versions.map((each) => withContents(each, referenceIn));
  // A version whose files are lost is none to go back to.
  const isWhole = (version: Recorded): boolean => contentsOf(version).every((each) => isThere(each, there));
  // Without the one that served alone, none of the others is what an update that was interrupted leads back to.
  const [first] = known;
  const isLost = rest.unsettled === 'update' && first !== undefined && !isWhole(first);
  const whole = isLost ? [] : known.filter(isWhole);
  return {
    ...rest,
    ...(unit !== undefined && { unit: withContents(unit, referenceIn) }),
    ...(whole.length > 0 && { versions: whole }),
  };
}

function isThere(content: Content, there: ReadonlySet<string>): boolean {
  return content.bytes !== undefined || there.has(contentPath(content));
}

function referenceIn(content: unknown): Content {
  if (typeof content === 'string') return contentOf(content);
  const { type, data, digest } = content as { type?: unknown; data?: unknown; digest?: unknown };
  // A Buffer was written by its own toJSON.
  if (type === 'Buffer' && Array.isArray(data)) return contentOf(Buffer.from(data as number[]));
  return { digest: String(digest) };
}

/** The same pool, or version of one, with the contents of its workers' files in another form. */
export function withContents<T extends Recorded>(pool: T, change: (content: Content) => Content): T {
  const { container } = pool.worker;
  const files = container.files.map((each) => ({
    ...each,
    files: each.files.map((file) => ({ ...file, content: change(file.content) })),
  }));
  return { ...pool, worker: { ...pool.worker, container: { ...container, files } } };
}

/** What the files of a pool's workers hold. */
export function contentsOf({ worker }: Recorded): readonly Content[] {
  return worker.container.files.flatMap(({ files }) => files.map(({ content }) => content));
}
