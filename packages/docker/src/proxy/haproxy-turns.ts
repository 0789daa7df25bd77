import {
  comment,
  condition,
  convert,
  fetch,
  format,
  line,
  section,
  type HaproxySection,
} from './config-text.js';
import {
  haproxyRunFolder,
  poolBackend,
  poolFrontend,
  refusalFrontend,
  serverName,
  turnBackend,
  turnFrontend,
} from './haproxy-names.js';
import { entrance, fromRouter, visitor } from './haproxy-visitors.js';
import type { HaproxyModel, ProxyFile } from './proxy-model.js';
import { retryAfterSeconds } from './retry-after.js';

/**
 * Workers that take few requests at a time are given them in turns, by a part of HAProxy that passes bytes on and knows HTTP
 * only as far as it has to choose a worker. A visitor who leaves while he waits is dropped: there is nothing to be computed for.
 * One who leaves while a worker computes for him goes on to hold its place, because this part waits for the worker's side to
 * close, and that is the HTTP part behind it, which closes when the worker has answered: so it is known that the worker is
 * free. HAProxy's HTTP part alone can only do both (`abortonclose`) or neither.
 *
 * ```txt
 * requests ──▶ turns: who waits, places ──▶ admitted ──▶ pool: cookies, retries, checks ──▶ workers
 * ```
 */
const turnAddress = `unix@${haproxyRunFolder}/turns.sock`;
const refusalAddress = `unix@${haproxyRunFolder}/refusals.sock`;

/** PROXY protocol's own range for such use is from 0xE0: https://www.haproxy.org/download/3.2/doc/proxy-protocol.txt */
const workerTlv = '0xE0';
/** Beyond what any route may take: what is behind has limits of its own. */
const longest = '25h';
const longestHeaderWait = '20s';

export function takesTurns({ maxConcurrency }: Pick<HaproxyModel, 'maxConcurrency'>): boolean {
  return maxConcurrency !== undefined;
}

/**
 * In the backend of the workers: the one whose turn was taken. Not where clients have cookies: HAProxy gives none to a request
 * whose server was chosen by a rule. There a client with a cookie takes the turn of its own worker, and another one goes to
 * any that is free, of which there is one for each turn.
 */
export function chosenByTurn(model: HaproxyModel): readonly string[] {
  if (!takesTurns(model) || model.sticky.type === 'cookie') return [];
  const taken = fetch('fc_pp_tlv', workerTlv);
  return [line('use-server', format(taken), 'if', condition(taken, '-m', 'found'))];
}

/**
 * A server that tracks another one starts as up, whatever that one is, and learns of changes only: an empty slot would have
 * turns to give. One that leaves maintenance looks at what it tracks.
 */
const turnsLua: ProxyFile = {
  path: 'turns.lua',
  content: `core.register_task(function()
  for name, server in pairs(core.backends['${turnBackend}'].servers) do
    local worker = core.backends['${poolBackend}'].servers[name]
    if worker:get_stats()['status']:find('^DOWN') then
      server:set_maint()
      server:set_ready()
    end
  end
end)
`,
};

/** Files beside the configuration. */
export function turnFiles(model: HaproxyModel): readonly ProxyFile[] {
  return takesTurns(model) ? [turnsLua] : [];
}

/** What loads them. */
export function turnGlobals(model: HaproxyModel): readonly string[] {
  if (!takesTurns(model)) return [];
  return [
    line('default-path', 'config'),
    line('tune.lua.bool-sample-conversion', 'normal'),
    line('lua-load', turnsLua.path),
  ];
}

/** What passes bytes on. Its defaults hold up to the next ones. */
export function turnSections(model: HaproxyModel): readonly HaproxySection[] {
  return [
    section(
      'defaults',
      [],
      [
        line('mode', 'tcp'),
        line('timeout connect', '250ms'),
        line('timeout client', longest),
        line('timeout server', longest),
        line('timeout queue', `${model.queue.timeoutMs}ms`),
      ],
    ),
    waiting(model),
    turns(model),
    section('backend', ['full'], [line('server', 'refusal', refusalAddress)]),
  ];
}

/** Where what has had its turn comes in, and what may not wait. */
export function admittedSections(model: HaproxyModel): readonly HaproxySection[] {
  return [admitted(model), refusal];
}

function waiting(model: HaproxyModel): HaproxySection {
  return section(
    'frontend',
    [poolFrontend],
    [
      ...entrance(model),
      comment('Whoever has not said what he wants waits for no worker'),
      line('tcp-request inspect-delay', longestHeaderWait),
      ...choice(model),
      line('tcp-request content accept', 'if', condition(fetch('req.hdr_cnt', 'Host'), 'ge', 0)),
      comment('What is no HTTP gets its answer behind'),
      line('tcp-request content accept'),
      line('use_backend', 'full', 'if', isFull(model)),
      line('use_backend', 'full', 'if', condition(fetch('nbsrv', turnBackend), 0)),
      line('default_backend', turnBackend),
    ],
  );
}

/** More than the limit does not wait: 503 at once, with the header that says when to come back. */
function isFull({ queue: { limit } }: HaproxyModel): ReturnType<typeof condition> {
  return limit === 0
    ? condition(fetch('be_conn_free', turnBackend), 'le', 0)
    : condition(fetch('queue', turnBackend), 'ge', limit);
}

/** What of a request says which worker it is for. */
function choice(model: HaproxyModel): readonly string[] {
  const { sticky, slots } = model;
  if (sticky.type === 'cookie') {
    const named = fetch('var', 'txn.worker');
    return [
      line(
        'tcp-request content set-var(txn.worker)',
        convert(fetch('req.cook', sticky.name), 'field', '1', '|'),
        'if',
        condition(fetch('req.cook_cnt', sticky.name), 'gt', 0),
      ),
      ...slots.map(({ number }) => {
        const server = serverName(number);
        const leaves = condition(fetch('srv_weight', `${poolBackend}/${server}`), 0);
        return line(
          'tcp-request content unset-var(txn.worker)',
          'if',
          condition(named, '-m', 'str', server),
          leaves,
        );
      }),
    ];
  }
  if (!isBySource(model)) return [];
  const router = fromRouter(model);
  return [
    line('tcp-request content set-var(txn.visitor)', fetch('src')),
    ...(router === undefined
      ? []
      : [
          line(
            'tcp-request content set-var(txn.visitor)',
            fetch('req.hdr_ip', 'X-Forwarded-For', '-1'),
            'if',
            condition(fetch('req.hdr_cnt', 'X-Forwarded-For'), 'gt', 0),
            router,
          ),
        ]),
  ];
}

function isBySource({ sticky, balance }: HaproxyModel): boolean {
  return sticky.type === 'source' || balance.algorithm === 'source';
}

function turns(model: HaproxyModel): HaproxySection {
  const { slots, sticky, maxConcurrency = 1, slowStartMs } = model;
  return section(
    'backend',
    [turnBackend],
    [
      line('option abortonclose'),
      line('retries', 0),
      line('option redispatch', 1),
      ...balancing(model),
      ...(sticky.type === 'cookie'
        ? [
            line(
              'use-server',
              format(fetch('var', 'txn.worker')),
              'if',
              condition(fetch('var', 'txn.worker'), '-m', 'found'),
            ),
          ]
        : []),
      line(
        'default-server',
        ...['send-proxy-v2', 'maxconn', maxConcurrency],
        ...(slowStartMs === undefined ? [] : ['slowstart', `${slowStartMs}ms`]),
      ),
      ...slots.map(({ number }) => {
        const name = serverName(number);
        return line(
          'server',
          name,
          turnAddress,
          ...['track', `${poolBackend}/${name}`],
          ...[`set-proxy-v2-tlv-fmt(${workerTlv})`, name],
        );
      }),
    ],
  );
}

function balancing(model: HaproxyModel): readonly string[] {
  const { balance } = model;
  const consistent = line('hash-type', 'consistent');
  if (isBySource(model)) return [line('balance', 'hash', fetch('var', 'txn.visitor')), consistent];
  switch (balance.algorithm) {
    case 'random':
      return [line('balance', fetch('random', '2'))];
    case 'header':
      return [line('balance', 'hash', fetch('req.hdr', balance.header)), consistent];
    default:
      return [line('balance', balance.algorithm)];
  }
}

function admitted(model: HaproxyModel): HaproxySection {
  return section(
    'frontend',
    [turnFrontend],
    [
      line('bind', turnAddress, 'accept-proxy'),
      comment('A connection that is kept would hold a turn'),
      line('option httpclose'),
      ...visitor(model),
      line('default_backend', poolBackend),
    ],
  );
}

const refusal = section(
  'frontend',
  [refusalFrontend],
  [
    line('bind', refusalAddress),
    line('option httpclose'),
    line(
      'http-request return',
      ...['status', 503, 'content-type', 'text/plain', 'string', 'No worker is free right now.'],
      ...['hdr', 'Retry-After', format(String(retryAfterSeconds))],
    ),
  ],
);
