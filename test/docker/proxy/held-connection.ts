import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A connection that is kept open by hand: what came, and whether it still is. */
export class HeldConnection implements Disposable {
  readonly #socket: Socket;
  #seen = '';
  #isOpen = true;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => (this.#seen += piece));
    // How it ends is what `isOpen` tells.
    socket.on('error', () => undefined);
    socket.on('close', () => (this.#isOpen = false));
  }

  /** Sends a request and waits for the head of its answer. */
  static async request(
    port: number,
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<HeldConnection> {
    const socket = connect(port, '127.0.0.1');
    const held = new HeldConnection(socket);
    await once(socket, 'connect');
    const fields = Object.entries({ Host: 'a', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET ${path} HTTP/1.1\r\n${fields.join('')}\r\n`);
    await held.#until((seen) => seen.includes('\r\n\r\n'));
    return held;
  }

  /** The same for a WebSocket; what the answer is, `head` says. */
  static webSocket(
    port: number,
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<HeldConnection> {
    return HeldConnection.request(port, path, {
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      ...headers,
    });
  }

  get head(): string {
    return this.#seen.split('\r\n\r\n')[0] ?? '';
  }

  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.#seen)?.[1]);
  }

  get seen(): string {
    return this.#seen;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Sends a line and waits until it has come back; whether it did. */
  async echoes(line: string): Promise<boolean> {
    const from = this.#seen.length;
    this.#socket.write(`${line}\n`);
    await this.#until((seen) => seen.indexOf(`${line}\n`, from) >= 0);
    return this.#isOpen;
  }

  /** Until the other side has closed it. */
  async closed(): Promise<void> {
    if (this.#isOpen) await once(this.#socket, 'close');
  }

  /** Until this is true of what came, or nothing can come any more. */
  async #until(enough: (seen: string) => boolean): Promise<void> {
    while (this.#isOpen && !enough(this.#seen))
      await Promise.race([once(this.#socket, 'data'), once(this.#socket, 'close')]).catch(() => undefined);
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
