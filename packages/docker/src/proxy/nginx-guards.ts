import { ipNetwork, networkContains } from './address.js';
import { block, directive, text, type NginxNode, type NginxWord } from './config-text.js';
import type { PreparedRoute } from './nginx-route.js';

/** Name of the shared memory that counts a route's requests. */
export function rateZone({ index }: Pick<PreparedRoute, 'index'>): string {
  return `rate_${index}`;
}

/** Who may come in, and how often. */
export function guardsOf(route: PreparedRoute): readonly NginxNode[] {
  const { allow, deny, auth, rateLimit, passwordFile, ownNetworks } = route;
  return [
    ...deny.map((each) => directive('deny', ipNetwork(each))),
    ...notMeant(ownNetworks, allow).map((each) => directive('deny', ipNetwork(each))),
    ...allow.map((each) => directive('allow', ipNetwork(each))),
    ...(allow.length > 0 ? [directive('deny', 'all')] : []),
    ...(auth === undefined || passwordFile === undefined
      ? []
      : [directive('auth_basic', text(realm(auth.realm))), directive('auth_basic_user_file', passwordFile)]),
    ...(rateLimit === undefined
      ? []
      : [
          directive(
            'limit_req',
            `zone=${rateZone(route)}`,
            ...(rateLimit.burst === 0 ? [] : [`burst=${rateLimit.burst}`]),
            'nodelay',
          ),
        ]),
  ];
}

/**
 * Networks of the stack's own that a rule for visitors covers by chance, as `10.0.0.0/8` may: who comes from there is another
 * container of the stack, or the engine's gateway, which stands for whomever the engine does not know. A rule that names a
 * part of such a network, or every address, means it.
 */
function notMeant(own: readonly string[], meant: readonly string[]): readonly string[] {
  return own.filter(
    (network) =>
      meant.some((each) => networkContains(each, network)) &&
      !meant.some((each) => each.endsWith('/0') || networkContains(network, each)),
  );
}

/** nginx puts the realm between quotes as it is; and "off", in that very writing, would let everybody in. */
function realm(value: string): string {
  return value === 'off' ? 'Off' : value.replace(/["\\]/g, '\\$&');
}

/** What guards an answer, and what the answer needs beside it. */
export interface Guarded {
  readonly match: readonly NginxWord[];
  /** Before the guards: what turns away without asking who it is. */
  readonly entrance: readonly NginxNode[];
  readonly guards: readonly NginxNode[];
  readonly answer: readonly NginxNode[];
  /** Of the location that answers. */
  readonly name: string;
}

/**
 * A location that answers by itself. `return` comes before nginx looks at addresses, passwords and rates, so that an
 * answer behind a guard is given by a second location, which is entered only after them.
 */
export function guarded({ match, entrance, guards, answer, name }: Guarded): readonly NginxNode[] {
  if (guards.length === 0) return [block('location', match, [...entrance, ...answer])];
  return [
    block('location', match, [...entrance, ...guards, directive('try_files', '/.plumbstack-none', name)]),
    block('location', [name], answer),
  ];
}
