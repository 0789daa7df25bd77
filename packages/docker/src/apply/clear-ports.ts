import type { DockerSpec } from '../compile/docker-spec.js';
import { portMoves } from '../plan/held-ports.js';
import { removeConfig } from './remove-config.js';
import { removeContainer } from './remove-container.js';
import { pathOf, type RunContext } from './run-context.js';

/** How long a proxy may take to finish what it has, while nobody answers at its port. */
const proxyGraceMs = 2000;
/** How long anything else may take to stop. */
const clearGraceMs = 10_000;

/**
 * Takes away what holds a host port that something else of the stack is to have. Says whether anything was removed, and with
 * it, what was seen is true no more.
 */
export async function clearPorts(context: RunContext, desired: DockerSpec): Promise<boolean> {
  const { containers } = context.observed;
  const { inTheWay: leaving } = portMoves(desired, context.observed);
  await Promise.all(
    leaving.map(async (each) => {
      const { resource, role } = each;
      const isProxy = role === 'router' || role === 'balancer';
      await removeContainer(context, each, isProxy ? proxyGraceMs : clearGraceMs);
      const isDescribed = desired.units.some((unit) => unit.resource === resource);
      if (isDescribed || containers.some((other) => other !== each && other.resource === resource)) return;
      await removeConfig(context, resource, [each]);
      context.emit('resource:removed', { resource: pathOf(context, resource) });
    }),
  );
  return leaving.length > 0;
}
