import { portNumber } from './address.js';
import {
  block,
  directive,
  entry,
  literalDollar,
  noted,
  pattern,
  printNginx,
  refuseConfig,
  variable,
  type NginxNode,
} from './config-text.js';
import { corsMaps } from './nginx-cors.js';
import { rateZone } from './nginx-guards.js';
import { mergeHeaders, type HeaderSet } from './nginx-headers.js';
import { logs } from './nginx-logs.js';
import { maintenanceMap } from './nginx-pages.js';
import { headerLineKiB, headerLines, headersKiB } from './limits.js';
import { pathMaps } from './nginx-paths.js';
import { cookieRoots, pagesOf, type PreparedRoute } from './nginx-route.js';
import { literalMaps, secureHeaders, servers, sitePages } from './nginx-servers.js';
import { visitor } from './nginx-trust.js';
import { upstreams } from './nginx-upstreams.js';
import type { NginxModel, ProxyFile } from './proxy-model.js';

/** Of each router: the processes that take connections. */
export const nginxWorkers = 4;

/** Text worth compressing. Not `text/event-stream`, whose events must not wait for one another. */
const compressedTypes = [
  'application/atom+xml',
  'application/geo+json',
  'application/javascript',
  'application/json',
  'application/ld+json',
  'application/manifest+json',
  'application/problem+json',
  'application/rss+xml',
  'application/vnd.api+json',
  'application/wasm',
  'application/xhtml+xml',
  'application/xml',
  'application/yaml',
  'image/svg+xml',
  'text/css',
  'text/csv',
  'text/javascript',
  'text/markdown',
  'text/plain',
  'text/xml',
];

/** Highest rate that nginx is told; it counts in thousandths of a request in a machine word. */
const maxRate = 1_000_000;

/**
 * nginx's configuration, for nginx >= 1.29.7 run as `nginx -c <folder>/nginx.conf -g 'daemon off;'` by any user, with
 * a read-only root, a writable `/tmp`, and a writable `/var/tmp` with room for bodies. Paths of files beside it are relative, so that a copy of the folder can be
 * tested as it is.
 *
 * @throws INVALID_OPTION for a value that nginx would not take as a value
 */
export function renderNginx(model: NginxModel): readonly ProxyFile[] {
  const routes = prepare(model);
  const nodes = [
    directive('pid', '/tmp/nginx.pid'),
    // Workers are told in numbers, not by the machine's processors: the container may have far less of it.
    directive('worker_processes', nginxWorkers),
    directive('worker_rlimit_nofile', 16_384),
    // Several patterns are looked at for each request: compiled, they cost a third. Where a system forbids it, nginx goes on without.
    directive('pcre_jit', 'on'),
    noted(
      'What visitors have begun may go on this long after a reload',
      directive('worker_shutdown_timeout', `${model.drainTimeoutMs}ms`),
    ),
    noted(
      'A renewed certificate may lie where the one before lay, as old and on the same inode',
      directive('ssl_object_cache_inheritable', 'off'),
    ),
    directive('error_log', 'stderr', 'warn'),
    block('events', [], [directive('worker_connections', 4096)]),
    block('http', [], httpBlock(model, routes)),
  ];
  return [{ path: 'nginx.conf', content: printNginx(nodes) }, ...passwordFiles(routes)];
}

/** @param headers of every answer */
function prepare(model: NginxModel, headers: HeaderSet = model.headers): readonly PreparedRoute[] {
  if (!/^[0-9a-f]+$/.test(model.revision)) refuseConfig('hexadecimal', 'the revision');
  return model.routes.map((route, index) => ({
    ...route,
    index,
    allHeaders: mergeHeaders(headers, route.headers),
    bodyLimit: route.maxBodyBytes ?? model.maxBodyBytes,
    ownNetworks: model.ownNetworks,
    errorPages: model.errorPages,
    ...(route.maintenance === undefined &&
      model.maintenance !== undefined && { maintenance: model.maintenance }),
    // The revision is part of the name: until the reload, nginx goes on reading the files of the old configuration.
    ...(route.auth !== undefined && { passwordFile: `htpasswd-${model.revision}-${index}` }),
  }));
}

function passwordFiles(routes: readonly PreparedRoute[]): readonly ProxyFile[] {
  return routes.flatMap(({ auth, passwordFile }) => {
    if (auth === undefined || passwordFile === undefined) return [];
    const lines = Object.entries(auth.users).map(([user, hash]) => {
      if (!/^[A-Za-z0-9._@-]+$/.test(user)) refuseConfig('letters, digits and . _ @ -', 'the name of a user');
      if (!/^[$./A-Za-z0-9=,{}+-]+$/.test(hash))
        refuseConfig('a hash as htpasswd makes it', 'the password of a user');
      return `${user}:${hash}\n`;
    });
    return [{ path: passwordFile, content: lines.join('') }];
  });
}

function httpBlock(model: NginxModel, routes: readonly PreparedRoute[]): readonly NginxNode[] {
  return [
    directive('include', '/etc/nginx/mime.types'),
    directive('default_type', 'application/octet-stream'),
    // Before the first map: nginx fixes the sizes there.
    ...hashSizes,
    ...logs(model),
    directive('server_tokens', 'off'),
    directive('absolute_redirect', 'off'),
    ...connections,
    ...temporaryPaths,
    ...proxyDefaults,
    ...compression(model),
    literalDollar(),
    ...visitor(model),
    ...maps,
    ...pathMaps(model.routes),
    ...literalMaps(model, routes),
    ...cookieRoots(routes),
    ...corsMaps(routes),
    ...[sitePages(model, false), ...routes.map(pagesOf)].flatMap((pages) =>
      maintenanceMap(pages, model.ownNetworks),
    ),
    ...upstreams(routes),
    ...rateZones(routes),
    ...servers(model, 'plain', routes),
    ...(model.tls === undefined ? [] : servers(model, 'secure', prepare(model, secureHeaders(model)))),
    statusServer(model),
  ];
}

const connections: readonly NginxNode[] = [
  directive('sendfile', 'on'),
  directive('tcp_nopush', 'on'),
  directive('keepalive_timeout', '65s'),
  directive('keepalive_requests', 10_000),
  noted('Clients that are idle while a reload comes may use their connection once more', {
    ...directive('keepalive_min_timeout', '5s'),
  }),
  directive('client_header_timeout', '20s'),
  directive('client_body_timeout', '60s'),
  directive('large_client_header_buffers', headerLines, `${headerLineKiB}k`),
  noted('Names with an underscore, or another character that some software does not like, arrive', {
    ...directive('ignore_invalid_headers', 'off'),
  }),
  directive('underscores_in_headers', 'on'),
  directive('reset_timedout_connection', 'on'),
];

/** Host names and origins have up to 253 characters, and there may be many, as of routes and of what belongs to each. */
const hashSizes: readonly NginxNode[] = [
  directive('variables_hash_bucket_size', 512),
  directive('variables_hash_max_size', 8192),
  directive('server_names_hash_bucket_size', 512),
  directive('server_names_hash_max_size', 8192),
  directive('map_hash_bucket_size', 512),
  directive('map_hash_max_size', 8192),
  directive('proxy_headers_hash_bucket_size', 512),
  directive('proxy_headers_hash_max_size', 2048),
];

const temporaryPaths: readonly NginxNode[] = [
  // On disk, in a volume of its own: bodies that wait there must not take memory.
  directive('client_body_temp_path', '/var/tmp/client_body'),
  directive('proxy_temp_path', '/var/tmp/proxy'),
  directive('fastcgi_temp_path', '/tmp/fastcgi'),
  directive('uwsgi_temp_path', '/tmp/uwsgi'),
  directive('scgi_temp_path', '/tmp/scgi'),
];

const proxyDefaults: readonly NginxNode[] = [
  directive('client_body_buffer_size', '128k'),
  directive('proxy_http_version', '1.1'),
  directive('proxy_connect_timeout', '2s'),
  directive('proxy_pass_trailers', 'on'),
  // POST, LOCK and PATCH are never sent twice unless it says `non_idempotent`. The limit in time keeps a silent app
  // from being asked the same again after its whole timeout.
  directive('proxy_next_upstream', 'error', 'timeout'),
  directive('proxy_next_upstream_timeout', '5s'),
  directive('proxy_next_upstream_tries', 2),
  directive('proxy_buffer_size', `${headersKiB}k`),
  directive('proxy_buffers', 16, '32k'),
  directive('proxy_busy_buffers_size', '128k'),
  noted('A slow visitor holds no worker: an answer waits in memory, then on disk, up to this', {
    ...directive('proxy_max_temp_file_size', '1024m'),
  }),
  noted('An app does not get to send visitors to what another route protects', {
    ...directive(
      'proxy_ignore_headers',
      'X-Accel-Redirect',
      'X-Accel-Limit-Rate',
      'X-Accel-Charset',
      'X-Accel-Expires',
    ),
  }),
];

function compression({ compress }: NginxModel): readonly NginxNode[] {
  if (!compress) return [];
  return [
    directive('gzip', 'on'),
    directive('gzip_vary', 'on'),
    directive('gzip_proxied', 'any'),
    directive('gzip_comp_level', 5),
    directive('gzip_min_length', 1024),
    directive('gzip_types', ...compressedTypes),
  ];
}

const maps: readonly NginxNode[] = [
  noted('Files with a digest in their name never change; others are asked about with their ETag', {
    ...block(
      'map',
      [variable('uri'), variable('plumbstack_keep')],
      [
        entry('default', 'no-cache'),
        entry(pattern`~[.-][0-9a-f]{8,64}\.[A-Za-z0-9]+$`, 'public, max-age=31536000, immutable'),
      ],
    ),
  }),
  noted('WebSocket only: other protocols would carry requests past the checks of this file', {
    ...block(
      'map',
      [variable('http_upgrade'), variable('plumbstack_upgrade')],
      // Whatever the case of it: maps do not look at that.
      [entry('default', ''), entry('websocket', 'websocket')],
    ),
  }),
  noted('Whether no byte of the request went to any server', {
    ...block(
      'map',
      [variable('upstream_bytes_sent'), variable('plumbstack_unsent')],
      [entry('default', '0'), entry(pattern`~^[-0, ]+$`, '1')],
    ),
  }),
];

function rateZones(routes: readonly PreparedRoute[]): readonly NginxNode[] {
  const zones = routes.flatMap((route) => {
    if (route.rateLimit === undefined) return [];
    const { requestsPerSecond } = route.rateLimit;
    if (!(requestsPerSecond > 0)) refuseConfig('above 0', 'requestsPerSecond');
    const perSecond = Math.min(requestsPerSecond, maxRate);
    const rate = Number.isInteger(perSecond)
      ? `${perSecond}r/s`
      : `${Math.max(1, Math.round(perSecond * 60))}r/m`;
    return [
      directive(
        'limit_req_zone',
        variable('binary_remote_addr'),
        `zone=${rateZone(route)}:5m`,
        `rate=${rate}`,
      ),
    ];
  });
  if (zones.length === 0) return [];
  return [...zones, directive('limit_req_status', 429)];
}

/** For whoever is inside the container: which configuration is in force, and how many connections there are. */
function statusServer({ statusPort, port, tls, revision }: NginxModel): NginxNode {
  if (statusPort === port || statusPort === tls?.port) refuseConfig('a port of its own', 'the status port');
  return block(
    'server',
    [],
    [
      directive('listen', `127.0.0.1:${portNumber(statusPort)}`),
      directive('server_name', '_'),
      directive('access_log', 'off'),
      directive('default_type', 'text/plain'),
      block('location', ['=', '/'], [directive('return', 200, revision)]),
      block('location', ['=', '/stub_status'], [directive('stub_status')]),
      block('location', ['/'], [directive('return', 404)]),
    ],
  );
}
