import { PlumbstackError, type PoolStats, type WorkerStats } from '@plumbstack/core';
import { portNumber, socketAddress } from './address.js';
import { serverStateFile } from './haproxy-config.js';
import {
  poolBackend,
  poolFrontend,
  refusalFrontend,
  serverName,
  turnBackend,
  turnFrontend,
} from './haproxy-names.js';
import { connectionScript } from './loopback.js';

/** One command of HAProxy's runtime API: https://docs.haproxy.org/3.2/management.html#9.3 */
export type AdminCommand = string;

/**
 * No new requests for a worker, and its cookie counts no longer; what it has goes on. The weight is for the cookie:
 * the configuration looks at it.
 */
export function drainCommands(worker: number): readonly AdminCommand[] {
  return [setServer(worker, 'state drain'), setServer(worker, 'weight 0')];
}

/**
 * Nothing for a worker, whatever its check says: who starts it has yet to see it answer as it should. Of this state too, a
 * HAProxy that restarts knows nothing, and takes whom its check finds.
 */
export function holdCommands(worker: number): readonly AdminCommand[] {
  return [setServer(worker, 'state maint')];
}

/** Takes requests again, as soon as its check says so. */
export function readyCommands(worker: number): readonly AdminCommand[] {
  return [setServer(worker, 'weight 100%'), setServer(worker, 'state ready')];
}

/** Takes requests from this moment. In this order: a server that leaves maintenance is down until its next check. */
export function admitCommands(worker: number): readonly AdminCommand[] {
  return [...readyCommands(worker), setServer(worker, 'health up')];
}

/** Out, as nothing is there, until its check says something else: who starts on this slot next joins by its check. */
export function vacateCommands(worker: number): readonly AdminCommand[] {
  return [...readyCommands(worker), setServer(worker, 'health down')];
}

/** Moves a slot to another `ip:port`. Answers with a sentence, also where nothing changes. */
export function moveCommand(worker: number, address: string): AdminCommand {
  const [ip = '', port = ''] = socketAddress(address).split(':');
  return `set server ${poolBackend}/${serverName(worker)} addr ${ip} port ${port}`;
}

/** Sets something of a worker, as `state ready` or `health up`. */
export function setServer(worker: number, what: ServerSetting): AdminCommand {
  return `set server ${poolBackend}/${serverName(worker)} ${what}`;
}
export type ServerSetting =
  | `state ${'ready' | 'drain' | 'maint'}`
  | `health ${'up' | 'stopping' | 'down'}`
  | `weight ${number}`
  | `weight ${number}%`;

/** Arguments of a program that runs in HAProxy's container, asks its runtime API and prints the answer. */
export function adminCommand(port: number, commands: readonly AdminCommand[]): readonly string[] {
  return [...connectionScript(adminScript), String(portNumber(port)), batch(commands)];
}

/** The same, which writes the servers' states where the next process reads them; to be run before a reload. */
export function saveStateCommand(port: number): readonly string[] {
  return [...connectionScript(saveStateScript), String(portNumber(port)), showServersState, serverStateFile];
}

/** Ends each of the answers of {@link watchStatCommand}. */
export const endOfLook = '# end';

/** The same for `show stat` again and again, until its input ends: see {@link endOfLook}. */
export function watchStatCommand(port: number, everyMs: number): readonly string[] {
  const seconds = (everyMs / 1000).toFixed(3);
  return [...connectionScript(watchStatScript), String(portNumber(port)), seconds, showStat, endOfLook];
}

export const showStat: AdminCommand = 'show stat';
export const showServersState: AdminCommand = `show servers state`;
export const showInfo: AdminCommand = 'show info';

// One connection takes one line; commands are put together by semicolons.
function batch(commands: readonly AdminCommand[]): string {
  for (const each of commands) {
    if (/[^\x20-\x7e]|;|\\/.test(each) || each.trim() === '') {
      throw new PlumbstackError(
        'INVALID_OPTION',
        'a command of the runtime API must be one line without ";" or "\\".',
        {
          details: { command: each },
        },
      );
    }
  }
  return commands.join(';');
}

const adminScript = `connect "127.0.0.1" "$1"
printf '%s\\n' "$2" >&3
cat <&3`;

// Beside, then over: a reload never reads half a file.
const saveStateScript = `connect "127.0.0.1" "$1"
printf '%s\\n' "$2" >&3
cat <&3 >"$3.next"
mv "$3.next" "$3"`;

// A `read` that ends by its time has a status above 128, one at the end of the input has 1.
const watchStatScript = `while :; do
  connect "127.0.0.1" "$1"
  printf '%s\\n' "$3" >&3
  cat <&3
  exec 3>&-
  printf '%s\\n' "$4"
  if read -r -t "$2" _; then exit 0; elif [ $? -le 128 ]; then exit 0; fi
done`;

/** What `show stat` tells of a pool. */
export interface StatTable {
  readonly frontend?: ProxyStat;
  readonly backend?: ProxyStat;
  /** All slots, in the order of the configuration. */
  readonly servers: readonly ServerStat[];
}

export interface ProxyStat {
  readonly sessions: number;
  readonly queued: number;
  readonly requestsTotal: number;
  readonly requestsPerSecond: number;
  /** Requests turned away, by the queue's limit. */
  readonly denied: number;
}

export interface ServerStat {
  /** As `w3`. */
  readonly name: string;
  readonly state: WorkerStats['state'];
  /** Requests that it works on now. */
  readonly sessions: number;
  /** Requests that wait for this server and no other. */
  readonly queued: number;
  readonly requestsTotal: number;
  /** Means over the last 1024 requests, in milliseconds. */
  readonly responseTimeMs: number;
  readonly queueTimeMs: number;
  readonly failedResponses: number;
  /** Result of the last check, as `L4OK`, `L7STS`; empty before the first. */
  readonly check: string;
  /** Seconds since its state changed. */
  readonly unchangedSeconds: number;
}

/** Reads the answer to `show stat`; what is not of the pool is left out. */
export function parseStat(csv: string): StatTable {
  const [header = '', ...lines] = csv.split('\n').map((each) => each.trim());
  if (!header.startsWith('# pxname,')) {
    throw new PlumbstackError('ENGINE_FAILED', 'HAProxy did not answer with statistics.', {
      details: { answer: csv.slice(0, 200) },
      hint: 'Its runtime API may have been asked something else in the same call.',
    });
  }
  const names = header.slice(2).split(',');
  const rows = lines.filter((each) => each !== '').map((each) => new StatRow(names, each.split(',')));
  const one = (proxy: string, service: string): StatRow | undefined =>
    rows.find((row) => row.is(proxy, service));
  // Where workers take turns, requests are counted when it is theirs, and wait before.
  const frontend = one(turnFrontend, 'FRONTEND') ?? one(poolFrontend, 'FRONTEND');
  const backend = one(poolBackend, 'BACKEND');
  const refused = one(refusalFrontend, 'FRONTEND')?.number('req_tot') ?? 0;
  const turns = rows.filter((row) => row.text('pxname') === turnBackend);
  const turnsOf = (service: string): StatRow | undefined =>
    turns.find((row) => row.text('svname') === service);
  return {
    ...(frontend !== undefined && {
      frontend: { ...proxyStat(frontend, 'req_tot', 'req_rate'), denied: frontend.number('dreq') + refused },
    }),
    ...(backend !== undefined && { backend: withTurns(proxyStat(backend, 'stot', 'rate'), turns) }),
    servers: rows
      .filter((row) => row.isServerOf(poolBackend))
      .map((row) => serverStat(row, turnsOf(row.text('svname')))),
  };
}

/** Who waits for his turn is in the pool, too; who waits for the turn of one worker is counted there. */
function withTurns(stat: ProxyStat, turns: readonly StatRow[]): ProxyStat {
  const waiting = turns.reduce((sum, row) => sum + row.number('qcur'), 0);
  const forAnybody = turns.find((row) => row.is(turnBackend, 'BACKEND'))?.number('qcur') ?? 0;
  return { ...stat, sessions: stat.sessions + waiting, queued: stat.queued + forAnybody };
}

class StatRow {
  readonly #fields: ReadonlyMap<string, string>;

  constructor(names: readonly string[], values: readonly string[]) {
    this.#fields = new Map(names.map((name, index) => [name, values[index] ?? '']));
  }

  text(field: string): string {
    return this.#fields.get(field) ?? '';
  }

  /** 0 where HAProxy leaves the field empty. */
  number(field: string): number {
    const value = Number(this.text(field));
    return Number.isFinite(value) ? value : 0;
  }

  is(proxy: string, service: string): boolean {
    return this.text('pxname') === proxy && this.text('svname') === service;
  }

  isServerOf(proxy: string): boolean {
    return this.text('pxname') === proxy && /^w\d+$/.test(this.text('svname'));
  }
}

function proxyStat(row: StatRow, total: string, rate: string): ProxyStat {
  return {
    sessions: row.number('scur'),
    queued: row.number('qcur'),
    requestsTotal: row.number(total),
    requestsPerSecond: row.number(rate),
    denied: row.number('dreq'),
  };
}

/** @param turn where requests wait for its turn, if they do */
function serverStat(row: StatRow, turn: StatRow | undefined): ServerStat {
  return {
    name: row.text('svname'),
    state: workerState(row.text('status')),
    sessions: row.number('scur'),
    queued: row.number('qcur') + (turn?.number('qcur') ?? 0),
    requestsTotal: row.number('stot'),
    responseTimeMs: row.number('rtime'),
    queueTimeMs: row.number('qtime') + (turn?.number('qtime') ?? 0),
    failedResponses: row.number('eresp'),
    check: row.text('check_status').replace(/^\* /, ''),
    unchangedSeconds: row.number('lastchg'),
  };
}

/** `UP`, `UP 1/3` on its way down, `DOWN`, `DOWN 1/2` on its way up, `MAINT (...)`, `DRAIN`, `NOLB`, `no check`. */
function workerState(status: string): WorkerStats['state'] {
  if (status.startsWith('MAINT')) return 'maintenance';
  if (status.startsWith('DRAIN') || status.startsWith('NOLB')) return 'drain';
  return status.startsWith('DOWN') ? 'down' : 'up';
}

/** A pool's statistics in core's terms. Slots without a worker are among the workers, as `down`. */
export function poolStats(pool: string, { frontend, backend, servers }: StatTable): PoolStats {
  return {
    pool,
    sessions: backend?.sessions ?? 0,
    queued: (backend?.queued ?? 0) + servers.reduce((sum, each) => sum + each.queued, 0),
    requestsTotal: frontend?.requestsTotal ?? 0,
    requestsPerSecond: frontend?.requestsPerSecond ?? 0,
    workers: servers.map(({ check: _, unchangedSeconds: __, ...worker }) => worker),
  };
}

/** A row of `show servers state`. */
export interface ServerState {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly operational: 'stopped' | 'starting' | 'running' | 'stopping';
  readonly draining: boolean;
  readonly maintenance: boolean;
  /** Weight in force, and as configured. */
  readonly weight: number;
  readonly configuredWeight: number;
}

const operationalStates = ['stopped', 'starting', 'running', 'stopping'] as const;
/** Bits of `srv_admin_state`, forced and inherited together. */
const maintenanceBits = 0x01 | 0x02 | 0x04 | 0x20 | 0x40;
const drainBits = 0x08 | 0x10;

/** Reads the answer to `show servers state`. */
export function parseServersState(answer: string): readonly ServerState[] {
  const lines = answer.split('\n');
  const header = lines
    .find((each) => each.startsWith('# '))
    ?.slice(2)
    .split(' ');
  if (header === undefined) {
    throw new PlumbstackError('ENGINE_FAILED', "HAProxy did not answer with its servers' states.", {
      details: { answer: answer.slice(0, 200) },
    });
  }
  return lines
    .filter((each) => each !== '' && !each.startsWith('#'))
    .map((each) => each.split(' '))
    .filter((values) => values.length >= header.length && values[header.indexOf('be_name')] === poolBackend)
    .map((values) => {
      const field = (name: string): string => values[header.indexOf(name)] ?? '';
      const admin = Number(field('srv_admin_state'));
      return {
        name: field('srv_name'),
        address: field('srv_addr'),
        port: Number(field('srv_port')),
        operational: operationalStates[Number(field('srv_op_state'))] ?? 'stopped',
        draining: (admin & drainBits) !== 0,
        maintenance: (admin & maintenanceBits) !== 0,
        weight: Number(field('srv_uweight')),
        configuredWeight: Number(field('srv_iweight')),
      };
    });
}

/** Reads the answer to `show info`: field to value, as `description`, which holds the revision in force. */
export function parseInfo(answer: string): ReadonlyMap<string, string> {
  return new Map(
    answer.split('\n').flatMap((each) => {
      const colon = each.indexOf(': ');
      return colon < 1 ? [] : [[each.slice(0, colon), each.slice(colon + 2).trim()] as const];
    }),
  );
}
