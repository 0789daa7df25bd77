import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import {
  createServer,
  request,
  type ClientRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';

const engineSocket = '/var/run/docker.sock';

/** The engine itself, with nothing in between. */
export const engineHost = `unix://${engineSocket}`;

/**
 * What is done to one call: the engine never gets it and its caller is answered with that status; the connection breaks
 * before the engine got it; the engine does it and the answer is lost; nobody ever answers; the engine does it twice, as
 * where one that was aborted had asked for the same, and only the second answer is told.
 */
export type Fault = 500 | 409 | 404 | 'unsent' | 'unanswered' | 'hang' | 'twice';

/** One call to the engine. */
export interface EngineCall {
  /** From 1, in the order in which they came. */
  readonly number: number;
  /** As `POST /containers/{stack}-web/start`: names instead of ids, the same for every stack of a `Lab` and every worker. */
  readonly name: string;
  /** From 1, among the calls of that name: the same call in another run, where calls at once come in another order. */
  readonly nth: number;
  readonly isWrite: boolean;
}

/** Told of every call. */
export interface Disturber {
  /** Before the engine gets the call, which waits for this. */
  readonly aboutToSend?: (call: EngineCall) => Fault | undefined | Promise<Fault | undefined>;
  /** After the engine has answered it, before its caller gets the answer, which waits for this. */
  readonly answered?: (call: EngineCall) => void | Promise<void>;
}

/** Stands between a runtime and the engine on a socket of its own, hands on every call, and disturbs the chosen ones. */
export class FaultProxy implements AsyncDisposable {
  readonly #path = join(tmpdir(), `ft-${process.pid}-${randomBytes(4).toString('hex')}.sock`);
  readonly #server: Server = createServer({ requestTimeout: 0, keepAliveTimeout: 0 });
  readonly #sockets = new Set<Duplex>();
  readonly #responses = new Map<IncomingMessage, ServerResponse>();
  readonly #names = new EngineNames();
  #calls: EngineCall[] = [];
  #disturber: Disturber = {};

  private constructor() {
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => socket.destroy());
    });
    this.#server.on('request', (asked, answer) => void this.#handOn(asked, answer));
    this.#server.on('upgrade', (asked, socket, head: Buffer) => void this.#tunnel(asked, socket, head));
  }

  static async start(): Promise<FaultProxy> {
    const proxy = new FaultProxy();
    proxy.#server.listen(proxy.#path);
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** For `new DockerRuntime({ host })`. */
  get host(): string {
    return `unix://${this.#path}`;
  }

  /** Since the last {@link watch}. */
  get calls(): readonly EngineCall[] {
    return this.#calls;
  }

  get writes(): readonly EngineCall[] {
    return this.#calls.filter(({ isWrite }) => isWrite);
  }

  /** Starts counting anew, with this disturber; none hands everything on. */
  watch(disturber: Disturber = {}): void {
    this.#calls = [];
    this.#disturber = disturber;
  }

  /** Ends every connection that is open now, as a restarted proxy in between does. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Has every answer that has begun say this too. */
  inject(text: string): void {
    for (const answer of this.#responses.values()) answer.write(text);
  }

  /** From now on, answers that have begun go no further, and nobody is told: a connection that died without a word. */
  silence(): void {
    for (const response of this.#responses.keys()) {
      response.unpipe();
      response.resume();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await rm(this.#path, { force: true });
  }

  #count(asked: IncomingMessage): EngineCall {
    const { method = 'GET', url = '/' } = asked;
    const name = `${method} ${this.#names.template(url)}`;
    const call: EngineCall = {
      number: this.#calls.length + 1,
      name,
      nth: this.#calls.filter((each) => each.name === name).length + 1,
      isWrite: method !== 'GET' && method !== 'HEAD',
    };
    this.#calls.push(call);
    return call;
  }

  async #handOn(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const call = this.#count(asked);
    const disturber = this.#disturber;
    const fault = await disturber.aboutToSend?.(call);
    if (fault === 'hang') return void asked.resume();
    if (fault === 'unsent') return void asked.destroy();
    if (typeof fault === 'number') return refuse(asked, answer, fault);
    const { method, url = '/', headers } = asked;
    const send = (): ClientRequest =>
      request({ socketPath: engineSocket, method, path: url, headers, agent: false });
    const body = fault === 'twice' ? await buffer(asked) : undefined;
    if (body !== undefined) await answered(send().end(body));
    const sent = send();
    sent.on('error', () => answer.destroy());
    answer.on('close', () => sent.destroy());
    if (body === undefined) asked.pipe(sent);
    else sent.end(body);
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- a rejection fails the test, as it should
    sent.on('response', async (response) => {
      const learns = this.#names.learnsFrom(call, url);
      const told =
        learns || fault === 'unanswered' ? await buffer(response).catch(() => Buffer.alloc(0)) : undefined;
      if (told !== undefined && (response.statusCode ?? 500) < 300) this.#names.learn(call, url, told);
      await disturber.answered?.(call);
      if (fault === 'unanswered') return void answer.destroy();
      answer.writeHead(response.statusCode ?? 500, response.headers);
      answer.flushHeaders();
      if (told !== undefined) answer.end(told);
      else {
        this.#responses.set(response, answer);
        response.on('close', () => this.#responses.delete(response));
        response.pipe(answer).on('error', () => response.destroy());
      }
    });
  }

  /** What leaves HTTP, as the output of a command that runs in a container. */
  async #tunnel(asked: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const call = this.#count(asked);
    const disturber = this.#disturber;
    const fault = await disturber.aboutToSend?.(call);
    if (fault === 'hang') return void socket.resume();
    if (fault === 'unsent') return void socket.destroy();
    if (typeof fault === 'number') {
      const body = JSON.stringify(words(fault));
      socket.end(
        `HTTP/1.1 ${fault} Disturbed\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      return;
    }
    const engine = connect({ path: engineSocket, allowHalfOpen: true });
    engine.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    socket.on('close', () => engine.destroy());
    const lines = [`${asked.method} ${asked.url} HTTP/1.1`];
    for (let at = 0; at < asked.rawHeaders.length; at += 2) {
      lines.push(`${asked.rawHeaders[at]}: ${asked.rawHeaders[at + 1]}`);
    }
    engine.write(`${lines.join('\r\n')}\r\n\r\n`);
    engine.write(head);
    socket.pipe(engine);
    // eslint-disable-next-line @typescript-eslint/no-misused-promises -- a rejection fails the test, as it should
    engine.once('readable', async () => {
      await disturber.answered?.(call);
      if (fault === 'unanswered') socket.destroy();
      else engine.pipe(socket);
    });
  }
}

async function answered(sent: ClientRequest): Promise<void> {
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  await buffer(response);
}

function words(status: number): { message: string } {
  return { message: `disturbed: ${status}` };
}

function refuse(asked: IncomingMessage, answer: ServerResponse, status: number): void {
  asked.resume();
  asked.on('end', () => {
    answer.writeHead(status, { 'content-type': 'application/json' });
    answer.end(JSON.stringify(words(status)));
  });
}

interface Named {
  readonly Id?: string;
  readonly ID?: string;
  readonly Name?: string;
  readonly Names?: readonly string[];
}

/** Which name an id stands for, as far as the engine's own answers have told. */
class EngineNames {
  readonly #names = new Map<string, string>();

  template(url: string): string {
    const { pathname, searchParams } = new URL(url, 'http://engine');
    const path = decodeURIComponent(pathname)
      .replace(/^\/v\d+\.\d+/, '')
      .replace(/[0-9a-f]{64}/g, (id) => this.#names.get(id) ?? '{id}');
    const shown = ['name', 'path', 'signal'].flatMap((key) => searchParams.get(key) ?? []);
    return [path, ...shown]
      .join(' ')
      .replaceAll(/test-[0-9a-f]{8}/g, '{stack}')
      .replaceAll(/(\{stack\}-[a-z]+)-\d+/g, '$1-N');
  }

  learnsFrom({ name }: EngineCall, url: string): boolean {
    return (
      /^GET \/(?:containers\/json|networks)$|^POST \/(?:containers|networks)\/create|^POST \S+\/exec$/.test(
        name,
      ) || / \S+\/rename /.test(`${name} ${url}`)
    );
  }

  learn({ name }: EngineCall, url: string, body: Buffer): void {
    const { pathname, searchParams } = new URL(url, 'http://engine');
    const [, , , id = ''] = pathname.split('/');
    const asked = searchParams.get('name');
    if (pathname.endsWith('/rename')) {
      if (asked !== null) this.#names.set(id, asked);
      return;
    }
    const told = JSON.parse(body.toString()) as Named | readonly Named[];
    for (const each of Array.isArray(told) ? (told as readonly Named[]) : [told as Named]) {
      const key = each.Id ?? each.ID;
      const known = asked ?? each.Name ?? each.Names?.[0]?.slice(1);
      // A command that runs is called by its container.
      const found = name.endsWith('/exec') ? this.#names.get(id) : known;
      if (key !== undefined && found !== undefined) this.#names.set(key, found);
    }
  }
}
