import {
  block,
  capture,
  directive,
  entry,
  pattern,
  refuseConfig,
  text,
  variable,
  whenSet,
  type NginxNode,
  type NginxWord,
} from './config-text.js';
import { corsHeaders, hideCors, preflight } from './nginx-cors.js';
import { forwardedHeaders, visitedHost } from './nginx-forwarded.js';
import { guarded, guardsOf } from './nginx-guards.js';
import { addHeaders, hideReplaced, type HeaderSet } from './nginx-headers.js';
import { errorPages, pageLocations, unavailable, underMaintenance, type Pages } from './nginx-pages.js';
import { askedPath } from './nginx-paths.js';
import { toUpgrade, upgrade } from './nginx-upgrade.js';
import { connectionTo, unansweredName, upstreamOf, type Upstream } from './nginx-upstreams.js';
import type { NginxMaintenance, NginxModel, NginxRoute } from './proxy-model.js';

/** A route with what only the whole model knows. */
export interface PreparedRoute extends NginxRoute {
  /** Position among the model's routes: part of the names that belong to it. */
  readonly index: number;
  /** The router's headers and its own. */
  readonly allHeaders: HeaderSet;
  /** The router's limit or its own. */
  readonly bodyLimit: number;
  readonly ownNetworks: NginxModel['ownNetworks'];
  readonly errorPages: NginxModel['errorPages'];
  /** Its own or the router's. */
  readonly maintenance?: NginxMaintenance;
  /** File with its users, relative to the configuration's folder. */
  readonly passwordFile?: string;
}

const prefixPattern = /^\/(?:(?!\.{1,2}\/)[A-Za-z0-9._~-]+\/)*$/;
const redirectStatuses = [301, 302, 307, 308];

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
          block(
            'location',
            [prefix],
            [...entrance, ...toUpgrade(route), ...guards, ...proxied(route, target, route.timeoutMs, pages)],
          ),
          ...upgrade(route, [...guards, ...proxied(route, target, route.webSocketTimeoutMs, pages)]),
          ...failures(route, target, pages),
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
function failures(route: PreparedRoute, target: Upstream, pages: Pages): readonly NginxNode[] {
  return [502, 504].map((status) =>
    block(
      'location',
      [failureName(route, status)],
      [
        unavailable(pages),
        ...errorPages(pages, [status]),
        whenSet('plumbstack_unsent', [directive('return', 503)]),
        ...unanswered(target),
        directive('default_type', 'text/plain'),
        ...pages.headers,
        directive('return', status),
      ],
    ),
  );
}

/** A pool hangs up on a request that has waited its whole time for a worker. */
function unanswered({ turnTimeoutMs }: Upstream): readonly NginxNode[] {
  return turnTimeoutMs === undefined
    ? []
    : [whenSet(unansweredName(turnTimeoutMs), [directive('return', 503)])];
}

function failureName({ index }: PreparedRoute, status: number): string {
  return `@route_${index}_${status}`;
}

/** @param silenceMs how long the app may be silent */
function proxied(
  route: PreparedRoute,
  target: Upstream,
  silenceMs: number,
  pages: Pages,
): readonly NginxNode[] {
  const { prefix, stripPrefix, buffering, bodyLimit, allHeaders } = route;
  const mounted = stripPrefix && prefix !== '/';
  // A body without a limit cannot be held. Any other is whole before the app sees the request: a slow visitor holds no worker.
  const streamsBody = !buffering || bodyLimit === 0;
  const handled = [502, 504];
  const others = Object.keys(route.errorPages)
    .map(Number)
    .filter((status) => !handled.includes(status));
  return [
    directive('proxy_pass', text('http://', upstreamOf(target), askedPath(route))),
    ...forwardedHeaders(mounted ? prefix.slice(0, -1) : '', connectionTo(target)),
    ...(mounted ? mountedUnder(route) : [directive('proxy_redirect', 'off')]),
    directive('proxy_read_timeout', `${silenceMs}ms`),
    directive('proxy_send_timeout', `${silenceMs}ms`),
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

/** Redirects and cookies of an app that sees `/` where visitors see the prefix; one that knows its prefix is left alone. */
function mountedUnder(route: PreparedRoute): readonly NginxNode[] {
  const { prefix } = route;
  const bare = prefix.slice(1, -1);
  const pages = ['http', 'https'].flatMap((scheme) => [
    directive('proxy_redirect', text(`${scheme}://`, visitedHost, prefix), prefix),
    directive('proxy_redirect', text(`${scheme}://`, visitedHost, '/'), prefix),
  ]);
  return [
    ...pages,
    directive('proxy_redirect', pattern`~^/(?!/)(?!${bare}(?:[/?#]|$))(.*)$`, text(prefix, capture(1))),
    directive(
      'proxy_cookie_path',
      pattern`~^/(?!${bare}(?:/|$))(.*)$`,
      text(variable(cookieRootName(route)), capture(1)),
    ),
  ];
}

function cookieRootName({ index }: PreparedRoute): string {
  return `plumbstack_cookie_root_${index}`;
}

/**
 * What the paths of an answer's cookies are put below, for the `http` block. Browsers take a cookie that is called `__Host-`
 * with the path `/` alone, and nginx does not say which cookie it is about: all of such an answer stay as they are.
 */
export function cookieRoots(routes: readonly PreparedRoute[]): readonly NginxNode[] {
  return routes.flatMap((route) => {
    const { prefix, stripPrefix, target } = route;
    if (target.type !== 'upstream' || !stripPrefix || prefix === '/') return [];
    return [
      block(
        'map',
        [variable('upstream_http_set_cookie'), variable(cookieRootName(route))],
        [entry('default', prefix), entry(pattern`~*(?:^|[, ])__Host-`, '/')],
      ),
    ];
  });
}
