import { createServer, type Server, type Socket } from 'node:net';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@plumbstack/docker/client';

/** What happens to one request: its first line and the connection that it came on. */
export type Behaviour = (request: string, socket: Socket) => void;

const version = JSON.stringify({
  Version: '28.5.2',
  ApiVersion: '1.51',
  MinAPIVersion: '1.24',
  Os: 'linux',
  Arch: 'amd64',
});

/** A server on a Unix socket that misbehaves as told. It greets as an engine does, so that a client can be made. */
export class FakeEngine implements AsyncDisposable {
  readonly requests: string[] = [];
  readonly open = new Set<Socket>();
  behaviour: Behaviour = () => {};
  readonly #server: Server;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
  }

  static async start(behaviour: Behaviour): Promise<FakeEngine> {
    const engine = new FakeEngine(await mkdtemp(join(tmpdir(), 'cl-fake-')));
    engine.behaviour = behaviour;
    await new Promise<void>((resolve) => engine.#server.listen(engine.path, resolve));
    return engine;
  }

  get path(): string {
    return join(this.#folder, 'engine.sock');
  }

  client(options: { readonly callTimeoutMs?: number; readonly silenceTimeoutMs?: number } = {}) {
    return connect({ host: `unix://${this.path}`, environment: bareMachine(), ...options });
  }

  #serve(socket: Socket): void {
    this.open.add(socket);
    socket.on('close', () => this.open.delete(socket));
    socket.on('error', () => {});
    socket.on('end', () => socket.destroy());
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const request = /^([A-Z]+ \S+) HTTP\/1\.1\r\n[\s\S]*?\r\n\r\n/.exec(text)?.[1];
      if (request === undefined) return;
      text = '';
      if (/^GET (?:\/v[\d.]+)?\/version$/.test(request)) return void socket.write(answer(200, version));
      this.requests.push(request);
      this.behaviour(request, socket);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.open) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#folder, { recursive: true });
  }
}

export function answer(status: number, body: string, type = 'application/json'): string {
  return `HTTP/1.1 ${status} X\r\nContent-Type: ${type}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** A machine on which nothing is configured and nothing exists but what is named. */
export function bareMachine(
  files: Readonly<Record<string, string>> = {},
  env: Readonly<Record<string, string>> = {},
): NonNullable<NonNullable<Parameters<typeof connect>[0]>['environment']> {
  return {
    env,
    home: '/home/me',
    platform: 'linux',
    exists: (path) => Promise.resolve(path in files),
    readFile: (path) => Promise.resolve(files[path]),
  };
}
