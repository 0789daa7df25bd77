import type { HealthSpec, StackSpec } from '@plumbstack/core';

/**
 * A host that visitors ask a resource for: of a route that leads to it, or of that route's router, and no wildcard. Of
 * several it is the first by the alphabet, since the order of a program's calls means nothing. Nothing where every host leads
 * to it.
 */
export function visitedHost({ resources }: StackSpec, name: string): string | undefined {
  const hosts = resources.flatMap((each) => {
    if (each.kind !== 'router') return [];
    const routes = each.routes.filter(({ target }) => target.type === 'resource' && target.name === name);
    return routes.flatMap(({ host }) => (host === undefined ? each.serverName : [host]));
  });
  return hosts.filter((host) => !host.startsWith('*.')).sort()[0];
}

/** A check that names its host, so that everybody who does it asks the same. */
export function askingHost<H extends HealthSpec>(health: H, host: string | undefined): H {
  return health.type === 'http' && health.host === undefined && host !== undefined
    ? { ...health, host }
    : health;
}
