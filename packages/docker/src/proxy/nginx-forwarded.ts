import { directive, text, variable, type NginxNode, type NginxWord } from './config-text.js';
import { requestId } from './nginx-headers.js';

/** The host and port that the visitor asked for. Not the Host field: a request line with a whole URL overrides that. */
export const visitedHost = text(variable('host'), variable('is_request_port'), variable('request_port'));

/** What only a proxy can know, and frameworks believe. This one does not say it, so that nobody does. */
const proxiesOnly = [
  'Forwarded',
  'X-Forwarded-Port',
  'X-Forwarded-Scheme',
  'X-Forwarded-Server',
  'X-Forwarded-Ssl',
  // https://httpoxy.org
  'Proxy',
];

/** What frames the request. nginx sends its own; these are here for their look-alikes. */
const framing = ['Content-Length', 'Content-Type', 'Transfer-Encoding'];

/**
 * What the app is told about the visitor. What requests say about other proxies is replaced, never extended, unless it is
 * one that the router trusts; and an id of the visitor's own making could not be told from a forged one.
 *
 * @param connection value of the Connection field
 */
export function forwardedHeaders(prefix: string, connection: NginxWord): readonly NginxNode[] {
  const told: readonly (readonly [string, NginxWord])[] = [
    ['Host', visitedHost],
    ['X-Real-IP', variable('remote_addr')],
    ['X-Forwarded-For', variable('remote_addr')],
    ['X-Forwarded-Proto', variable('plumbstack_scheme')],
    ['X-Forwarded-Host', visitedHost],
    ['X-Forwarded-Prefix', prefix],
    ['X-Request-Id', requestId],
    ['Upgrade', variable('plumbstack_upgrade')],
    ['Connection', connection],
  ];
  const dropped = [
    ...proxiesOnly,
    ...[...told.map(([name]) => name), ...proxiesOnly, ...framing].flatMap(lookAlikes),
  ];
  return [
    ...told.map(([name, value]) => directive('proxy_set_header', name, value)),
    ...dropped.map((name) => directive('proxy_set_header', name, '')),
  ];
}

/**
 * Names that an app cannot tell from this one: CGI, WSGI, Rack and httpuv turn both hyphens and underscores into
 * underscores.
 */
function lookAlikes(name: string): readonly string[] {
  const [first = '', ...rest] = name.split('-');
  const spellings = rest.reduce<readonly string[]>(
    (starts, part) => starts.flatMap((start) => [`${start}-${part}`, `${start}_${part}`]),
    [first],
  );
  return spellings.filter((each) => each !== name);
}
