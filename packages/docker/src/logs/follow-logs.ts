import type { LogLine, LogOptions, LogSeam } from '@plumbstack/core';
import type { DockerReader } from '../client/docker-client.js';
import { ofStack } from '../labels.js';
import { declaredName } from '../object-names.js';
import { EngineFeed } from '../watch/engine-feed.js';
import { identityOf, type ContainerIdentity } from '../watch/known-container.js';
import { quietPause } from '../watch/quiet-pause.js';
import { FollowedContainer } from './followed-container.js';
import { JoinedLines } from './joined-lines.js';

export interface FollowOptions extends Omit<LogOptions, 'follow'> {
  readonly client: DockerReader;
  readonly stack: string;
  /** Name of the resource. @default the whole stack */
  readonly resource?: string;
}

const retryMs = 500;
/** The longest time that a timer can wait. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * The log of a resource, or of a stack, through restarts, replacements and scaling, until the signal aborts: a new container is
 * followed from its first line on.
 */
export async function* followLogs(options: FollowOptions): AsyncGenerator<LogLine, void, undefined> {
  const { signal } = options;
  const joined = new JoinedLines(signal);
  if (signal?.aborted === true) return;
  const followed = new Followed(options, joined);
  // Who awaits a line is not let go because the engine is away for a while.
  const open = setInterval(() => undefined, longestTimerMs);
  try {
    yield* joined.read();
  } finally {
    clearInterval(open);
    followed[Symbol.dispose]();
  }
}

/** Which containers are followed: those that are there when it begins, and those that the engine tells of. */
class Followed implements Disposable {
  readonly #options: FollowOptions;
  readonly #joined: JoinedLines;
  readonly #containers = new Map<string, FollowedContainer>();
  #feed: EngineFeed | undefined;
  #began = '';
  #isFirst = true;

  constructor(options: FollowOptions, joined: JoinedLines) {
    this.#options = options;
    this.#joined = joined;
    this.#begin().catch((error: unknown) => {
      if (!joined.ended.aborted) joined.fail(error);
    });
  }

  [Symbol.dispose](): void {
    this.#feed?.[Symbol.dispose]();
  }

  async #begin(): Promise<void> {
    const { client, stack } = this.#options;
    const { ended } = this.#joined;
    this.#began = await client.clock({ signal: ended });
    await this.#look();
    this.#isFirst = false;
    if (ended.aborted) return;
    this.#feed = new EngineFeed({
      client,
      since: this.#began,
      onEvent: ({ type, action, id, attributes }) => {
        if (type !== 'container') return;
        // It looks, and lets go of itself.
        if (action === 'destroy') this.#containers.get(id)?.wake();
        if (action !== 'start') return;
        const identity = identityOf({ id, labels: attributes, name: attributes['name'] });
        if (identity?.stack === stack) this.#follow(identity, attributes['name'] ?? '');
      },
      onOpen: () => void this.#lookAgain(),
      onLost: () => undefined,
    });
  }

  /** What the feed could not tell while it was interrupted. */
  async #lookAgain(): Promise<void> {
    const { ended } = this.#joined;
    while (!ended.aborted) {
      try {
        await this.#look();
        return;
      } catch {
        // The engine is still away. Lines are not lost by it: each container is read on from its last one.
        await quietPause(retryMs, ended);
      }
    }
  }

  async #look(): Promise<void> {
    const { client, stack } = this.#options;
    const listed = await client.listContainers(ofStack(stack), { signal: this.#joined.ended });
    for (const each of listed) {
      const { name, state } = each;
      const identity = identityOf(each);
      // One that was never started has said nothing: it is heard of when it is.
      if (identity !== undefined && state !== 'created') this.#follow(identity, name);
    }
    const ids = new Set(listed.map(({ id }) => id));
    for (const [id, container] of this.#containers) if (!ids.has(id)) container.wake();
  }

  #follow({ id, resource }: ContainerIdentity, name: string): void {
    const { client, stack, resource: wanted, since, tail } = this.#options;
    if (wanted !== undefined && declaredName(resource) !== wanted) return;
    const known = this.#containers.get(id);
    if (known !== undefined) {
      known.wake();
      return;
    }
    const isFirst = this.#isFirst;
    const seam: LogSeam | undefined = isFirst ? undefined : 'joined';
    const container = new FollowedContainer({
      ...{ client, id, name, stack, resource, signal: this.#joined.ended, began: this.#began },
      from: { ...(since !== undefined && { since }), ...(isFirst && tail !== undefined && { tail }) },
      firstSeam: seam,
    });
    this.#containers.set(id, container);
    this.#joined.add(this.#linesOf(id, container));
  }

  async *#linesOf(id: string, container: FollowedContainer): AsyncGenerator<LogLine, void, undefined> {
    yield* container.lines();
    this.#containers.delete(id);
  }
}
