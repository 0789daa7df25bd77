import { ipNetwork } from './address.js';
import {
  block,
  capture,
  directive,
  pattern,
  refuseConfig,
  text,
  variable,
  whenSet,
  type NginxNode,
  type NginxWord,
} from './config-text.js';
import { addHeaders, hideReplaced, type HeaderSet } from './nginx-headers.js';
import type { NginxRoute } from './proxy-model.js';
import { retryAfterSeconds } from './retry-after.js';

/** A route with what only the whole model knows. */
export interface PreparedRoute extends NginxRoute {
  /** Position among the model's routes: part of the names that belong to it. */
  readonly index: number;
  /** The router's headers and its own. */
  readonly allHeaders: HeaderSet;
  /** The router's limit or its own. */
  readonly bodyLimit: number;
  /** File with its users, relative to the configuration's folder. */
  readonly passwordFile?: string;
}

/** Bodies up to here are read before the app sees the request; nginx keeps them in its small `/tmp`. */
const maxBufferedBody = 32 * 1024 * 1024;
const prefixPattern = /^\/(?:(?!\.{1,2}\/)[A-Za-z0-9._~-]+\/)*$/;
const redirectStatuses = [301, 302, 307, 308];

/** The host and port that the visitor asked for. Not the Host field: a request line with a whole URL overrides that. */
const visitedHost = text(variable('host'), variable('is_request_port'), variable('request_port'));

/** Name of the shared memory that counts a route's requests. */
export function rateZone({ index }: PreparedRoute): string {
  return `rate_${index}`;
}

/** The locations of one route. */
export function routeLocations(route: PreparedRoute): readonly NginxNode[] {
  const { prefix, target, index } = route;
  if (!prefixPattern.test(prefix))
    refuseConfig('a path that starts and ends with "/"', 'the prefix of a route');
  const guards = guardsOf(route);
  if (target.type === 'redirect') {
    if (!redirectStatuses.includes(target.status))
      refuseConfig('301, 302, 307 or 308', 'the status of a redirect');
    // `return` knows a URL by its start, and takes no other text for these statuses.
    if (!/^(?:https?:\/\/[^/]|\/(?!\/))/.test(target.to))
      refuseConfig('a URL or a path', 'the target of a redirect');
    const answer = [...addHeaders(route.allHeaders), directive('return', target.status, text(target.to))];
    return [
      ...guarded([prefix], guards, answer, index),
      ...(prefix === '/' ? [] : guarded(['=', prefix.slice(0, -1)], guards, answer, index, 'bare_')),
    ];
  }
  return [
    ...withoutSlash(route),
    ...(target.servers.length === 0
      ? guarded([prefix], guards, unavailable(route), index)
      : [block('location', [prefix], [...guards, ...proxied(route, target)]), ...failures(route)]),
  ];
}

/** `/app1` leads to `/app1/`, with the method and the query. Relative: no header of the request can steer it away. */
function withoutSlash({ prefix, allHeaders }: PreparedRoute): readonly NginxNode[] {
  if (prefix === '/') return [];
  const to = text(prefix, variable('is_args'), variable('args'));
  return [
    block('location', ['=', prefix.slice(0, -1)], [...addHeaders(allHeaders), directive('return', 308, to)]),
  ];
}

/** Who may come in, and how often. */
function guardsOf(route: PreparedRoute): readonly NginxNode[] {
  const { allow, deny, auth, rateLimit, passwordFile } = route;
  return [
    ...deny.map((each) => directive('deny', ipNetwork(each))),
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

/** nginx puts the realm between quotes as it is; and "off", in that very writing, would let everybody in. */
function realm(value: string): string {
  return value === 'off' ? 'Off' : value.replace(/["\\]/g, '\\$&');
}

/**
 * A location that answers by itself. `return` comes before nginx looks at addresses, passwords and rates, so that an
 * answer behind a guard is given by a second location, which is entered only after them.
 */
function guarded(
  match: readonly NginxWord[],
  guards: readonly NginxNode[],
  answer: readonly NginxNode[],
  index: number,
  kind = '',
): readonly NginxNode[] {
  if (guards.length === 0) return [block('location', match, answer)];
  const name = `@route_${index}_${kind}answer`;
  return [
    block('location', match, [...guards, directive('try_files', '/.plumbstack-none', name)]),
    block('location', [name], answer),
  ];
}

function unavailable({ allHeaders, prefix }: PreparedRoute): readonly NginxNode[] {
  return [
    ...addHeaders({ ...allHeaders, 'Retry-After': String(retryAfterSeconds) }),
    directive('default_type', 'text/plain'),
    directive('return', 503, text(`Nothing is running behind ${prefix} right now.\n`.trim())),
  ];
}

/**
 * An app that could not be reached is one that is not there yet: 503, and when to come back. Where the request had
 * already been sent, it may have had its effect: 502, or 504 for silence. An app's own 502 to 504 pass unchanged.
 */
function failures(route: PreparedRoute): readonly NginxNode[] {
  return [502, 504].map((status) =>
    block(
      'location',
      [failureName(route, status)],
      [
        whenSet(
          'plumbstack_unsent',
          unavailable(route).filter(({ words }) => words[0] !== 'default_type'),
        ),
        directive('default_type', 'text/plain'),
        ...addHeaders(route.allHeaders),
        directive('return', status),
      ],
    ),
  );
}

function failureName({ index }: PreparedRoute, status: number): string {
  return `@route_${index}_${status}`;
}

function proxied(
  route: PreparedRoute,
  target: Extract<NginxRoute['target'], { type: 'upstream' }>,
): readonly NginxNode[] {
  const { prefix, stripPrefix, timeoutMs, buffering, bodyLimit, allHeaders } = route;
  const mounted = stripPrefix && prefix !== '/';
  const streamsBody = !buffering || bodyLimit === 0 || bodyLimit > maxBufferedBody;
  return [
    // With a path behind the name, the app gets the path that nginx matched and checked: decoded once, its dots and
    // double slashes resolved. Without one it would get the visitor's own spelling, which may mean another path to it.
    directive('proxy_pass', `http://${target.name}${stripPrefix ? '/' : prefix}`),
    ...forwardedHeaders(mounted ? prefix.slice(0, -1) : ''),
    ...(mounted ? mountedUnder(prefix) : [directive('proxy_redirect', 'off')]),
    directive('proxy_read_timeout', `${timeoutMs}ms`),
    directive('proxy_send_timeout', `${timeoutMs}ms`),
    directive('client_max_body_size', bodyLimit),
    directive('proxy_request_buffering', streamsBody ? 'off' : 'on'),
    ...(buffering ? [] : [directive('proxy_buffering', 'off'), directive('gzip', 'off')]),
    ...hideReplaced(allHeaders),
    ...addHeaders(allHeaders),
    ...[502, 504].map((status) => directive('error_page', status, '=', failureName(route, status))),
  ];
}

/**
 * What the app is told about the visitor. The router is where requests come in, so that what they say about other
 * proxies is replaced, never extended; and an id of the visitor's own making could not be told from a forged one.
 */
function forwardedHeaders(prefix: string): readonly NginxNode[] {
  const fields: readonly (readonly [string, NginxWord])[] = [
    ['Host', visitedHost],
    ['X-Real-IP', variable('remote_addr')],
    ['X-Forwarded-For', variable('remote_addr')],
    ['X-Forwarded-Proto', variable('scheme')],
    ['X-Forwarded-Host', visitedHost],
    ['X-Forwarded-Prefix', prefix],
    ['X-Request-Id', variable('request_id')],
    ['Forwarded', ''],
    // https://httpoxy.org
    ['Proxy', ''],
    ['Upgrade', variable('plumbstack_upgrade')],
    ['Connection', variable('plumbstack_connection')],
  ];
  return fields.map(([name, value]) => directive('proxy_set_header', name, value));
}

/** Redirects and cookies of an app that sees `/` where visitors see the prefix; one that knows its prefix is left alone. */
function mountedUnder(prefix: string): readonly NginxNode[] {
  const bare = prefix.slice(1, -1);
  const pages = ['http', 'https'].flatMap((scheme) => [
    directive('proxy_redirect', text(`${scheme}://`, visitedHost, prefix), prefix),
    directive('proxy_redirect', text(`${scheme}://`, visitedHost, '/'), prefix),
  ]);
  return [
    ...pages,
    directive('proxy_redirect', pattern`~^/(?!/)(?!${bare}(?:[/?#]|$))(.*)$`, text(prefix, capture(1))),
    directive('proxy_cookie_path', pattern`~^/(?!${bare}(?:/|$))(.*)$`, text(prefix, capture(1))),
  ];
}
