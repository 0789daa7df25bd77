import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { Agent } from 'node:http';
import { Duplex } from 'node:stream';
import { PlumbstackError } from '@plumbstack/core';
import type { SshAddress } from './engine-address.js';

/**
 * Connections to an engine behind SSH, each an `ssh` program that runs `docker system dial-stdio` there: as the `docker`
 * program does it, so the user's own settings, keys, agent and known hosts count. dockerode's own way takes any host key
 * and ends the process on an error. https://docs.docker.com/engine/security/protect-access/
 */
export class SshAgent extends Agent {
  readonly #address: SshAddress;
  readonly #program: string;

  constructor(address: SshAddress, program = 'ssh') {
    super({ keepAlive: true });
    this.#address = address;
    this.#program = program;
  }

  /** Node's own way to give an agent other connections; its types leave it out. */
  createConnection(): Duplex {
    return new ProgramConnection(spawn(this.#program, sshArguments(this.#address)), this.#address);
  }
}

/** As a list, and with the host after `--`: nothing in an address can become an option or a command. */
export function sshArguments({ host, port, user, socketPath }: SshAddress): string[] {
  return [
    ...['-T', '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=30'],
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...['--', host, 'docker'],
    // The far side's shell reads this one: a URL's path has been decoded, so it is quoted again.
    ...(socketPath === undefined ? [] : ['--host', `'unix://${socketPath.replaceAll("'", "'\\''")}'`]),
    ...['system', 'dial-stdio'],
  ];
}

/** A program's input and output as one connection, with what Node's HTTP client asks of a socket. */
class ProgramConnection extends Duplex {
  readonly #program: ChildProcessWithoutNullStreams;
  #complaint = '';

  constructor(program: ChildProcessWithoutNullStreams, address: SshAddress) {
    super();
    this.#program = program;
    const { stdin, stdout, stderr } = program;
    stdout.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stdout.pause();
    });
    stderr.on('data', (chunk: Buffer) => {
      this.#complaint = `${this.#complaint}${chunk.toString()}`.slice(-2000);
    });
    stdin.on('error', () => {}); // The program's end says more.
    program.on('error', (error) =>
      this.destroy(unreachable(address, `ssh cannot be run: ${error.message}`, error)),
    );
    program.on('close', (code) => {
      if (code === 0 || this.destroyed) this.push(null);
      else this.destroy(unreachable(address, this.#complaint.trim() || `ssh ended with ${code}`));
    });
  }

  override _read(): void {
    this.#program.stdout.resume();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    // A program that has ended refuses what is written; why it ended is told by its `close`.
    this.#program.stdin.write(chunk, encoding, () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#program.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const { stdin, stdout, stderr } = this.#program;
    // `docker` takes one SIGTERM for a wish; without its pipes it has nothing more to do. Nor is it waited for.
    for (const pipe of [stdin, stdout, stderr]) pipe.destroy();
    this.#program.kill();
    this.#program.unref();
    done(error);
  }

  setKeepAlive(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }

  ref(): this {
    return this.#hold('ref');
  }
  unref(): this {
    return this.#hold('unref');
  }

  #hold(how: 'ref' | 'unref'): this {
    const { stdin, stdout, stderr } = this.#program;
    this.#program[how]();
    // Pipes to a program are sockets, though their type does not say so.
    for (const pipe of [stdin, stdout, stderr]) (pipe as unknown as { ref(): void; unref(): void })[how]();
    return this;
  }
}

function unreachable({ address }: SshAddress, reason: string, cause?: unknown): PlumbstackError {
  return new PlumbstackError('ENGINE_UNREACHABLE', `the engine at ${address} cannot be reached: ${reason}`, {
    details: { address, reason },
    hint: 'Try `ssh <host> docker version` by hand: it must work without a question. Keys that need a passphrase need ssh-agent.',
    cause,
  });
}
