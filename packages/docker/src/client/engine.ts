import type { Agent } from 'node:http';
import { addAbortSignal, type Readable } from 'node:stream';
import type { PlumbstackError } from '@plumbstack/core';
import Dockerode from 'dockerode';
import type { CallOptions } from './docker-client.js';
import { Deadline } from './deadline.js';
import {
  noAnswer,
  notAnEngine,
  streamFailure,
  toPlumbstackError,
  type FailedCall,
} from './docker-failure.js';
import type { EngineAddress } from './engine-address.js';
import { agentFor, asStream, modemFor, readAnswer, type Dial, type Modem } from './engine-dial.js';

export interface EngineOptions {
  readonly address: EngineAddress;
  /** As `1.51`. @default the engine's own newest */
  readonly apiVersion?: string;
  /** Deadline of a call, in milliseconds. @default 30000 */
  readonly callTimeoutMs?: number;
  /** How long a pull or a build may be silent, in milliseconds. @default 300000 */
  readonly silenceTimeoutMs?: number;
  /** Whether its connections and clocks let the program end. @default false */
  readonly background?: boolean;
}

export interface EngineCallOptions extends CallOptions {
  /** @default the engine's `callTimeoutMs` */
  readonly deadlineMs?: number;
}

export interface EngineStreamOptions extends EngineCallOptions {
  /** How long the stream may be silent, and its opening take. @default for ever, once it has opened in `deadlineMs` */
  readonly silenceMs?: number;
}

/**
 * One engine, and the way every call to it goes: with a deadline and a signal, its connection destroyed when either ends
 * it, its failures translated. Idle connections are kept, and keep no process alive.
 */
export class Engine {
  readonly address: EngineAddress;
  readonly apiVersion: string | undefined;
  readonly callTimeoutMs: number;
  readonly silenceTimeoutMs: number;
  readonly #agent: Agent;
  readonly #modem: Modem;
  readonly #background: boolean;

  constructor({
    address,
    apiVersion,
    callTimeoutMs = 30_000,
    silenceTimeoutMs = 300_000,
    background = false,
  }: EngineOptions) {
    this.address = address;
    this.apiVersion = apiVersion;
    this.callTimeoutMs = callTimeoutMs;
    this.silenceTimeoutMs = silenceTimeoutMs;
    this.#background = background;
    this.#agent = agentFor(address, { background });
    this.#modem = modemFor(address, this.#agent, apiVersion);
  }

  /**
   * One call with one answer.
   *
   * @param name what it does, for errors, as `create container shop-web`
   * @param run makes the call with the dockerode that it is given, which ends with this call
   */
  async call<T>(
    name: string,
    options: EngineCallOptions,
    run: (docker: Dockerode, deadline: Deadline) => Promise<T>,
  ): Promise<T> {
    const at = this.#at(name);
    const deadline = this.#deadline(at, options.deadlineMs ?? this.callTimeoutMs, options);
    try {
      return await race(at, deadline, () =>
        run(
          this.#bound(deadline, (dial) => readAnswer(dial, at)),
          deadline,
        ),
      );
    } finally {
      deadline.clear();
    }
  }

  /** A call that a stream answers, chunk by chunk. The stream is destroyed when the iteration ends, however it ends. */
  async *chunks(
    name: string,
    options: EngineStreamOptions,
    run: (docker: Dockerode, deadline: Deadline) => Promise<NodeJS.ReadableStream>,
  ): AsyncGenerator<Buffer, void, undefined> {
    const at = this.#at(name);
    const { silenceMs } = options;
    const deadline = this.#deadline(at, silenceMs ?? options.deadlineMs ?? this.callTimeoutMs, options);
    let stream: Readable | undefined;
    try {
      stream = (await race(at, deadline, () => run(this.#bound(deadline, asStream), deadline))) as Readable;
      addAbortSignal(deadline.signal, stream);
      if (silenceMs === undefined) deadline.stopClock();
      for await (const chunk of stream) {
        deadline.restart();
        yield chunk as Buffer;
      }
    } catch (error) {
      throw deadline.signal.aborted ? deadline.signal.reason : toPlumbstackError(error, at);
    } finally {
      stream?.destroy();
      deadline.clear();
    }
  }

  /** Closes idle connections; those in use end with their calls. */
  close(): void {
    // A connection is idle only some ticks after its answer was read: what is idle after this is not kept.
    Object.assign(this.#agent, { keepSocketAlive: () => false });
    for (const socket of Object.values(this.#agent.freeSockets).flat()) socket?.destroy();
  }

  /** For a call that the engine refused in a stream that had begun well. */
  refused(name: string, reason: string): PlumbstackError {
    return streamFailure(this.#at(name), reason);
  }

  /** For an answer that came, and is not one of an engine. */
  notAnEngine(name: string, found: string): PlumbstackError {
    return notAnEngine(this.#at(name), found);
  }

  #at(call: string): FailedCall {
    return { call, address: this.address.address };
  }

  #deadline(at: FailedCall, deadlineMs: number, { signal }: CallOptions): Deadline {
    const background = this.#background;
    return new Deadline(deadlineMs, () => noAnswer(at, deadlineMs), signal, { background });
  }

  /**
   * dockerode for one call. Each request that it makes carries the call's signal: some of dockerode's own methods, as
   * `Image.inspect`, do not hand one on.
   */
  #bound({ signal }: Deadline, answering: (dial: Dial) => Dial): Dockerode {
    const dial: Dial = (options, callback) => this.#modem.dial({ ...options, abortSignal: signal }, callback);
    const modem = Object.create(this.#modem, { dial: { value: answering(dial) } }) as Modem;
    return new Dockerode({ modem } as Dockerode.DockerOptions);
  }
}

async function race<T>(at: FailedCall, deadline: Deadline, run: () => Promise<T>): Promise<T> {
  deadline.signal.throwIfAborted();
  try {
    return await deadline.race(run());
  } catch (error) {
    throw deadline.signal.aborted ? deadline.signal.reason : toPlumbstackError(error, at);
  }
}
