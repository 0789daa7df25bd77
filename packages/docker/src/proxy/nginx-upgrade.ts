import { block, directive, whenSet, type NginxNode } from './config-text.js';
import type { PreparedRoute } from './nginx-route.js';

/**
 * nginx takes no variable for how long a connection may be silent. A route on which WebSockets may be silent for another time
 * than answers has a second location for them.
 */
function hasOwn({ timeoutMs, webSocketTimeoutMs }: PreparedRoute): boolean {
  return timeoutMs !== webSocketTimeoutMs;
}

function nameOf({ index }: PreparedRoute): string {
  return `@route_${index}_upgrade`;
}

/** Nginx itself answers with this status nowhere, so that it leads to one place alone. */
const elsewhere = 418;

/**
 * Sends WebSockets to their own location. `return` comes before nginx looks at addresses, passwords and rates, so that the
 * location has to have all guards itself; and behind what turns away without asking who it is.
 */
export function toUpgrade(route: PreparedRoute): readonly NginxNode[] {
  if (!hasOwn(route)) return [];
  return [
    whenSet('plumbstack_upgrade', [
      directive('error_page', elsewhere, '=', nameOf(route)),
      directive('return', elsewhere),
    ]),
  ];
}

/** The location for WebSockets. @param children guards, and where the request is sent */
export function upgrade(route: PreparedRoute, children: readonly NginxNode[]): readonly NginxNode[] {
  return hasOwn(route) ? [block('location', [nameOf(route)], children)] : [];
}
