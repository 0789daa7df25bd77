import type { PutFile } from '../client/docker-client.js';
import { distinct, type Content, type TemplateFile } from '../compile/content.js';
import type { PoolUnit, RouterUnit } from '../compile/docker-spec.js';
import { canonicalJson, contentDigest, digestOf } from '../compile/spec-hash.js';
import { proxyUser } from '../compile/proxy-container.js';
import {
  renderHaproxy,
  renderNginx,
  type HaproxyModel,
  type NginxModel,
  type ProxyFile,
} from '../proxy/index.js';
import { keptVersions, type PoolHistory } from './pool-version.js';
import {
  contentPath,
  contentsOf,
  isRead,
  recordFile,
  withContents,
  type PoolRecord,
  type RouterRecord,
} from './record.js';

/** Everything that belongs into a proxy's configuration volume. */
export interface ProxyFiles {
  /** The configuration, and the record last: it says that the others are there. */
  readonly files: readonly PutFile[];
  /** Files that are called by what they hold: put where they are missing, and never changed. */
  readonly contents: readonly TemplateFile[];
  /** Files that may stay, of those that are called by what they hold. */
  readonly named: readonly string[];
  /** Answers "is this configuration in force?". */
  readonly revision: string;
}

/** A router's files, for targets at these addresses and ports. */
export function routerFiles(unit: RouterUnit, active: Readonly<Record<string, string>>): ProxyFiles {
  const { model, files, contents, targets } = unit.config;
  const routes = model.routes.map(({ target, ...route }): NginxModel['routes'][number] => {
    if (target.type === 'redirect') return { ...route, target };
    const { port: _port, ...upstream } = target;
    const server = active[target.name];
    return {
      ...route,
      target: { ...upstream, type: 'upstream', servers: server === undefined ? [] : [server] },
    };
  });
  const used = Object.fromEntries(targets.map((name) => [name, active[name] ?? '']));
  const held = [
    ...files.map(({ path, content }) => [path, contentDigest(content)]),
    ...contents.map(nameAndDigest),
  ];
  const revision = digestOf({ model, used, files: held }).slice(0, 16);
  const rendered = readable(renderNginx({ ...model, routes, revision }));
  const unread = rendered.filter(({ path }) => !isRead(path));
  const paths = [...unread, ...contents].map(({ path }) => path).sort();
  const record: RouterRecord = { active: used, model: comparable(model), contents: paths };
  return { revision, files: [...rendered, ...files, recordOf(record)], contents, named: paths };
}

function nameAndDigest({ path, content }: TemplateFile): readonly string[] {
  return [path, content.digest];
}

/** A pool's files, once it is as described. */
export function poolFiles(unit: PoolUnit, history?: Past): ProxyFiles {
  return filesOf(unit, unit.config.model, settled(unit, history));
}

/** The files of a pool whose workers are about to change, with what HAProxy is told meanwhile. */
export function unsettledPoolFiles(unit: PoolUnit, model: HaproxyModel, history: PoolHistory): ProxyFiles {
  return filesOf(unit, model, unsettled(history));
}

type Past = Pick<PoolHistory, 'versions' | 'arrival'>;
type Noted = Pick<PoolRecord, 'versions' | 'arrival' | 'unsettled'> & Partial<Pick<PoolHistory, 'there'>>;

function filesOf(unit: PoolUnit, model: HaproxyModel, noted: Noted): ProxyFiles {
  const revision = digestOf(model).slice(0, 16);
  const files = readable(renderHaproxy({ ...model, revision }));
  return {
    revision,
    files: [...files, poolRecord(unit, noted)],
    contents: contentsNamed(unit, noted).map((content) => ({
      path: contentPath(content),
      content,
      mode: 0o400,
    })),
    named: namedBy(unit, noted),
  };
}

function namedBy(unit: PoolUnit, noted: Noted): readonly string[] {
  const { there = [] } = noted;
  return [...new Set([...contentsNamed(unit, noted).map(contentPath), ...there])].sort();
}

function contentsNamed(unit: PoolUnit, { versions = [] }: Noted): readonly Content[] {
  return distinct([unit, ...versions].flatMap(contentsOf));
}

/** What a pool remembers while its workers change, or where a run was interrupted over it. */
export function unsettledPoolRecord(unit: PoolUnit, history: PoolHistory): PutFile {
  return poolRecord(unit, unsettled(history));
}

function unsettled({ isReached, ...past }: PoolHistory): Noted {
  return { ...past, unsettled: isReached ? 'workers' : 'update' };
}

/** What a pool remembers once its workers are settled. */
export function settledPoolRecord(unit: PoolUnit, history: Past): PutFile {
  return poolRecord(unit, settled(unit, history));
}

function settled(unit: PoolUnit, { versions, arrival }: Past = { versions: [] }): Noted {
  return { versions: keptVersions(unit, versions), ...(arrival !== undefined && { arrival }) };
}

/** What a pool remembers. What it names is all that it says to be there, once its workers are settled. */
export function poolRecord({ source: _, ...unit }: PoolUnit, noted: Noted): PutFile {
  const { versions = [], there: __, ...rest } = noted;
  const reference = ({ digest }: Content): Content => ({ digest });
  const record: PoolRecord = {
    replicas: unit.spec.replicas,
    slots: unit.worker.slots,
    unit: withContents(unit, reference),
    ...(versions.length > 0 && { versions: versions.map((each) => withContents(each, reference)) }),
    ...rest,
    contents: namedBy(unit, noted),
  };
  return recordOf(record);
}

// The proxy may read its configuration and not change it: it is root's.
function readable(files: readonly ProxyFile[]): readonly PutFile[] {
  return files.map(({ path, content }) => ({ path, content, mode: 0o440, uid: 0, gid: proxyUser }));
}

function recordOf(record: PoolRecord | RouterRecord): PutFile {
  return { path: recordFile, content: `${canonicalJson(record)}\n`, mode: 0o400, uid: 0, gid: 0 };
}

/** A router's model for a plan's reasons: routes by host and prefix, and no password hash. */
export function comparable(model: RouterUnit['config']['model']): unknown {
  const { routes, ...rest } = model;
  const byPlace = routes.map(({ auth, ...route }): readonly [string, unknown] => [
    `${route.host ?? ''}${route.prefix}`,
    auth === undefined
      ? route
      : { ...route, auth: { realm: auth.realm, users: digestOf(auth.users).slice(0, 12) } },
  ]);
  return { ...rest, routes: Object.fromEntries(byPlace) };
}

/** Files of the list that are not there as they should be, of those that are read. */
export function differingFiles(
  wanted: readonly PutFile[],
  seen: ReadonlyMap<string, Buffer> | undefined,
): readonly string[] {
  return wanted
    .filter(({ path, content }) => isRead(path) && !seen?.get(path)?.equals(Buffer.from(content)))
    .map(({ path }) => path);
}
