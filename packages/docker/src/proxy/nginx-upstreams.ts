import { dnsLabel, socketAddress } from './address.js';
import {
  block,
  directive,
  entry,
  noted,
  pattern,
  refuseConfig,
  text,
  variable,
  type NginxCode,
  type NginxNode,
} from './config-text.js';
import type { NginxRoute } from './proxy-model.js';

/** What a route leads to, where that is not a redirect. */
export type Upstream = Extract<NginxRoute['target'], { type: 'upstream' }>;

// Names of our own: a resource may be called as something else of this configuration is, and shared memory has one
// namespace for all of it.
const closedName = ({ name }: Upstream): string => `to-${dnsLabel(name)}`;
const keptName = ({ name }: Upstream): string => `kept-${dnsLabel(name)}`;

/**
 * Where a request goes. What an app sends beyond the end of its answer would become the beginning of the next one on the same
 * connection, so that only apps that are trusted in this have theirs kept. Not for HEAD even then: some answer it with a
 * body, and that comes when the answer has long been passed on.
 */
export function upstreamOf(target: Upstream): NginxCode {
  if (!target.keepAlive) return text(closedName(target));
  return target.pool ? text(keptName(target)) : text(variable('plumbstack_kept'), dnsLabel(target.name));
}

/** Value of the Connection field towards it. */
export function connectionTo(target: Upstream): NginxCode {
  if (!target.keepAlive) return variable('plumbstack_connection_once');
  return variable(target.pool ? 'plumbstack_connection_kept' : 'plumbstack_connection');
}

/** Upstreams and what is chosen by each request, for the `http` block. */
export function upstreams(routes: readonly NginxRoute[]): readonly NginxNode[] {
  const byName = new Map<string, { readonly key: string; readonly nodes: readonly NginxNode[] }>();
  const targets = routes.flatMap(({ target }) => (target.type === 'upstream' ? [target] : []));
  for (const target of targets) {
    if (target.servers.length === 0) continue;
    const { name, pool, keepAlive, servers } = target;
    const key = `${servers.map(socketAddress).join()} ${pool} ${keepAlive}`;
    const known = byName.get(name);
    if (known !== undefined && known.key !== key)
      refuseConfig('the same in every route', `the servers of ${name}`);
    byName.set(name, { key, nodes: [...(keepAlive ? [kept(target)] : []), closed(target)] });
  }
  return [
    ...connectionMaps,
    ...unansweredMaps(targets),
    ...[...byName.values()].flatMap(({ nodes }) => nodes),
  ];
}

const connectionMaps: readonly NginxNode[] = [
  noted(
    'Some answer HEAD with a body: its connection is not used again',
    block(
      'map',
      [variable('request_method'), variable('plumbstack_kept')],
      [entry('default', 'kept-'), entry('HEAD', 'to-')],
    ),
  ),
  upgradeOr('plumbstack_connection_kept', ''),
  upgradeOr('plumbstack_connection_once', 'close'),
  block(
    'map',
    [text(variable('plumbstack_kept'), variable('plumbstack_upgrade')), variable('plumbstack_connection')],
    [
      entry('default', ''),
      ...['kept-websocket', 'to-websocket'].map((each) => entry(each, 'upgrade')),
      entry('to-', 'close'),
    ],
  ),
];

function upgradeOr(name: string, otherwise: string): NginxNode {
  return block(
    'map',
    [variable('plumbstack_upgrade'), variable(name)],
    [entry('default', otherwise), entry('websocket', 'upgrade')],
  );
}

/** nginx keeps connections unless it is told not to: https://nginx.org/en/docs/http/ngx_http_upstream_module.html#keepalive */
function closed(target: Upstream): NginxNode {
  return upstream(closedName(target), target, [directive('keepalive', 0)]);
}

function kept(target: Upstream): NginxNode {
  return upstream(keptName(target), target, [
    directive('keepalive', 64),
    // Shorter than any server's own idle time (Gunicorn's 2 s, Node's 5 s, 10 s of a pool's HAProxy): a request on a
    // connection that the other end is closing is lost.
    directive('keepalive_timeout', target.pool ? '5s' : '1s'),
    directive('keepalive_requests', 100_000),
  ]);
}

function upstream(name: string, { servers }: Upstream, connections: readonly NginxNode[]): NginxNode {
  return block(
    'upstream',
    [name],
    [
      directive('zone', name, '64k'),
      ...servers.map((server) =>
        directive('server', socketAddress(server), ...(servers.length > 1 ? ['fail_timeout=2s'] : [])),
      ),
      ...connections,
    ],
  );
}

/** Name of the variable that says whether a request has waited its whole time for a worker. */
export function unansweredName(turnTimeoutMs: number): string {
  return `plumbstack_unanswered_${turnTimeoutMs}`;
}

/**
 * A pool whose workers take few requests at a time hangs up, without a byte, when nobody was free in time. That tells it from
 * a HAProxy that died with the request: the time is that of the pool's queue, give or take a second.
 */
function unansweredMaps(targets: readonly Upstream[]): readonly NginxNode[] {
  const times = new Set(
    targets.flatMap(({ turnTimeoutMs }) => (turnTimeoutMs === undefined ? [] : [turnTimeoutMs])),
  );
  return [...times].map((timeMs) => {
    if (!Number.isSafeInteger(timeMs) || timeMs < 1) refuseConfig('at least 1 ms', 'the time in a queue');
    const [seconds, tenths] = [Math.floor(timeMs / 1000), Math.floor((timeMs % 1000) / 100)];
    const [from, to, next] = [String(seconds), String(tenths), String(seconds + 1)];
    return block(
      'map',
      [
        text(variable('upstream_bytes_received'), ' ', variable('upstream_response_time')),
        variable(unansweredName(timeMs)),
      ],
      [entry('default', '0'), entry(pattern`~^0 (?:${from}\.[${to}-9]|${next}\.[0-${to}])`, '1')],
    );
  });
}
