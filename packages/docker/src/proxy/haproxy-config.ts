import { dnsLabel, portNumber, socketAddress } from './address.js';
import {
  comment,
  condition,
  fetch,
  format,
  group,
  line,
  logField,
  matching,
  printHaproxy,
  refuseConfig,
  section,
  type HaproxySection,
  type HaproxyWord,
} from './config-text.js';
import { bufferBytes, headerFields } from './limits.js';
import { oldGenerations } from './old-generations.js';
import type { HaproxyModel, ProxyFile } from './proxy-model.js';
import { haproxyRunFolder, poolBackend, poolFrontend, serverName } from './haproxy-names.js';
import {
  admittedSections,
  chosenByTurn,
  takesTurns,
  turnFiles,
  turnGlobals,
  turnSections,
} from './haproxy-turns.js';
import { entrance, visitor } from './haproxy-visitors.js';
import { checkedHost } from './loopback.js';
import { retryAfterSeconds } from './retry-after.js';

/** Server states that the next process starts from. Without it, a reload forgets who drains, and whose weight was changed. */
export const serverStateFile = `${haproxyRunFolder}/state`;

/**
 * How long a check waits at most behind a request of a worker that takes few at a time: busy is not ill, and a worker that
 * hangs is found out some day.
 */
const busyTimeoutMs = 600_000;
const maxHealthPath = 1000;
/**
 * How many connections to a worker may fail one after the other until it is out. One such failure may be that of a busy machine, and
 * the request has another try.
 */
const failedConnections = 2;
/**
 * A worker that dies has the fewest requests, so that the one that it dies with is given to it again, until it is out. The try
 * after that is another worker's.
 */
const retries = failedConnections + 1;

/**
 * HAProxy's configuration, for HAProxy >= 3.1 with Lua, as its official images have it, run as `haproxy -W -db -f <folder>/haproxy.cfg` by any user, with a
 * read-only root and a writable `/tmp`.
 *
 * @throws INVALID_OPTION for a value that HAProxy would not take as a value
 */
export function renderHaproxy(model: HaproxyModel): readonly ProxyFile[] {
  if (!/^[0-9a-f]+$/.test(model.revision)) refuseConfig('hexadecimal', 'the revision');
  const ports = [model.port, model.statsPort, model.adminPort].filter((each) => each !== undefined);
  if (new Set(ports.map(portNumber)).size < ports.length)
    refuseConfig('different from one another', 'the ports');
  const sections = [
    globals(model),
    ...(takesTurns(model) ? turnSections(model) : []),
    defaults(model),
    ...(takesTurns(model) ? admittedSections(model) : [frontend(model)]),
    backend(model),
    ...statistics(model),
  ];
  return [{ path: 'haproxy.cfg', content: printHaproxy(sections) }, ...turnFiles(model)];
}

function globals(model: HaproxyModel): HaproxySection {
  const { adminPort, revision, drainTimeoutMs } = model;
  return section(
    'global',
    [],
    [
      ...turnGlobals(model),
      comment('Names this configuration: "show info" tells it'),
      line('description', revision),
      line('log', 'stdout', 'format', 'raw', 'local0', 'info'),
      comment('Two threads wait for each other: a request costs more than twice the time that it costs one'),
      line('nbthread', 1),
      line('fd-hard-limit', 65_536),
      line('stats socket', `${haproxyRunFolder}/admin.sock`, 'mode', '600', 'level', 'admin'),
      line('stats socket', `ipv4@127.0.0.1:${adminPort}`, 'level', 'admin'),
      line('stats timeout', '1m'),
      ...messageLimits,
      line('server-state-file', serverStateFile),
      comment('What visitors have begun may go on this long after a reload, and over so many more'),
      line('hard-stop-after', milliseconds(drainTimeoutMs)),
      line('mworker-max-reloads', oldGenerations),
    ],
  );
}

const messageLimits: readonly string[] = [
  line('tune.bufsize', bufferBytes),
  comment('Buffers for the next requests: HAProxy itself keeps six, and asks the system for each other one'),
  line('tune.memory.hot-size', 100 * bufferBytes),
  line('tune.http.maxhdr', headerFields),
];

function milliseconds(value: number): string {
  // HAProxy counts in 31 bits; core's longest are far below.
  if (!Number.isSafeInteger(value) || value < 1 || value > 2_147_483_647)
    refuseConfig('at least 1 ms', 'a time');
  return `${value}ms`;
}

function defaults({
  timeoutMs,
  webSocketTimeoutMs,
  queue,
  health,
  maxConcurrency,
}: HaproxyModel): HaproxySection {
  const busyMs =
    health.type === 'http' && maxConcurrency !== undefined ? Math.min(timeoutMs, busyTimeoutMs) : 0;
  return section(
    'defaults',
    [],
    [
      line('mode', 'http'),
      comment('Requests are logged when they fail: a router in front has an access log'),
      line('log', 'global'),
      line('log-format', failureLine),
      line('option dontlognull'),
      line('option dontlog-normal'),
      line('option http-no-delay'),
      line('timeout connect', '250ms'),
      line('timeout client', milliseconds(timeoutMs + queue.timeoutMs + 1000)),
      line('timeout server', milliseconds(timeoutMs)),
      line('timeout tunnel', milliseconds(webSocketTimeoutMs)),
      line('timeout queue', milliseconds(queue.timeoutMs)),
      line('timeout http-request', '20s'),
      comment('Longer than a router keeps idle connections, so that none is closed while it sends a request'),
      line('timeout http-keep-alive', '10s'),
      line('timeout check', milliseconds(busyMs + health.timeoutMs)),
      line('load-server-state-from-file', 'global'),
      ...failures.map(([status, message, ...header]) =>
        line('http-error', 'status', status, 'content-type', 'text/plain', 'string', message, ...header),
      ),
    ],
  );
}

/** HAProxy's own format, but for the request line: keys and tokens are in query strings. */
const failureLine = format(
  ...[logField('ci'), ':', logField('cp'), ' [', logField('tr'), '] ', logField('ft'), ' '],
  ...[logField('b'), '/', logField('s'), ' '],
  ...['TR', 'Tw', 'Tc', 'Tr'].flatMap((each) => [logField(each), '/']),
  ...[logField('Ta'), ' ', logField('ST'), ' ', logField('B'), ' ', logField('tsc'), ' '],
  ...['ac', 'fc', 'bc', 'sc'].flatMap((each) => [logField(each), '/']),
  ...[logField('rc'), ' ', logField('sq'), '/', logField('bq'), ' '],
  ...[logField('HM'), ' ', logField('HPO'), ' ', logField('HV')],
);

const failures: readonly (readonly [status: number, message: string, ...header: HaproxyWord[]])[] = [
  [502, 'The worker did not answer properly.'],
  [503, 'No worker is free right now.', 'hdr', 'Retry-After', format(String(retryAfterSeconds))],
  [504, 'The worker did not answer in time.'],
];

function frontend(model: HaproxyModel): HaproxySection {
  return section(
    'frontend',
    [poolFrontend],
    [
      ...entrance(model),
      comment('Clients that are idle while a reload comes may use their connection once more'),
      line('option idle-close-on-response'),
      ...visitor(model),
      line('default_backend', poolBackend),
    ],
  );
}

function backend(model: HaproxyModel): HaproxySection {
  const { slots, sticky, health } = model;
  const numbers = new Set(slots.map(({ number }) => number));
  const addresses = new Set(slots.map(({ address }) => address));
  if (numbers.size < slots.length || addresses.size < slots.length)
    refuseConfig('different', 'slots of a pool');
  return section(
    'backend',
    [poolBackend],
    [
      ...balancing(model),
      ...(sticky.type === 'cookie' ? stickiness(sticky, [...numbers]) : []),
      comment(
        'A worker that dies or is silent gives its request to another, where sending it twice changes nothing',
      ),
      line('retries', retries),
      line('option redispatch', 1),
      line('retry-on', 'conn-failure', 'empty-response', 'response-timeout'),
      line('http-request disable-l7-retry', ...unlessRepeatable),
      ...connections(model),
      ...chosenByTurn(model),
      ...healthCheck(health),
      line('default-server', ...serverDefaults(model)),
      ...slots.map(({ number, address }) => {
        const name = serverName(number);
        const cookie = sticky.type === 'cookie' ? ['cookie', name] : [];
        return line('server', name, socketAddress(address), 'id', number, ...cookie);
      }),
    ],
  );
}

function balancing({ balance, sticky }: HaproxyModel): readonly string[] {
  // Consistent: when a worker comes or goes, only its own clients move.
  if (sticky.type === 'source') return [line('balance', 'source'), line('hash-type', 'consistent')];
  switch (balance.algorithm) {
    case 'leastconn':
    case 'roundrobin':
      return [line('balance', balance.algorithm)];
    case 'random':
      return [line('balance', fetch('random', '2'))];
    case 'source':
      return [line('balance', 'source'), line('hash-type', 'consistent')];
    case 'header':
      return [line('balance', fetch('hdr', balance.header)), line('hash-type', 'consistent')];
  }
}

/** Sending these twice changes nothing (RFC 9110, section 9.2.1). */
const unlessRepeatable = ['unless', condition(fetch('method'), 'GET', 'HEAD', 'OPTIONS')] as const;

/**
 * Each request has a connection of its own, unless the app is trusted to end its answers where it says so. Opening one costs
 * some 0.1 ms; one that is kept would hold the place of a worker that takes few requests at a time. Kept ones are shared by
 * what may be repeated. The rest would be lost on one that the worker was about to close, and HAProxy says nothing then, but
 * hangs up: each has a connection of its own, by a name that no other has, and so has HEAD, which some answer with a body.
 * (`http-reuse safe` is no help: with these `retry-on` it takes every request for one that is repeated.)
 */
function connections(model: HaproxyModel): readonly string[] {
  return keepsConnections(model)
    ? [
        line('http-reuse', 'safe'),
        line(
          'http-request set-var(txn.connection)',
          fetch('uuid', '4'),
          'unless',
          condition(fetch('method'), 'GET', 'OPTIONS'),
        ),
      ]
    : [line('option http-server-close')];
}

function keepsConnections(model: HaproxyModel): boolean {
  return model.keepAlive && !takesTurns(model);
}

/**
 * A worker that leaves keeps no client: with weight 0 its cookie counts no longer, and the client gets another's. By
 * itself, HAProxy's drain state goes on sending clients with the cookie there, until the worker stops under them; and
 * `ignore-persist` gives them no other cookie. Behind a `|` HAProxy notes when a cookie with a life was given.
 */
function stickiness(cookie: StickyCookie, slots: readonly number[]): readonly string[] {
  const { name, secure, sameSite, ttlMs } = cookie;
  const attributes = [
    `SameSite=${sameSiteWords[sameSite]}`,
    ...(ttlMs === undefined ? [] : [`Max-Age=${seconds(ttlMs)}`]),
  ];
  return [
    line(
      'cookie',
      cookieName(name),
      ...['insert', 'indirect', 'nocache', 'httponly'],
      ...(secure ? ['secure'] : []),
      ...(ttlMs === undefined ? [] : ['maxlife', `${seconds(ttlMs)}s`]),
      ...attributes.flatMap((each) => ['attr', each]),
    ),
    ...slots.map((slot) => {
      const server = serverName(slot);
      const leaving = condition(fetch('srv_weight', `${poolBackend}/${server}`), 0);
      const from = matching`^(.*; *)?${name}=${server}([|][^;]*)?(;.*)?$`;
      return line(
        'http-request replace-header',
        'Cookie',
        from,
        format(group(1), `${name}=`, group(3)),
        'if',
        leaving,
      );
    }),
  ];
}

type StickyCookie = Extract<HaproxyModel['sticky'], { type: 'cookie' }>;
const sameSiteWords = { lax: 'Lax', strict: 'Strict', none: 'None' } as const;

function cookieName(name: string): string {
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(name))
    refuseConfig('letters, digits and . _ -', 'the name of a cookie');
  return name;
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

function healthCheck(health: HaproxyModel['health']): readonly string[] {
  if (health.type === 'tcp') return [];
  const { path, host = checkedHost, minStatus, maxStatus } = health;
  if (!path.startsWith('/') || path.length > maxHealthPath || /\s/.test(path)) {
    refuseConfig(`a path of at most ${maxHealthPath} characters`, 'the path of a health check');
  }
  return [
    line('option httpchk'),
    line('http-check send', 'meth', 'GET', 'uri', path, 'ver', 'HTTP/1.1', 'hdr', 'Host', format(host)),
    line('http-check expect', 'status', `${minStatus}-${maxStatus}`),
  ];
}

function serverDefaults(model: HaproxyModel): readonly HaproxyWord[] {
  const { health, maxConcurrency, slowStartMs } = model;
  const { intervalMs, retries } = health;
  return [
    'check',
    ...['inter', milliseconds(intervalMs)],
    ...['fastinter', milliseconds(Math.min(intervalMs, 200))],
    ...['downinter', milliseconds(Math.min(intervalMs, 500))],
    ...['rise', 1, 'fall', retries],
    // An empty or booting slot is out from the first moment.
    ...['init-state', 'down', 'observe', 'layer4', 'error-limit', failedConnections, 'on-error', 'mark-down'],
    ...(keepsConnections(model) ? ['pool-conn-name', fetch('var', 'txn.connection')] : []),
    ...(maxConcurrency === undefined ? [] : ['maxconn', maxConcurrency]),
    ...(slowStartMs === undefined ? [] : ['slowstart', milliseconds(slowStartMs)]),
  ];
}

/** Shows and changes nothing: there is no `stats admin`. */
function statistics({ statsPort, pool }: HaproxyModel): readonly HaproxySection[] {
  if (statsPort === undefined) return [];
  return [
    section(
      'frontend',
      ['statistics'],
      [
        line('bind', `ipv4@*:${statsPort}`),
        line('no log'),
        line('http-request deny', 'unless', condition(fetch('method'), 'GET', 'HEAD')),
        line('http-request use-service', 'prometheus-exporter', 'if', condition(fetch('path'), '/metrics')),
        line('stats enable'),
        line('stats uri', '/'),
        line('stats refresh', '5s'),
        line('stats hide-version'),
        line('stats show-node', dnsLabel(pool)),
      ],
    ),
  ];
}
