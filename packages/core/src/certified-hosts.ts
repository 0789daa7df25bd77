import { hostCovers } from './name.js';
import type { RouterSpec } from './spec.js';

/** Hosts and wildcards that a router answers for by name; none where it answers for every host. */
export function servedHosts({ serverName, routes }: RouterSpec): readonly string[] {
  return [...new Set([...serverName, ...routes.flatMap(({ host }) => host ?? [])])];
}

/** Of these, the ones that the router's own certificate is shown for: those that `tls.hosts` has no other for. */
export function certifiedHosts(router: RouterSpec): readonly string[] {
  const others = Object.keys(router.tls?.hosts ?? {});
  return servedHosts(router).filter((host) => !others.some((each) => hostCovers(each, host)));
}
