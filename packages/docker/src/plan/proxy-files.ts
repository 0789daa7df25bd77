import type { PutFile } from '../client/docker-client.js';
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
import { recordFile, type PoolRecord, type RouterRecord } from './observed-state.js';
import type { PoolHistory, PoolVersion } from './pool-version.js';

/** Everything that belongs into a proxy's configuration volume. */
export interface ProxyFiles {
  readonly files: readonly PutFile[];
  /** Answers "is this configuration in force?". */
  readonly revision: string;
}

/** A router's files, for targets at these addresses and ports. */
export function routerFiles(unit: RouterUnit, active: Readonly<Record<string, string>>): ProxyFiles {
  const { model, files, targets } = unit.config;
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
  const revision = digestOf({
    model,
    used,
    files: files.map(({ path, content }) => [path, contentDigest(content)]),
  }).slice(0, 16);
  const record: RouterRecord = { active: used, model: comparable(model) };
  return {
    revision,
    files: [...readable(renderNginx({ ...model, routes, revision })), ...files, recordOf(record)],
  };
}

/** A pool's files, once it is as described. */
export function poolFiles(unit: PoolUnit, before?: PoolVersion): ProxyFiles {
  const { files, revision } = haproxyFiles(unit.config.model);
  return { revision, files: [...files, poolRecord(unit, { ...(before !== undefined && { before }) })] };
}

/** The files of a pool whose workers are about to change, with what HAProxy is told meanwhile. */
export function unsettledPoolFiles(unit: PoolUnit, model: HaproxyModel, history: PoolHistory): ProxyFiles {
  const { files, revision } = haproxyFiles(model);
  return { revision, files: [...files, unsettledPoolRecord(unit, history)] };
}

/** What a pool remembers while its workers change, or where a run was interrupted over it. */
export function unsettledPoolRecord(unit: PoolUnit, { before, isReached }: PoolHistory): PutFile {
  return poolRecord(unit, {
    ...(before !== undefined && { before }),
    unsettled: isReached ? 'workers' : 'update',
  });
}

/** What a pool remembers. */
export function poolRecord(unit: PoolUnit, history: Pick<PoolRecord, 'before' | 'unsettled'>): PutFile {
  const record: PoolRecord = {
    replicas: unit.spec.replicas,
    slots: unit.worker.slots,
    unit,
    ...history,
  };
  return recordOf(record);
}

function haproxyFiles(model: HaproxyModel): ProxyFiles {
  const revision = digestOf(model).slice(0, 16);
  return { revision, files: readable(renderHaproxy({ ...model, revision })) };
}

// The proxy may read its configuration and not change it: it is root's.
function readable(files: readonly ProxyFile[]): readonly PutFile[] {
  return files.map(({ path, content }) => ({ path, content, mode: 0o440, uid: 0, gid: proxyUser }));
}

function recordOf(record: PoolRecord | RouterRecord): PutFile {
  // As JSON first: what a Buffer becomes is for its own toJSON to say.
  const data: unknown = JSON.parse(JSON.stringify(record));
  return { path: recordFile, content: `${canonicalJson(data)}\n`, mode: 0o400, uid: 0, gid: 0 };
}

/** A router's model for a plan's reasons: routes by host and prefix, and no password hash. */
export function comparable(model: RouterUnit['config']['model']): unknown {
  const { routes, ...rest } = model;
  const named = routes.map(({ auth, ...route }): readonly [string, unknown] => [
    `${route.host ?? ''}${route.prefix}`,
    auth === undefined
      ? route
      : { ...route, auth: { realm: auth.realm, users: digestOf(auth.users).slice(0, 12) } },
  ]);
  return { ...rest, routes: Object.fromEntries(named) };
}

/** Files of the list that are not there as they should be. */
export function differingFiles(
  wanted: readonly PutFile[],
  seen: ReadonlyMap<string, Buffer> | undefined,
): readonly string[] {
  return wanted
    .filter(({ path, content }) => !seen?.get(path)?.equals(Buffer.from(content)))
    .map(({ path }) => path);
}
