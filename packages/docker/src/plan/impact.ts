import type { Step } from '@plumbstack/core';
import type { PublishedPort } from '../client/docker-client.js';
import type { PoolUnit, RouterUnit, Unit } from '../compile/docker-spec.js';
import type { ObservedContainer } from './observed-state.js';

/** What visitors may notice of a step; nothing where they notice nothing. */
export type Impact = Pick<Step, 'impact'>;

/** Of what goes before its successor comes. */
export function stoppedFirst(stack: string, unit: Unit, units: readonly Unit[]): Impact {
  const data = dataOf(stack, unit);
  const takesOver = data.length === 0 ? '' : `, which takes over the data in ${data.join(' and ')}`;
  return { impact: `stopped before its successor starts${takesOver}${noAnswer(trafficOf(unit, units))}` };
}

/** Of a HAProxy with host ports of its own. */
export function balancerStopped(unit: PoolUnit, units: readonly Unit[]): Impact {
  return { impact: `its HAProxy is stopped before its successor starts${noAnswer(trafficOf(unit, units))}` };
}

export function routerStopped(unit: RouterUnit): Impact {
  const where = portsOf(unit.container.creation.ports);
  const connections = where.length === 0 ? 'connections' : `connections to ${where.join(', ')}`;
  return {
    impact: `nginx is stopped before its successor starts; ${connections} are refused for a moment`,
  };
}

/** Of workers that leave before their successors join. */
export function fewerWorkers({ spec: { update, replicas } }: PoolUnit): Impact {
  if (update.order === 'start-first' || replicas === 0) return {};
  const fewer = Math.min(update.parallelism, replicas);
  return {
    impact:
      fewer === replicas
        ? 'all workers leave before their successors join; requests wait meanwhile'
        : `${fewer} of ${replicas} workers at a time leave before their successors join`,
  };
}

/** Of what goes and has no successor. */
export function gone(containers: readonly ObservedContainer[]): Impact {
  const where = portsOf(containers.flatMap(({ identityPorts }) => identityPorts));
  return where.length === 0 ? {} : { impact: `nothing answers at ${where.join(', ')} any more` };
}

/** Volumes that it may write. Two containers that write one would ruin what is in it; what they wrote stays there. */
function dataOf(stack: string, { kind, container }: Unit): readonly string[] {
  if (kind !== 'app' && kind !== 'service') return [];
  return container.creation.mounts.flatMap((each) =>
    each.type === 'volume' && !each.readOnly && each.name !== undefined
      ? [each.name.slice(stack.length + 1)]
      : [],
  );
}

function noAnswer(where: readonly string[]): string {
  return where.length === 0 ? '' : `; no answer at ${where.join(', ')} meanwhile`;
}

/** Where visitors come in that reach a unit: its own host ports, and the routes that lead to it. */
function trafficOf({ resource, container }: Unit, units: readonly Unit[]): readonly string[] {
  const routes = units.flatMap((each) =>
    each.kind === 'router'
      ? each.config.model.routes
          .filter(({ target }) => target.type === 'unit' && target.name === resource)
          .map(({ host = '', prefix }) => `${host}${prefix} of ${each.resource}`)
      : [],
  );
  return [...portsOf(container.creation.ports), ...routes];
}

function portsOf(ports: readonly PublishedPort[]): readonly string[] {
  return ports.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`);
}
