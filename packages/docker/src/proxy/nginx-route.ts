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
import { corsHeaders, hideCors, preflight } from './nginx-cors.js';
import { guarded, guardsOf } from './nginx-guards.js';
import { addHeaders, hideReplaced, requestId, type HeaderSet } from './nginx-headers.js';
import { errorPages, pageLocations, unavailable, underMaintenance, type Pages } from './nginx-pages.js';
import type { NginxMaintenance, NginxModel, NginxRoute } from './proxy-model.js';

/** A route with what only the whole model knows. */
export interface PreparedRoute extends NginxRoute {
  /** Position among the model's routes: part of the names that belong to it. */
  readonly index: number;
  /** The router's headers and its own. */
  readonly allHeaders: HeaderSet;
  /** The router's limit or its own. */
  readonly bodyLimit: number;
  readonly errorPages: NginxModel['errorPages'];
  /** Its own or the router's. */
  readonly maintenance?: NginxMaintenance;
  /** File with its users, relative to the configuration's folder. */
  readonly passwordFile?: string;
}

/** Bodies up to here are read before the app sees the request, so that a slow visitor holds no worker. */
const maxBufferedBody = 32 * 1024 * 1024;
const prefixPattern = /^\/(?:(?!\.{1,2}\/)[A-Za-z0-9._~-]+\/)*$/;
const redirectStatuses = [301, 302, 307, 308];

/** The host and port that the visitor asked for. Not the Host field: a request line with a whole URL overrides that. */
const visitedHost = text(variable('host'), variable('is_request_port'), variable('request_port'));

/** A route as what answers with pages of its own. */
export function pagesOf(route: PreparedRoute): Pages {
  const { index, errorPages, maintenance } = route;
  return {
    id: `route_${index}`,
    headers: answerHeaders(route),
    errorPages,
    ...(maintenance !== undefined && { maintenance }),
  };
}

function answerHeaders(route: PreparedRoute): readonly NginxNode[] {
  return [...addHeaders(route.allHeaders), ...corsHeaders(route)];
}

/** The locations of one route. */
export function routeLocations(route: PreparedRoute): readonly NginxNode[] {
  const { prefix, target, index } = route;
  if (!prefixPattern.test(prefix))
    refuseConfig('a path that starts and ends with "/"', 'the prefix of a route');
  const pages = pagesOf(route);
  const guards = guardsOf(route);
  const entrance = [...preflight(route, pages.headers), ...underMaintenance(pages)];
  if (target.type === 'redirect') {
    if (!redirectStatuses.includes(target.status))
      refuseConfig('301, 302, 307 or 308', 'the status of a redirect');
    // `return` knows a URL by its start, and takes no other text for these statuses.
    if (!/^(?:https?:\/\/[^/]|\/(?!\/))/.test(target.to))
      refuseConfig('a URL or a path', 'the target of a redirect');
    const answer = [...pages.headers, directive('return', target.status, text(target.to))];
    const at = (match: readonly NginxWord[], kind = ''): readonly NginxNode[] =>
      guarded({
        match,
        entrance,
        guards: [...guards, ...(guards.length > 0 ? errorPages(pages) : [])],
        answer,
        name: `@route_${index}_${kind}answer`,
      });
    return [
      ...at([prefix]),
      ...(prefix === '/' ? [] : at(['=', prefix.slice(0, -1)], 'bare_')),
      ...pageLocations(pages),
    ];
  }
  return [
    ...withoutSlash(route),
    ...(target.servers.length === 0
      ? guarded({
          match: [prefix],
          entrance,
          guards: [...guards, ...(guards.length > 0 ? errorPages(pages) : [])],
          answer: [unavailable(pages), directive('return', 503)],
          name: `@route_${index}_answer`,
        })
      : [
          block('location', [prefix], [...entrance, ...guards, ...proxied(route, target, pages)]),
          ...failures(route, pages),
        ]),
    ...pageLocations(pages, `Nothing is running behind ${prefix} right now.`),
  ];
}

/** `/app1` leads to `/app1/`, with the method and the query. Relative: no header of the request can steer it away. */
function withoutSlash(route: PreparedRoute): readonly NginxNode[] {
  const { prefix } = route;
  if (prefix === '/') return [];
  const to = text(prefix, variable('is_args'), variable('args'));
  return [
    block(
      'location',
      ['=', prefix.slice(0, -1)],
      [...preflight(route, answerHeaders(route)), ...answerHeaders(route), directive('return', 308, to)],
    ),
  ];
}

/**
 * An app that could not be reached is one that is not there yet: 503, and when to come back. Where the request had
 * already been sent, it may have had its effect: 502, or 504 for silence. An app's own 502 to 504 pass unchanged.
 */
function failures(route: PreparedRoute, pages: Pages): readonly NginxNode[] {
  return [502, 504].map((status) =>
    block(
      'location',
      [failureName(route, status)],
      [
        unavailable(pages),
        ...errorPages(pages, [status]),
        whenSet('plumbstack_unsent', [directive('return', 503)]),
        directive('default_type', 'text/plain'),
        ...pages.headers,
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
  pages: Pages,
): readonly NginxNode[] {
  const { prefix, stripPrefix, timeoutMs, buffering, bodyLimit, allHeaders } = route;
  const mounted = stripPrefix && prefix !== '/';
  const streamsBody = !buffering || bodyLimit === 0 || bodyLimit > maxBufferedBody;
  const handled = [502, 504];
  const others = Object.keys(route.errorPages)
    .map(Number)
    .filter((status) => !handled.includes(status));
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
    ...hideCors(route),
    ...pages.headers,
    // Where they lead is a place that leads on.
    directive('recursive_error_pages', 'on'),
    ...handled.map((status) => directive('error_page', status, '=', failureName(route, status))),
    ...errorPages(pages, others),
  ];
}

/**
 * What the app is told about the visitor. What requests say about other proxies is replaced, never extended, unless it is
 * one that the router trusts; and an id of the visitor's own making could not be told from a forged one.
 */
function forwardedHeaders(prefix: string): readonly NginxNode[] {
  const fields: readonly (readonly [string, NginxWord])[] = [
    ['Host', visitedHost],
    ['X-Real-IP', variable('remote_addr')],
    ['X-Forwarded-For', variable('remote_addr')],
    ['X-Forwarded-Proto', variable('plumbstack_scheme')],
    ['X-Forwarded-Host', visitedHost],
    ['X-Forwarded-Prefix', prefix],
    ['X-Request-Id', requestId],
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
