import { connect, type Socket } from 'node:net';
import { sentTrailers, valuesOf, type Field, type Interim, type Question, type RawAnswer } from './question';

const patienceMs = 20_000;

/** A connection of HTTP/1.1 that sends what it is told, as it is, and keeps every byte that comes. */
export class Wire {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #end: string | undefined;
  #wake: () => void = () => undefined;
  /** Answers so far. */
  answers = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    socket.on('end', () => this.#ended('closed'));
    socket.on('error', (error: NodeJS.ErrnoException) => this.#ended(error.code ?? error.message));
    socket.on('close', () => this.#ended('closed'));
  }

  static open({ hostname, port }: URL): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Wire(socket));
      });
    });
  }

  /** Whether the other side has not ended it, and nothing lies there that nobody asked for. */
  get usable(): boolean {
    return this.#end === undefined && this.#bytes.length === 0;
  }

  /** What came and was not a part of an answer. */
  get surplus(): Buffer {
    return this.#bytes;
  }

  get received(): number {
    return this.#socket.bytesRead;
  }

  send(bytes: Buffer | string): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => resolve();
      if (this.#socket.destroyed) return done();
      this.#socket.once('close', done);
      this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => {
        this.#socket.off('close', done);
        done();
      });
    });
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Leaves without a word. */
  leave(): void {
    this.#ended('left');
    this.#socket.resetAndDestroy();
  }

  close(): void {
    this.#ended('left');
    this.#socket.destroy();
  }

  /** Waits until something has come, or the end. */
  async first(): Promise<void> {
    if (this.#bytes.length === 0 && this.#end === undefined) await this.#more();
  }

  /** The answer to a request with this method. */
  async answer(method: string): Promise<RawAnswer> {
    const interims: Interim[] = [];
    const begun: { status?: number; reason?: string; headers?: readonly Field[]; parts: Buffer[] } = {
      parts: [],
    };
    const result = (rest: Partial<RawAnswer>): RawAnswer => ({
      interims,
      status: begun.status ?? 0,
      reason: begun.reason ?? '',
      headers: begun.headers ?? [],
      body: Buffer.concat(begun.parts),
      trailers: [],
      whole: true,
      stays: false,
      ...rest,
    });
    try {
      for (;;) {
        const [, status = '', reason = ''] = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(await this.#line()) ?? [];
        if (status === '') throw new WireEnd('not an answer');
        const headers = await this.#fields();
        if (!status.startsWith('1') || status === '101') {
          Object.assign(begun, { status: Number(status), reason, headers });
          break;
        }
        interims.push({ status: Number(status), headers });
      }
      const told = { headers: begun.headers ?? [] };
      const closes = valuesOf(told, 'connection').some((each) => /close/i.test(each));
      const trailers = await this.#body(method, begun.status ?? 0, told, begun.parts);
      this.answers++;
      return result({ trailers: trailers ?? [], stays: !closes && trailers !== undefined && this.usable });
    } catch (error) {
      if (!(error instanceof WireEnd)) throw error;
      return result({ whole: false, why: error.message });
    }
  }

  /** Trailers; none where the end of the connection is the end of the body. */
  async #body(
    method: string,
    status: number,
    told: { readonly headers: readonly Field[] },
    parts: Buffer[],
  ): Promise<readonly Field[] | undefined> {
    if (method === 'HEAD' || status === 204 || status === 304) return [];
    if (valuesOf(told, 'transfer-encoding').some((each) => /chunked/i.test(each))) {
      for (;;) {
        const line = await this.#line();
        if (!/^[0-9a-f]+(?:;.*)?$/i.test(line)) throw new WireEnd(`not a chunk: ${JSON.stringify(line)}`);
        const size = parseInt(line, 16);
        if (size === 0) return this.#fields();
        await this.#take(size, parts);
        if ((await this.#line()) !== '') throw new WireEnd('no end of a chunk');
      }
    }
    const [length] = valuesOf(told, 'content-length');
    if (length !== undefined) {
      await this.#take(Number(length), parts);
      return [];
    }
    for (;;) {
      parts.push(this.#bytes);
      this.#bytes = Buffer.alloc(0);
      if (this.#end !== undefined) {
        if (this.#end !== 'closed') throw new WireEnd(this.#end);
        return undefined;
      }
      await this.#more();
    }
  }

  async #take(count: number, parts: Buffer[]): Promise<void> {
    let missing = count;
    for (;;) {
      const part = this.#bytes.subarray(0, missing);
      this.#bytes = this.#bytes.subarray(part.length);
      if (part.length > 0) parts.push(part);
      missing -= part.length;
      if (missing === 0) return;
      await this.#more();
    }
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#bytes.indexOf('\r\n');
      if (end >= 0) {
        const line = this.#bytes.subarray(0, end).toString('latin1');
        this.#bytes = this.#bytes.subarray(end + 2);
        return line;
      }
      await this.#more();
    }
  }

  async #fields(): Promise<readonly Field[]> {
    const fields: Field[] = [];
    for (;;) {
      const line = await this.#line();
      if (line === '') return fields;
      const colon = line.indexOf(':');
      fields.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
    }
  }

  async #more(): Promise<void> {
    if (this.#end !== undefined) throw new WireEnd(this.#end);
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((_, reject) => {
      timer = setTimeout(() => reject(new WireEnd(`nothing in ${patienceMs} ms`)), patienceMs);
    });
    try {
      await Promise.race([new Promise<void>((resolve) => (this.#wake = resolve)), timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  #ended(how: string): void {
    this.#end ??= how;
    this.#wake();
  }
}

class WireEnd extends Error {}

/** The request as bytes: what is sent at once, and what is sent when the app says `100 Continue`. */
export function requestBytes(
  question: Question,
  prefix: string,
  base: URL,
): { readonly head: string; readonly rest: string } {
  const { method, target, headers = [], framing = 'none', body = '', version = '1.1' } = question;
  const host = question.host ?? base.host;
  const expects = framing.startsWith('expect');
  const chunks = framing === 'chunked' || framing === 'trailers' || framing === 'expect chunked';
  const fields: readonly Field[] = [
    ['Host', host],
    ...headers,
    ...(chunks
      ? ([['Transfer-Encoding', 'chunked']] as const)
      : framing === 'none'
        ? []
        : ([['Content-Length', String(body.length)]] as const)),
    ...(framing === 'trailers'
      ? ([['Trailer', sentTrailers.map(([name]) => name).join(', ')]] as const)
      : []),
    ...(expects ? ([['Expect', '100-continue']] as const) : []),
  ];
  const path = `${prefix}${target}`;
  const line = `${method} ${question.absolute ? `http://${host}${path}` : path} HTTP/${version}`;
  const head = [line, ...fields.map(([name, value]) => `${name}: ${value}`), '', ''].join('\r\n');
  const rest = chunks
    ? chunked(body, framing === 'trailers' ? sentTrailers : [])
    : framing === 'none'
      ? ''
      : body;
  return expects ? { head, rest } : { head: `${head}${rest}`, rest: '' };
}

/** In three chunks of different sizes. */
function chunked(body: string, trailers: readonly Field[]): string {
  const cuts = [0, Math.floor(body.length / 7), Math.floor(body.length / 2), body.length];
  const chunks = cuts.slice(1).map((end, index) => body.slice(cuts[index], end));
  const sent = chunks
    .filter((each) => each !== '')
    .map((each) => `${each.length.toString(16)}\r\n${each}\r\n`);
  return `${sent.join('')}0\r\n${trailers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** Asks on a connection that is there. */
export async function askOn(wire: Wire, question: Question, prefix: string, base: URL): Promise<RawAnswer> {
  const { head, rest } = requestBytes(question, prefix, base);
  for (const piece of inPieces(head, question.pieces ?? 1)) {
    await wire.send(piece);
    // As packets of their own: without a turn of the loop they may leave together.
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (rest === '') return wire.answer(question.method);
  // Whoever is not told to go on sends all the same, after a while; here, at once when anything comes.
  await Promise.race([wire.first(), new Promise((resolve) => setTimeout(resolve, 1000))]);
  await wire.send(rest);
  return wire.answer(question.method);
}

function inPieces(text: string, pieces: number): readonly string[] {
  const size = Math.ceil(text.length / pieces);
  return Array.from({ length: pieces }, (_, index) => text.slice(index * size, (index + 1) * size));
}
