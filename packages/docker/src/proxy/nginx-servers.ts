import { portNumber } from './address.js';
import {
  block,
  directive,
  pattern,
  refuseConfig,
  text,
  variable,
  type NginxNode,
  type NginxWord,
} from './config-text.js';
import { acmeAnswer } from './nginx-acme.js';
import { addHeaders, mergeHeaders, type HeaderSet } from './nginx-headers.js';
import { virtualHosts, type VirtualHost } from './nginx-hosts.js';
import { errorPages, pageLocations, underMaintenance, type Pages } from './nginx-pages.js';
import { ambiguousPath, literally, literalMap } from './nginx-paths.js';
import { routeLocations, type PreparedRoute } from './nginx-route.js';
import type { NginxModel } from './proxy-model.js';

/** Forward secrecy and authenticated encryption only; TLS 1.3 has no other. */
const tlsCiphers = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

type Tls = NonNullable<NginxModel['tls']>;
type Host = VirtualHost<PreparedRoute>;

/** Headers of answers over HTTPS. Over HTTP, nobody may believe what HSTS says: RFC 6797, section 7.2. */
export function secureHeaders({ tls, headers }: NginxModel): HeaderSet {
  if (tls?.hsts === undefined) return headers;
  return mergeHeaders({ 'Strict-Transport-Security': tls.hsts }, headers);
}

/** The blocks of one of the two ports, and of all hosts. */
export function servers(
  model: NginxModel,
  port: 'plain' | 'secure',
  routes: readonly PreparedRoute[],
): readonly NginxNode[] {
  const { tls } = model;
  const hosts = virtualHosts(model.serverNames, routes, Object.keys(tls?.hosts ?? {}));
  const isSecure = port === 'secure' && tls !== undefined;
  const listen: readonly NginxWord[] = isSecure ? [portNumber(tls.port), 'ssl'] : [portNumber(model.port)];
  const security = (host?: Host): readonly NginxNode[] => (isSecure ? tlsSettings(tls, host) : []);
  const pages = sitePages(model, isSecure);
  // Authorities ask over plain HTTP.
  const answer = isSecure ? [] : acmeAnswer(model);
  const site = (host: Host, index: number): readonly NginxNode[] =>
    !isSecure && tls?.redirect === true
      ? redirected(tls, pages, answer)
      : [...answer, ...siteOf(model, host, String(index), pages)];
  return [
    ...(model.serverNames.length === 0 ? [] : [otherHosts(listen, security())]),
    ...hosts.map((host, index) =>
      block(
        'server',
        [],
        [
          // IPv4 only: the stack's network has no IPv6, and an engine without it would refuse the address.
          directive('listen', ...listen, ...(host.hosts.length === 0 ? defaultListener : [])),
          ...security(host),
          directive('server_name', ...serverName(host.hosts)),
          ...site(host, index),
        ],
      ),
    ),
  ];
}

const defaultListener: readonly NginxWord[] = ['default_server', 'backlog=4096'];

/** nginx's own wildcard stands for any number of labels; ours, as a certificate's, for one. */
function serverName(hosts: readonly string[]): readonly NginxWord[] {
  if (hosts.length === 0) return ['_'];
  return hosts.map((host) => (host.startsWith('*.') ? pattern`~^[^.]+${host.slice(1)}$` : host));
}

/** Whoever asks for another host learns nothing of those that are here. */
function otherHosts(listen: readonly NginxWord[], security: readonly NginxNode[]): NginxNode {
  return block(
    'server',
    [],
    [
      directive('listen', ...listen, ...defaultListener),
      ...security,
      directive('server_name', '_'),
      directive('return', 404),
    ],
  );
}

/** @param before what is answered rather than sent on */
function redirected(
  { publicPort }: Tls,
  { headers }: Pages,
  before: readonly NginxNode[],
): readonly NginxNode[] {
  const suffix = portNumber(publicPort) === 443 ? '' : `:${publicPort}`;
  const onwards = [
    ...headers,
    directive('return', 308, text('https://', variable('host'), suffix, variable('request_uri'))),
  ];
  // A server's own `return` comes before all of its locations.
  return before.length === 0 ? onwards : [...before, block('location', ['/'], onwards)];
}

function tlsVersions({ minVersion }: Tls): readonly NginxWord[] {
  return minVersion === '1.3' ? ['TLSv1.3'] : ['TLSv1.2', 'TLSv1.3'];
}

function tlsSettings(tls: Tls, host?: Host): readonly NginxNode[] {
  const { certificatePath, keyPath } =
    (host?.certificate !== undefined && tls.hosts[host.certificate]) || tls;
  return [
    directive('http2', 'on'),
    directive('ssl_certificate', certificatePath),
    directive('ssl_certificate_key', keyPath),
    directive('ssl_protocols', ...tlsVersions(tls)),
    directive('ssl_ciphers', tlsCiphers),
    directive('ssl_prefer_server_ciphers', 'off'),
    directive('ssl_session_cache', 'shared:tls:10m'),
    directive('ssl_session_timeout', '1d'),
    directive('ssl_session_tickets', 'off'),
  ];
}

/** @param hostId position among the hosts, which both ports have in the same order */
function siteOf(model: NginxModel, { routes }: Host, hostId: string, pages: Pages): readonly NginxNode[] {
  return [
    directive('client_max_body_size', model.maxBodyBytes),
    ...pages.headers,
    ...errorPages(pages),
    ...literally(hostId, routes),
    ...routes.flatMap(routeLocations),
    ...(routes.some(({ prefix }) => prefix === '/') ? [] : [staticFiles(model, pages)]),
    ...pageLocations(pages),
    ...(routes.length === 0 ? [] : [ambiguousPath(pages.headers)]),
  ];
}

/** Where paths with dot segments lead, by the hosts that see the same routes, for the `http` block. */
export function literalMaps(
  { serverNames, tls }: NginxModel,
  routes: readonly PreparedRoute[],
): readonly NginxNode[] {
  return virtualHosts(serverNames, routes, Object.keys(tls?.hosts ?? {})).flatMap((host, index) =>
    literalMap(String(index), host.routes, routes),
  );
}

/** The router itself, where no route answers. */
export function sitePages(model: NginxModel, isSecure: boolean): Pages {
  const { errorPages, maintenance } = model;
  return {
    id: 'site',
    headers: addHeaders(mergeHeaders(isSecure ? secureHeaders(model) : model.headers)),
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
