import type { Step } from './plan.js';
import type { AppSpec, PoolSpec, ResourceKind, ResourceSpec } from './spec.js';

/** What visitors may notice of a step; nothing where they notice nothing. */
export type Impact = Pick<Step, 'impact'>;

/** A port of the host that leads somewhere: the one that was chosen where the spec says 0. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** A resource that is changed: what it is to be, all of its stack, and the ports that it has. */
export interface Changed {
  readonly spec: ResourceSpec;
  readonly resources: readonly ResourceSpec[];
  readonly ports: readonly HostPort[];
}

/** A resource as far as it decides whether two of it may run at once. */
export interface Updated {
  readonly kind: ResourceKind;
  /** Of an app. */
  readonly updateOrder?: AppSpec['updateOrder'];
}

/** Whether an update stops what is there before its successor starts. Two services might share a volume. */
export function isStopFirst({ kind, updateOrder }: Updated): boolean {
  return kind === 'service' || updateOrder === 'stop-first';
}

/**
 * Whether a resource that changes its kind can serve as what it was until it can as what it is. A service might share a
 * volume with its successor, two proxies would share one, and a host port can be had once.
 */
export function staysUntilReplaced(
  former: ResourceKind,
  now: Updated & { readonly publishes: boolean },
): boolean {
  const mayBeTwo = now.kind === 'pool' || (now.kind === 'app' && !isStopFirst(now));
  return mayBeTwo && !now.publishes && (former === 'app' || former === 'pool');
}

/** Of what goes before its successor comes. */
export function stoppedFirst(changed: Changed): Impact {
  const data = dataOf(changed.spec);
  const takesOver = data.length === 0 ? '' : `, which takes over the data in ${data.join(' and ')}`;
  return { impact: `stopped before its successor starts${takesOver}${noAnswer(changed)}` };
}

/** Of what serves until its successor does: the time in which visitors can finish with it. */
export function finishing({ spec, resources }: Changed): Impact {
  switch (spec.kind) {
    case 'app':
      return timeToFinish(Math.min(spec.drainTimeoutMs, ...reloadLimits(spec.name, resources)));
    case 'pool':
      return timeToFinish(spec.drainTimeoutMs);
    default:
      return {};
  }
}

/** An update of an app reloads its routers, and what goes through them may go on for no longer than each says. */
function reloadLimits(app: string, resources: readonly ResourceSpec[]): readonly number[] {
  return resources.flatMap((each) =>
    each.kind === 'router' &&
    each.routes.some(({ target }) => target.type === 'resource' && target.name === app)
      ? [each.drainTimeoutMs]
      : [],
  );
}

function timeToFinish(drainTimeoutMs: number): Impact & { readonly impact: string } {
  return {
    impact:
      drainTimeoutMs === 0
        ? 'visitors have no time to finish what they have begun'
        : `visitors have up to ${duration(drainTimeoutMs)} to finish what they have begun`,
  };
}

/** Of a router's new configuration. @param drainTimeoutMs of the configuration that is in force */
export function routerReloaded(drainTimeoutMs: number): Impact {
  return {
    impact: `nginx is reloaded; what visitors have begun may go on for up to ${duration(drainTimeoutMs)}`,
  };
}

const units = [
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1000, 's'],
] as const;

/** In the largest unit that tells it exactly. */
function duration(ms: number): string {
  const [size, name] = units.find(([each]) => ms % each === 0) ?? [1, 'ms'];
  return `${ms / size} ${name}`;
}

/** Of a HAProxy with host ports of its own. */
export function balancerStopped(changed: Changed): Impact {
  return { impact: `its HAProxy is stopped before its successor starts${noAnswer(changed)}` };
}

export function routerStopped(ports: readonly HostPort[]): Impact {
  const where = ports.map(textOf);
  const connections = where.length === 0 ? 'connections' : `connections to ${where.join(', ')}`;
  return {
    impact: `nginx is stopped before its successor starts; ${connections} are refused for a moment`,
  };
}

/** Of nginx that takes over host ports from what leads to the same now. */
export function portsTakenOver(ports: readonly HostPort[]): Impact {
  return {
    impact: `takes over ${ports.map(textOf).join(', ')}; connections are refused for a moment`,
  };
}

/** Of workers that are replaced. */
export function workersReplaced({ update, replicas, drainTimeoutMs }: PoolSpec): Impact {
  if (replicas === 0) return {};
  const { impact: finish } = timeToFinish(drainTimeoutMs);
  if (update.order === 'start-first') return { impact: finish };
  const fewer = Math.min(update.parallelism, replicas);
  const leave =
    fewer === replicas
      ? 'all workers leave before their successors join; requests wait meanwhile'
      : `${fewer} of ${replicas} workers at a time leave before their successors join`;
  return { impact: `${leave}; ${finish}` };
}

/** Of a pool that takes over how many requests a worker gets from its app: its own options do not show it. */
export function requestsInTurn({ maxConcurrency }: PoolSpec, { poolDefaults }: AppSpec): Impact {
  if (maxConcurrency === undefined || maxConcurrency !== poolDefaults?.maxConcurrency) return {};
  const requests = maxConcurrency === 1 ? '1 request' : `${maxConcurrency} requests`;
  return {
    impact: `each worker gets ${requests} at a time, the default of its app; others wait in one queue`,
  };
}

/** Of what goes and has no successor. */
export function gone(ports: readonly HostPort[]): Impact {
  return ports.length === 0 ? {} : { impact: `nothing answers at ${ports.map(textOf).join(', ')} any more` };
}

/** Volumes that it may write. Two containers that write one would ruin what is in it; what they wrote stays there. */
function dataOf(spec: ResourceSpec): readonly string[] {
  if (spec.kind !== 'app' && spec.kind !== 'service') return [];
  return spec.mounts.flatMap((each) => (each.type === 'volume' && !each.readOnly ? [each.volume] : []));
}

/** Where visitors come in that reach a resource: its own host ports, and the routes that lead to it. */
function noAnswer({ spec, resources, ports }: Changed): string {
  const routes = resources.flatMap((each) =>
    each.kind === 'router'
      ? each.routes
          .filter(({ target }) => target.type === 'resource' && target.name === spec.name)
          .map(({ host = '', prefix }) => `${host}${prefix} of ${each.name}`)
      : [],
  );
  const where = [...ports.map(textOf), ...routes];
  return where.length === 0 ? '' : `; no answer at ${where.join(', ')} meanwhile`;
}

function textOf({ host, port }: HostPort): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
