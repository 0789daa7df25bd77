import { portNumber, socketAddress, dnsLabel } from './address.js';
import {
  block,
  directive,
  entry,
  literalDollar,
  noted,
  pattern,
  printNginx,
  refuseConfig,
  text,
  variable,
  type NginxNode,
  type NginxWord,
} from './config-text.js';
import { corsMaps } from './nginx-cors.js';
import { rateZone } from './nginx-guards.js';
import { addHeaders, mergeHeaders } from './nginx-headers.js';
import { virtualHosts, type VirtualHost } from './nginx-hosts.js';
import { logs } from './nginx-logs.js';
import { errorPages, maintenanceMap, pageLocations, underMaintenance, type Pages } from './nginx-pages.js';
import { pagesOf, routeLocations, type PreparedRoute } from './nginx-route.js';
import { visitor } from './nginx-trust.js';
import type { NginxModel, NginxRoute, ProxyFile } from './proxy-model.js';

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

/** Forward secrecy and authenticated encryption only; TLS 1.3 has no other. */
const tlsCiphers = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** Highest rate that nginx is told; it counts in thousandths of a request in a machine word. */
const maxRate = 1_000_000;

/**
 * nginx's configuration, for nginx >= 1.29.3 run as `nginx -c <folder>/nginx.conf -g 'daemon off;'` by any user, with
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
    directive('worker_processes', 4),
    directive('worker_rlimit_nofile', 16_384),
    noted(
      'Requests may go on this long after a reload',
      directive('worker_shutdown_timeout', drainTime(model.routes)),
    ),
    directive('error_log', 'stderr', 'warn'),
    block('events', [], [directive('worker_connections', 4096)]),
    block('http', [], httpBlock(model, routes)),
  ];
  return [{ path: 'nginx.conf', content: printNginx(nodes) }, ...passwordFiles(routes)];
}

function prepare(model: NginxModel): readonly PreparedRoute[] {
  if (!/^[0-9a-f]+$/.test(model.revision)) refuseConfig('hexadecimal', 'the revision');
  return model.routes.map((route, index) => ({
    ...route,
    index,
    allHeaders: mergeHeaders(model.headers, route.headers),
    bodyLimit: route.maxBodyBytes ?? model.maxBodyBytes,
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

function drainTime(routes: readonly NginxRoute[]): string {
  return `${Math.max(60_000, ...routes.map(({ timeoutMs }) => timeoutMs))}ms`;
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
    ...corsMaps(routes),
    ...[sitePages(model), ...routes.map(pagesOf)].flatMap(maintenanceMap),
    ...upstreams(routes),
    ...rateZones(routes),
    ...servers(model, routes),
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
  directive('large_client_header_buffers', 4, '16k'),
  directive('reset_timedout_connection', 'on'),
];

/** Host names and origins have up to 253 characters, and there may be many. */
const hashSizes: readonly NginxNode[] = [
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
  directive('proxy_temp_path', '/tmp/proxy'),
  directive('fastcgi_temp_path', '/tmp/fastcgi'),
  directive('uwsgi_temp_path', '/tmp/uwsgi'),
  directive('scgi_temp_path', '/tmp/scgi'),
];

const proxyDefaults: readonly NginxNode[] = [
  directive('client_body_buffer_size', '128k'),
  directive('proxy_http_version', '1.1'),
  directive('proxy_connect_timeout', '2s'),
  // POST, LOCK and PATCH are never sent twice unless it says `non_idempotent`. The limit in time keeps a silent app
  // from being asked the same again after its whole timeout.
  directive('proxy_next_upstream', 'error', 'timeout'),
  directive('proxy_next_upstream_timeout', '5s'),
  directive('proxy_next_upstream_tries', 2),
  directive('proxy_buffer_size', '32k'),
  directive('proxy_buffers', 16, '32k'),
  directive('proxy_busy_buffers_size', '64k'),
  noted('Answers wait in memory alone: /tmp is small', directive('proxy_max_temp_file_size', 0)),
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
      [entry('default', ''), entry(pattern`~*^websocket$`, 'websocket')],
    ),
  }),
  block(
    'map',
    [variable('plumbstack_upgrade'), variable('plumbstack_connection')],
    [entry('default', ''), entry('websocket', 'upgrade')],
  ),
  noted('Whether no byte of the request went to any server', {
    ...block(
      'map',
      [variable('upstream_bytes_sent'), variable('plumbstack_unsent')],
      [entry('default', '0'), entry(pattern`~^[-0, ]+$`, '1')],
    ),
  }),
];

function upstreams(routes: readonly PreparedRoute[]): readonly NginxNode[] {
  const byName = new Map<string, { readonly servers: string; readonly node: NginxNode }>();
  for (const { target } of routes) {
    if (target.type !== 'upstream' || target.servers.length === 0) continue;
    const name = dnsLabel(target.name);
    const servers = target.servers.map(socketAddress);
    const key = `${servers.join()} ${target.pool}`;
    const known = byName.get(name);
    if (known !== undefined && known.servers !== key)
      refuseConfig('the same in every route', `the servers of ${name}`);
    const node = block(
      'upstream',
      [name],
      [
        directive('zone', name, '64k'),
        ...servers.map((server) =>
          directive('server', server, ...(servers.length > 1 ? ['fail_timeout=2s'] : [])),
        ),
        directive('keepalive', 64),
        // Shorter than any server's own idle time (Gunicorn's 2 s, Node's 5 s, 10 s of a pool's HAProxy): a request on a
        // connection that the other end is closing is lost.
        directive('keepalive_timeout', target.pool ? '5s' : '1s'),
        directive('keepalive_requests', 100_000),
      ],
    );
    byName.set(name, { servers: key, node });
  }
  return [...byName.values()].map(({ node }) => node);
}

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

function servers(model: NginxModel, routes: readonly PreparedRoute[]): readonly NginxNode[] {
  const hosts = virtualHosts(model.serverNames, routes);
  const plainPort = portNumber(model.port);
  const { tls } = model;
  const plain = (host: VirtualHost<PreparedRoute>): readonly NginxNode[] =>
    tls === undefined
      ? siteOf(model, host)
      : [...addHeaders(mergeHeaders(model.headers)), directive('return', 308, httpsUrl(tls.publicPort))];
  const listeners = [
    { listen: [plainPort], extra: [], site: plain },
    ...(tls === undefined
      ? []
      : [
          {
            listen: [portNumber(tls.port), 'ssl'],
            extra: tlsSettings(tls),
            site: (host: VirtualHost<PreparedRoute>) => siteOf(model, host),
          },
        ]),
  ];
  return listeners.flatMap(({ listen, extra, site }) => [
    ...(model.serverNames.length === 0 ? [] : [otherHosts(listen, extra)]),
    ...hosts.map((host) =>
      block(
        'server',
        [],
        [
          // IPv4 only: the stack's network has no IPv6, and an engine without it would refuse the address.
          directive('listen', ...listen, ...(host.hosts.length === 0 ? defaultListener : [])),
          ...extra,
          directive('server_name', ...serverName(host.hosts)),
          ...site(host),
        ],
      ),
    ),
  ]);
}

const defaultListener: readonly NginxWord[] = ['default_server', 'backlog=4096'];

/** nginx's own wildcard stands for any number of labels; ours, as a certificate's, for one. */
function serverName(hosts: readonly string[]): readonly NginxWord[] {
  if (hosts.length === 0) return ['_'];
  return hosts.map((host) => (host.startsWith('*.') ? pattern`~^[^.]+${host.slice(1)}$` : host));
}

/** Whoever asks for another host learns nothing of those that are here. */
function otherHosts(listen: readonly NginxWord[], extra: readonly NginxNode[]): NginxNode {
  return block(
    'server',
    [],
    [
      directive('listen', ...listen, ...defaultListener),
      ...extra,
      directive('server_name', '_'),
      directive('return', 404),
    ],
  );
}

function httpsUrl(publicPort: number): NginxWord {
  const suffix = portNumber(publicPort) === 443 ? '' : `:${publicPort}`;
  return text('https://', variable('host'), suffix, variable('request_uri'));
}

function tlsSettings({ certificatePath, keyPath }: NonNullable<NginxModel['tls']>): readonly NginxNode[] {
  return [
    directive('http2', 'on'),
    directive('ssl_certificate', certificatePath),
    directive('ssl_certificate_key', keyPath),
    directive('ssl_protocols', 'TLSv1.2', 'TLSv1.3'),
    directive('ssl_ciphers', tlsCiphers),
    directive('ssl_prefer_server_ciphers', 'off'),
    directive('ssl_session_cache', 'shared:tls:10m'),
    directive('ssl_session_timeout', '1d'),
    directive('ssl_session_tickets', 'off'),
  ];
}

function siteOf(model: NginxModel, { routes }: VirtualHost<PreparedRoute>): readonly NginxNode[] {
  const pages = sitePages(model);
  return [
    directive('client_max_body_size', model.maxBodyBytes),
    ...pages.headers,
    ...errorPages(pages),
    ...routes.flatMap(routeLocations),
    ...(routes.some(({ prefix }) => prefix === '/') ? [] : [staticFiles(model, pages)]),
    ...pageLocations(pages),
  ];
}

/** The router itself, where no route answers. */
function sitePages({ headers, errorPages, maintenance }: NginxModel): Pages {
  return {
    id: 'site',
    headers: addHeaders(mergeHeaders(headers)),
    errorPages,
    ...(maintenance !== undefined && { maintenance }),
  };
}

/** Files, but none whose name or folder starts with a dot: passwords and repositories lie there. RFC 8615 has the exception. */
function staticFiles({ root, headers }: NginxModel, pages: Pages): NginxNode {
  if (!root.startsWith('/')) refuseConfig('an absolute path', 'the root of static files');
  const says = Object.keys(headers).some((name) => name.toLowerCase() === 'cache-control');
  return block(
    'location',
    ['/'],
    [
      ...underMaintenance(pages),
      directive('root', text(root)),
      directive('index', 'index.html', 'index.htm'),
      ...(says
        ? []
        : [...pages.headers, directive('add_header', 'Cache-Control', variable('plumbstack_keep'))]),
      block('location', ['~', pattern`^/\.(?!well-known/)|./\.`], [directive('deny', 'all')]),
    ],
  );
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
