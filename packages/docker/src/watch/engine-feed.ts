import type { DockerReader, EngineEvent } from '../client/docker-client.js';
import { quietPause } from './quiet-pause.js';

export interface EngineFeedOptions {
  readonly client: Pick<DockerReader, 'events'>;
  /** Where it begins: nanoseconds since 1970 of the engine's clock, as text. */
  readonly since: string;
  readonly onEvent: (event: EngineEvent) => void;
  /** The engine has accepted the request: what it tells from now on is heard. */
  readonly onOpen: () => void;
  /** Nothing is heard any more; the next attempt follows by itself. Told once for each time that it was open. */
  readonly onLost: (reason: string) => void;
}

const firstPauseMs = 100;
const longestPauseMs = 5000;
/** How far back it asks after an interruption: the engine notes the time of an event before it puts them into an order. */
const overlapNs = 1_000_000_000n;
/** More than an engine remembers. */
const remembered = 1024;

/**
 * What an engine tells, across every interruption, each event once. It goes on by itself for ever, with pauses that grow to
 * five seconds while the engine does not answer.
 */
export class EngineFeed implements Disposable {
  readonly #options: EngineFeedOptions;
  readonly #ended = new AbortController();
  #attempt = new AbortController();
  #interruption = 'the engine closed it';
  #latest: bigint;
  // In the order in which they came: a set keeps it.
  readonly #seen = new Set<string>();
  #recognised = false;

  constructor(options: EngineFeedOptions) {
    this.#options = options;
    this.#latest = BigInt(options.since) + overlapNs;
    void this.#run();
  }

  /** Whether something was told again since it was last opened: then nothing that came after it is missing. */
  get isAnchored(): boolean {
    return this.#recognised;
  }

  /** Gives up a connection that seems to be dead, and makes another. */
  interrupt(reason: string): void {
    this.#interruption = reason;
    this.#attempt.abort();
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
    this.#attempt.abort();
  }

  async #run(): Promise<void> {
    const { signal } = this.#ended;
    for (let pauseMs = firstPauseMs; !signal.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const { opened, reason } = await this.#listen();
      if (signal.aborted) return;
      if (opened) {
        pauseMs = firstPauseMs;
        this.#options.onLost(reason);
      }
      await quietPause(pauseMs, signal);
    }
  }

  async #listen(): Promise<{ readonly opened: boolean; readonly reason: string }> {
    const { client, onEvent, onOpen } = this.#options;
    this.#attempt = new AbortController();
    this.#interruption = 'the engine closed it';
    this.#recognised = false;
    let opened = false;
    try {
      const events = client.events(undefined, {
        since: String(this.#latest - overlapNs),
        signal: this.#attempt.signal,
        onOpen: () => {
          opened = true;
          onOpen();
        },
      });
      for await (const event of events) if (this.#isNew(event)) onEvent(event);
    } catch (error) {
      if (!this.#attempt.signal.aborted) {
        return { opened, reason: error instanceof Error ? error.message : String(error) };
      }
    }
    return { opened, reason: this.#interruption };
  }

  #isNew({ timeNano, type, action, id, attributes }: EngineEvent): boolean {
    const key = [timeNano, type, action, id, attributes['container']].join(' ');
    if (this.#seen.has(key)) {
      this.#recognised = true;
      return false;
    }
    this.#seen.add(key);
    if (this.#seen.size > remembered) {
      const [oldest] = this.#seen;
      this.#seen.delete(oldest ?? '');
    }
    const time = BigInt(timeNano);
    if (time > this.#latest) this.#latest = time;
    return true;
  }
}
