import { resourcePath, type LogLine, type LogOptions, type LogSeam } from '@plumbstack/core';
import type { DockerReader, EngineLogLine, EngineLogOptions } from '../client/docker-client.js';
import { engineStatus } from '../client/docker-failure.js';
import { nanosecondsOf } from '../client/nanoseconds.js';
import { declaredName } from '../object-names.js';
import { quietPause } from '../watch/quiet-pause.js';
import { LogCursor } from './log-cursor.js';

export interface FollowedContainerOptions {
  readonly client: Pick<DockerReader, 'logs' | 'inspectContainer'>;
  readonly id: string;
  readonly name: string;
  readonly stack: string;
  readonly resource: string;
  /** Aborts when nobody reads any more. */
  readonly signal: AbortSignal;
  readonly from: Pick<LogOptions, 'since' | 'tail'>;
  /** When following began, by the engine's clock, as nanoseconds since 1970: a `tail` reaches no further back a second time. */
  readonly began: string;
  /** Marks the first line. */
  readonly firstSeam: LogSeam | undefined;
}

const firstPauseMs = 50;
const longestPauseMs = 2000;

/** One container's log through all of its lives, until it is removed: each line once, in the engine's order. */
export class FollowedContainer {
  readonly #options: FollowedContainerOptions;
  readonly #cursor = new LogCursor();
  #wake: () => void = () => undefined;
  #wasWoken = false;
  #seam: LogSeam | undefined;
  /** When the life began that the last line was of, as far as it is known; nothing before the first line. */
  #lineLife: bigint | undefined;
  #wasOpened = false;
  #read = 0;

  constructor(options: FollowedContainerOptions) {
    this.#options = options;
    this.#seam = options.firstSeam;
  }

  /** It was started, or may have been. */
  wake(): void {
    this.#wasWoken = true;
    this.#wake();
  }

  async *lines(): AsyncGenerator<LogLine, void, undefined> {
    const { client, id, signal } = this.#options;
    for (let pauseMs = firstPauseMs; !signal.aborted;) {
      this.#wasWoken = false;
      try {
        const details = await client.inspectContainer(id, { signal });
        if (details === undefined) return;
        const before = this.#read;
        yield* this.#readLog(nanosecondsOf(details.startedAt), true);
        if (this.#read !== before) pauseMs = firstPauseMs;
        const now = await client.inspectContainer(id, { signal });
        // What an ending container wrote last may come after the engine has closed what followed it.
        if (now?.running !== true) yield* this.#readLog(nanosecondsOf(details.startedAt), false);
        if (now === undefined) return;
        if (!now.running) {
          await this.#untilWoken();
          continue;
        }
      } catch (error) {
        if (signal.aborted || engineStatus(error) === 404) return;
        // The connection broke, or the engine is away: it is asked again from the last line on, for ever.
      }
      await quietPause(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
  }

  async *#readLog(life: bigint | undefined, follow: boolean): AsyncGenerator<LogLine, void, undefined> {
    const { client, id, signal, stack, resource, name } = this.#options;
    this.#cursor.rewind();
    for await (const line of client.logs(id, { ...this.#range(), follow, signal })) {
      if (!this.#cursor.isNew(line)) continue;
      this.#read += 1;
      const { stream, at, text } = line;
      const seam = this.#seamOf(line, life);
      yield {
        resource: resourcePath(stack, declaredName(resource)),
        container: name,
        ...{ stream, at, text },
        ...(seam !== undefined && { seam }),
      };
    }
  }

  #range(): EngineLogOptions {
    const { from, began } = this.#options;
    const { from: readTo } = this.#cursor;
    if (readTo !== undefined) return { since: String(readTo) };
    const { since, tail } = from;
    if (tail !== undefined && this.#wasOpened) return { since: began };
    this.#wasOpened = true;
    return { ...(since !== undefined && { since }), ...(tail !== undefined && { tail }) };
  }

  #seamOf(line: EngineLogLine, life: bigint | undefined): LogSeam | undefined {
    const first = this.#seam;
    this.#seam = undefined;
    const at = nanosecondsOf(line.at) ?? 0n;
    const isLater = life !== undefined && at >= life;
    const before = this.#lineLife;
    if (isLater) this.#lineLife = life;
    else this.#lineLife ??= 0n;
    return first ?? (isLater && before !== undefined && before < life ? 'restarted' : undefined);
  }

  #untilWoken(): Promise<void> {
    const { signal } = this.#options;
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        resolve();
      };
      this.#wake = done;
      signal.addEventListener('abort', done, { once: true });
      if (this.#wasWoken || signal.aborted) done();
    });
  }
}
