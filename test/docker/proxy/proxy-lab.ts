import { readFileSync } from 'node:fs';
import { request as httpRequest, Agent, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import {
  makeRoomCommand,
  nginxRevisionCommand,
  parseInfo,
  adminCommand,
  renderHaproxy,
  renderNginx,
  showInfo,
} from '@plumbstack/docker/proxy';
import type { HaproxyModel, NginxModel } from '@plumbstack/docker/proxy';
import {
  docker,
  hostPort,
  putFiles,
  tryDocker,
  until,
  type Sandbox,
  type SandboxFile,
} from '../../support/docker-cli';
import { hardened } from './check-configs';

const configFolder = '/etc/plumbstack';
const appSource = readFileSync(join(__dirname, 'echo-app.js'), 'utf8');

/** Starts the echo app at an address; resolves to the container's name. */
export function startApp(sandbox: Sandbox, name: string, ip: string): Promise<string> {
  return sandbox.start({
    name,
    image: 'node:24-slim',
    ip,
    options: ['--env', `APP_NAME=${name}`, '--init'],
    command: ['node', '/srv/echo-app.js'],
    files: { folder: '/srv', files: [{ path: 'echo-app.js', content: appSource }] },
  });
}

/** A hash of a password as nginx's file of users has it. */
export function hashed(password: string): Promise<string> {
  const command = ['--entrypoint', 'openssl', 'nginx:1.30', 'passwd', '-6', password];
  return docker('run', '--rm', '--network', 'none', ...command);
}

/** A proxy as the runtime runs it, and where this machine reaches it. */
export interface RunningProxy {
  readonly container: string;
  port(inside: number): number;
  /** Puts a model's files in place and reloads, the way the runtime does; resolves once it is in force. */
  reload(): Promise<void>;
}

export async function startNginx(
  sandbox: Sandbox,
  model: NginxModel,
  more: readonly SandboxFile[] = [],
): Promise<RunningProxy & { apply(next: NginxModel): Promise<void> }> {
  const ports = [model.port, ...(model.tls === undefined ? [] : [model.tls.port])];
  const container = await sandbox.start({
    name: `nginx-${model.revision}`,
    image: 'nginx:1.30',
    options: [...hardened, ...published(ports), '--entrypoint', 'nginx', '--stop-signal', 'SIGQUIT'],
    command: ['-c', `${configFolder}/nginx.conf`, '-g', 'daemon off;'],
    files: { folder: configFolder, files: [...renderNginx(model), ...more] },
  });
  const inForce = async (revision: string): Promise<boolean> => {
    const command = nginxRevisionCommand(model.statusPort);
    const { code, stdout } = await tryDocker('exec', container, ...command);
    return code === 0 && stdout.trim() === revision;
  };
  await answering(container, () => inForce(model.revision));
  const reload = (): Promise<string> => docker('kill', '--signal', 'HUP', container);
  return {
    container,
    port: await portsOf(container, ports),
    reload: async () => void (await reload()),
    apply: async (next) => {
      await putFiles(container, configFolder, renderNginx(next));
      await docker('exec', container, 'nginx', '-t', '-q', '-c', `${configFolder}/nginx.conf`);
      await docker('exec', container, ...makeRoomCommand);
      await reload();
      await until('the new configuration is in force', () => inForce(next.revision));
    },
  };
}

export async function startHaproxy(sandbox: Sandbox, model: HaproxyModel): Promise<RunningProxy> {
  const ports = [model.port, ...(model.statsPort === undefined ? [] : [model.statsPort])];
  const container = await sandbox.start({
    name: `haproxy-${model.revision}`,
    image: 'haproxy:3.2',
    options: [...hardened, ...published(ports), '--entrypoint', 'haproxy', '--stop-signal', 'SIGUSR1'],
    command: ['-W', '-db', '-f', `${configFolder}/haproxy.cfg`],
    files: { folder: configFolder, files: renderHaproxy(model) },
  });
  await answering(container, async () => (await revisionOf(container, model.adminPort)) === model.revision);
  return {
    container,
    port: await portsOf(container, ports),
    reload: async () => void (await docker('kill', '--signal', 'USR2', container)),
  };
}

/** The revision that an HAProxy says is in force. */
export async function revisionOf(container: string, adminPort: number): Promise<string | undefined> {
  const { code, stdout } = await tryDocker('exec', container, ...adminCommand(adminPort, [showInfo]));
  return code === 0 ? parseInfo(stdout).get('description') : undefined;
}

async function answering(container: string, ready: () => Promise<boolean>): Promise<void> {
  try {
    await until(`${container} answers`, ready);
  } catch (error) {
    const { stdout, stderr } = await tryDocker('logs', container);
    throw new Error(`${String(error)}\n${stdout}${stderr}`, { cause: error });
  }
}

function published(ports: readonly number[]): readonly string[] {
  return ports.flatMap((port) => ['--publish', `127.0.0.1::${port}`]);
}

async function portsOf(container: string, ports: readonly number[]): Promise<(inside: number) => number> {
  const known = new Map(
    await Promise.all(ports.map(async (port) => [port, await hostPort(container, port)] as const)),
  );
  return (inside) => {
    const outside = known.get(inside);
    if (outside === undefined) throw new Error(`port ${inside} is not published`);
    return outside;
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** Milliseconds from the request to each piece of the body. */
  readonly piecesAtMs: readonly number[];
}

export interface Question {
  readonly port: number;
  /** Sent as it is. */
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly agent?: Agent;
  readonly tls?: boolean;
}

/** One request to this machine; follows no redirect. */
export function ask({
  port,
  path = '/',
  method = 'GET',
  headers = {},
  body,
  agent,
  tls = false,
}: Question): Promise<Answer> {
  const options = {
    host: '127.0.0.1',
    port,
    path,
    method,
    headers,
    agent: agent ?? false,
    timeout: 30_000,
  } as const;
  const started = Date.now();
  return new Promise((resolve, reject) => {
    const receive = (response: import('node:http').IncomingMessage): void => {
      const pieces: Buffer[] = [];
      const piecesAtMs: number[] = [];
      response.on('data', (piece: Buffer) => {
        pieces.push(piece);
        piecesAtMs.push(Date.now() - started);
      });
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          rawHeaders: response.rawHeaders,
          body: Buffer.concat(pieces).toString('latin1'),
          piecesAtMs,
        }),
      );
    };
    const request = tls
      ? httpsRequest({ ...options, agent: false, rejectUnauthorized: false }, receive)
      : httpRequest(options, receive);
    request.on('timeout', () => request.destroy(new Error('no answer in 30 s')));
    request.on('error', reject);
    request.end(body);
  });
}

/** Writes bytes to a port and reads until the other side closes, or what it waits for has come. */
export function rawExchange(
  port: number,
  text: string,
  enough: (seen: string) => boolean = () => false,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setTimeout(10_000, () => socket.destroy(new Error(`only ${JSON.stringify(seen)} in 10 s`)));
    socket.on('data', (piece) => {
      seen += piece.toString('latin1');
      if (enough(seen)) socket.end();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(seen));
  });
}

/** What the echo app says it got. */
export interface Echo {
  readonly app: string;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly bodyLength: number;
}

export function echoOf(answer: Answer): Echo {
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.body}`);
  return JSON.parse(answer.body) as Echo;
}

/** Requests without a pause, until it is stopped. A test that fails stops it too, by `await using`. */
export class ConstantLoad implements AsyncDisposable {
  readonly #agent: Agent;
  readonly #clients: readonly Promise<void>[];
  readonly #failed: string[] = [];
  #sent = 0;
  #stopped = false;

  constructor(question: Question, parallel: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: parallel });
    this.#clients = Array.from({ length: parallel }, () => this.#client({ ...question, agent: this.#agent }));
  }

  async #client(question: Question): Promise<void> {
    while (!this.#stopped) {
      this.#sent++;
      await ask(question).then(
        ({ status, body }) => status < 400 || this.#failed.push(`${status} ${body.slice(0, 80)}`),
        (error: unknown) => this.#failed.push(String(error)),
      );
      await new Promise((resolve) => setTimeout(resolve, 6));
    }
  }

  async stop(): Promise<{ readonly sent: number; readonly failed: readonly string[] }> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    this.#agent.destroy();
    return { sent: this.#sent, failed: this.#failed };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
