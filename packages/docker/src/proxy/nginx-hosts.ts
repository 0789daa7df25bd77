import type { NginxRoute } from './proxy-model.js';
import { refuseConfig } from './config-text.js';

/** One `server` block: hosts that see exactly the same routes. */
export interface VirtualHost<R extends NginxRoute> {
  /** Empty for every host that no other block names. */
  readonly hosts: readonly string[];
  /** At most one for each prefix. */
  readonly routes: readonly R[];
  /** Name of the certificate that they have; the default one when unset. */
  readonly certificate?: string;
}

const hostName =
  /^(?:\*\.)?(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** Whether a host, or a wildcard itself, falls under a name. A wildcard stands for one label, as in a certificate. */
function covers(name: string, host: string): boolean {
  if (name === host) return true;
  const dot = host.indexOf('.');
  return name.startsWith('*.') && dot > 0 && host[0] !== '*' && host.slice(dot) === name.slice(1);
}

/** The certificate of a host: the one for exactly its name, else a wildcard's. */
function certificateFor(host: string, certificates: readonly string[]): string | undefined {
  return certificates.includes(host) ? host : certificates.find((each) => covers(each, host));
}

function rank({ host }: NginxRoute): number {
  if (host === undefined) return 0;
  return host.startsWith('*.') ? 1 : 2;
}

/**
 * Which routes each host sees. A route's own host is a host of the router too, and sees the routes for every host; of
 * two routes with one prefix, that of the more exact host counts. Hosts with certificates of their own are told apart too.
 */
export function virtualHosts<R extends NginxRoute>(
  serverNames: readonly string[],
  routes: readonly R[],
  certificates: readonly string[] = [],
): readonly VirtualHost<R>[] {
  const named = [
    ...serverNames,
    ...routes.flatMap(({ host }) => (host === undefined ? [] : [host])),
    ...certificates,
  ];
  for (const host of named) if (!hostName.test(host)) refuseConfig('a host name in lower case', 'a host');
  const groups = new Map<string, { hosts: string[]; routes: readonly R[]; certificate?: string }>();
  for (const host of new Set(named)) {
    const seen = routesOf(host, routes);
    const certificate = certificateFor(host, certificates);
    const key = `${seen.map((route) => routes.indexOf(route)).join()} ${certificate ?? ''}`;
    const group = groups.get(key);
    if (group === undefined)
      groups.set(key, { hosts: [host], routes: seen, ...(certificate !== undefined && { certificate }) });
    else group.hosts.push(host);
  }
  const everyHost = serverNames.length > 0 ? [] : [{ hosts: [], routes: routesOf(undefined, routes) }];
  return [...everyHost, ...groups.values()];
}

function routesOf<R extends NginxRoute>(host: string | undefined, routes: readonly R[]): readonly R[] {
  const byPrefix = new Map<string, R>();
  for (const route of routes) {
    if (route.host !== undefined && (host === undefined || !covers(route.host, host))) continue;
    const other = byPrefix.get(route.prefix);
    if (other === undefined || rank(route) > rank(other)) byPrefix.set(route.prefix, route);
  }
  return [...byPrefix.values()];
}
