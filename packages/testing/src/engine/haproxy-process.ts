import type { PoolStats } from '@plumbstack/core';
import { poolBackend, poolFrontend } from '@plumbstack/docker/proxy';
import type { Files } from './files.js';

interface Server {
  address: string;
  admin: 'ready' | 'maint' | 'drain';
  weight: number;
}

export type PoolCounts = Omit<PoolStats, 'pool' | 'workers'>;

/** What of a HAProxy matters to whoever runs it: its configuration, its servers' states, and the commands that change them. */
export class HaproxyProcess {
  readonly kind = 'haproxy';
  readonly #config: Files;
  #revision: string;
  #servers: Map<string, Server>;
  /** What was written for the next process to read. */
  #saved: ReadonlyMap<string, Server> = new Map();

  private constructor(config: Files, { revision, servers }: Configuration) {
    this.#config = config;
    this.#revision = revision;
    this.#servers = servers;
  }

  static start(config: Files): HaproxyProcess | undefined {
    const read = configurationIn(config);
    return read && new HaproxyProcess(config, read);
  }

  get revision(): string {
    return this.#revision;
  }

  /** `ip:port` of the servers that get requests, if they answer. */
  get serving(): readonly string[] {
    return [...this.#servers.values()].flatMap(({ address, admin }) => (admin === 'ready' ? [address] : []));
  }

  /** A server keeps its state, its address included, where it was saved before. */
  reload(): void {
    const read = configurationIn(this.#config);
    if (read === undefined) return;
    this.#revision = read.revision;
    this.#servers = new Map(
      [...read.servers].map(([name, server]) => [name, { ...(this.#saved.get(name) ?? server) }]),
    );
    this.#saved = new Map();
  }

  saveState(): void {
    this.#saved = new Map([...this.#servers].map(([name, server]) => [name, { ...server }]));
  }

  /**
   * Commands of the runtime API on one line, and what it answers.
   * @param isUp whether a server passes its check
   */
  ask(line: string, isUp: (address: string) => boolean, counts: PoolCounts): string {
    return line
      .split(';')
      .map((command) => this.#answer(command.trim(), isUp, counts))
      .join('\n');
  }

  #answer(command: string, isUp: (address: string) => boolean, counts: PoolCounts): string {
    if (command === 'show info') return `Name: HAProxy\ndescription: ${this.#revision}\n`;
    if (command === 'show stat') return this.#stat(isUp, counts);
    if (command === 'show servers state') return this.#states(isUp);
    const [, backend, name = '', setting = ''] = /^set server ([^/ ]+)\/(\S+) (.+)$/.exec(command) ?? [];
    const server = backend === poolBackend ? this.#servers.get(name) : undefined;
    return server === undefined ? 'No such server.\n' : set(server, setting);
  }

  #stat(isUp: (address: string) => boolean, counts: PoolCounts): string {
    const rows: readonly Row[] = [
      { svname: 'FRONTEND', req_tot: counts.requestsTotal, req_rate: counts.requestsPerSecond },
      { svname: 'BACKEND', scur: counts.sessions, qcur: counts.queued },
      ...[...this.#servers].map(([svname, { address, admin }]) => ({
        svname,
        status: admin === 'ready' ? (isUp(address) ? 'UP' : 'DOWN') : admin.toUpperCase(),
      })),
    ];
    const lines = rows.map((row) =>
      columns.map((column) => row[column] ?? (column === 'pxname' ? proxyOf(row) : '')).join(','),
    );
    return `# ${columns.join(',')}\n${lines.join('\n')}\n`;
  }

  #states(isUp: (address: string) => boolean): string {
    const lines = [...this.#servers].map(([name, { address, admin, weight }]) => {
      const [ip, port] = address.split(':');
      const state = admin === 'maint' ? 1 : admin === 'drain' ? 8 : 0;
      return [poolBackend, name, ip, isUp(address) ? 2 : 0, state, weight, 1, port].join(' ');
    });
    return `1\n# be_name srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight srv_port\n${lines.join('\n')}\n`;
  }
}

const columns = ['pxname', 'svname', 'qcur', 'scur', 'status', 'req_rate', 'req_tot'] as const;

type Row = { readonly [C in (typeof columns)[number]]?: string | number };

function proxyOf({ svname }: Row): string {
  return svname === 'FRONTEND' ? poolFrontend : poolBackend;
}

function set(server: Server, setting: string): string {
  const [what, value = '', ...rest] = setting.split(' ');
  switch (what) {
    case 'state':
      server.admin = value === 'maint' || value === 'drain' ? value : 'ready';
      return '';
    case 'weight':
      server.weight = value.endsWith('%') ? parseInt(value) / 100 : Number(value);
      return '';
    // Its check says the same a moment later, or something else.
    case 'health':
      return '';
    case 'addr':
      server.address = `${value}:${rest[1]}`;
      return 'IP changed, port changed by stats socket command\n';
    default:
      return `'set server <srv>' does not know ${what}.\n`;
  }
}

interface Configuration {
  readonly revision: string;
  readonly servers: Map<string, Server>;
}

function configurationIn(config: Files): Configuration | undefined {
  const text = config.get('haproxy.cfg')?.content.toString() ?? '';
  const revision = /^ *description ([0-9a-f]+)$/m.exec(text)?.[1];
  const [, section = ''] = text.split(`\nbackend ${poolBackend}\n`);
  if (revision === undefined) return undefined;
  const [own = ''] = section.split(/\n(?=\S)/);
  return {
    revision,
    servers: new Map(
      [...own.matchAll(/^ +server (w\d+) (\S+)/gm)].map(([, name = '', address = '']) => [
        name,
        { address, admin: 'ready', weight: 1 },
      ]),
    ),
  };
}
