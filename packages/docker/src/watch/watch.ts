import { setMaxListeners } from 'node:events';
import { everyStack } from '@plumbstack/events';
import { linkedSignal } from '../apply/linked-signal.js';
import type { DockerClient, EngineEvent } from '../client/docker-client.js';
import { ofStack } from '../labels.js';
import { ContainerBook, type Tell } from './container-book.js';
import { EngineFeed } from './engine-feed.js';
import type { KnownContainer } from './known-container.js';
import type { OwnWork } from './own-work.js';
import { quietPause } from './quiet-pause.js';
import { StackEyes } from './stack-eyes.js';
import { inspectStack } from './stack-inspection.js';

export interface WatchOptions {
  /** In the background: nothing here keeps the program from ending. */
  readonly client: DockerClient;
  readonly work: OwnWork;
  readonly tell: Tell;
  /** Whether the engine may run on this machine. */
  readonly isLocal: boolean;
}

/** How long the feed may take to tell again what it told before, and how long a word may be on its way. */
const settleMs = 300;
/** Looks after an interruption, at stacks of which something is told again and again meanwhile. */
const mostLooks = 10;
/** An interruption that is over sooner is not told of. */
const patienceMs = 1000;
/** Between two looks at the bare list, which tell a feed that died from one that has nothing to tell. */
const auditMs = 5000;
const callMs = 10_000;

/**
 * Watches stacks on an engine until it is disposed: tells what happens to them by itself or by somebody else. Each stack has
 * been looked at before anything is told of it.
 */
export class Watch implements Disposable {
  readonly #options: WatchOptions;
  readonly #ended = new AbortController();
  readonly #book: ContainerBook;
  readonly #stacks = new Map<string, StackEyes>();
  /** What was heard while a stack was looked at for the first time: told when that is done, in its order. */
  readonly #waiting: EngineEvent[] = [];
  #looking = 0;
  #feed: EngineFeed | undefined;
  #isOpen = false;
  #wasOpen = false;
  #lostAt: number | undefined;
  #isStale = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
    const { work, tell } = options;
    this.#book = new ContainerBook({
      work,
      tell,
      isWatched: (stack) => this.#stacks.has(stack),
      now: () => performance.now(),
    });
    setMaxListeners(0, this.#ended.signal);
    void this.#begin(performance.now());
    void this.#audit();
  }

  add(stack: string): void {
    const { client, work, tell, isLocal } = this.#options;
    const eyes = new StackEyes({
      ...{ stack, client, work, tell, isLocal },
      onHealth: (known, health) => this.#book.healthIs(known, health),
      containers: () => this.#book.containers,
    });
    this.#stacks.set(stack, eyes);
    this.#looking += 1;
    void this.#lookFirst(stack, eyes, performance.now()).finally(() => {
      this.#looking -= 1;
      if (this.#looking === 0) for (const event of this.#waiting.splice(0)) this.#book.hear(event);
      this.#changed();
    });
  }

  remove(stack: string): void {
    this.#stacks.get(stack)?.[Symbol.dispose]();
    this.#stacks.delete(stack);
    this.#book.forgetStack(stack);
  }

  [Symbol.dispose](): void {
    this.#ended.abort();
    this.#feed?.[Symbol.dispose]();
    for (const stack of [...this.#stacks.keys()]) this.remove(stack);
    clearTimeout(this.#timer);
  }

  get #signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** @param from when watching began, on this process's clock: what happened from then on is told */
  async #begin(from: number): Promise<void> {
    const { client } = this.#options;
    this.#lose('it does not answer', from);
    while (!this.#signal.aborted) {
      try {
        using signal = this.#limited();
        const now = BigInt(await client.clock({ signal }));
        const ago = BigInt(Math.ceil((performance.now() - from) * 1e6));
        this.#feed = new EngineFeed({
          client,
          since: String(now - ago),
          onEvent: (event) => this.#hear(event),
          onOpen: () => void this.#opened(),
          onLost: (reason) => this.#lose(reason),
        });
        if (this.#signal.aborted) this.#feed[Symbol.dispose]();
        return;
      } catch {
        // The engine does not answer yet. Whoever listens is told as soon as it does.
        await quietPause(patienceMs, this.#signal);
      }
    }
  }

  /** Tries until it has seen what is there, or nobody wants to know any more. */
  async #lookFirst(stack: string, eyes: StackEyes, from: number): Promise<void> {
    while (this.#stacks.get(stack) === eyes) {
      try {
        using signal = this.#limited();
        const there = await inspectStack(this.#options.client, stack, { signal });
        this.#book.learn(there, from);
        return;
      } catch {
        // As above: nothing was seen, so nothing is told.
        await quietPause(patienceMs, this.#signal);
      }
    }
  }

  #hear(event: EngineEvent): void {
    if (this.#looking > 0) {
      this.#waiting.push(event);
      return;
    }
    this.#book.hear(event);
    this.#changed();
  }

  #changed(): void {
    if (this.#looking > 0 || this.#signal.aborted) return;
    for (const eyes of this.#stacks.values()) eyes.follow();
    clearTimeout(this.#timer);
    const { nextDueAt } = this.#book;
    if (nextDueAt === undefined) return;
    const wait = Math.max(0, nextDueAt - performance.now());
    this.#timer = setTimeout(() => {
      for (const known of this.#book.overdue()) void this.#lookAt(known);
      this.#changed();
    }, wait + 1).unref();
  }

  async #lookAt(known: KnownContainer): Promise<void> {
    // Only what was seen is told: without an answer, nothing.
    using signal = this.#limited();
    const details = await this.#options.client.inspectContainer(known.id, { signal }).catch(() => undefined);
    if (!this.#signal.aborted) this.#book.looked(known, details);
  }

  #lose(reason: string, at = performance.now()): void {
    this.#isOpen = false;
    const lostAt = (this.#lostAt ??= at);
    void quietPause(patienceMs, this.#signal).then(() => {
      if (this.#signal.aborted || this.#isStale || this.#lostAt !== lostAt) return;
      this.#isStale = true;
      this.#options.tell(everyStack, 'stream:stale', { reason });
    });
  }

  async #opened(): Promise<void> {
    const feed = this.#feed;
    this.#isOpen = true;
    if (!this.#wasOpen) {
      this.#wasOpen = true;
      this.#found();
      return;
    }
    try {
      let differences = 0;
      for (let round = 0; round < mostLooks; round++) {
        const lookedAt = performance.now();
        const looks = [...this.#stacks.keys()].map(async (stack) => {
          using signal = this.#limited();
          const there = await inspectStack(this.#options.client, stack, { signal });
          return [stack, there] as const;
        });
        const [seen] = await Promise.all([Promise.all(looks), quietPause(settleMs, this.#signal)]);
        if (this.#signal.aborted || !this.#isOpen || feed !== this.#feed) return;
        const compared = seen
          .filter(([stack]) => this.#stacks.has(stack))
          .map(([stack, there]) => this.#book.compare(stack, there, lookedAt));
        differences += compared.reduce((sum, each) => sum + each.differences, 0);
        if (compared.every(({ isSettled }) => isSettled)) break;
      }
      if (feed?.isAnchored !== true || differences > 0) this.#tellGap(differences);
      this.#found();
      this.#changed();
    } catch (error) {
      if (!this.#signal.aborted) feed?.interrupt(messageOf(error));
    }
  }

  #found(): void {
    const lostAt = this.#lostAt;
    this.#lostAt = undefined;
    if (!this.#isStale || lostAt === undefined) return;
    this.#isStale = false;
    const durationMs = Math.round(performance.now() - lostAt);
    this.#options.tell(everyStack, 'stream:recovered', { durationMs });
  }

  #tellGap(differences: number): void {
    const found =
      differences === 0
        ? 'what is there now is as it was told'
        : `what is there now was told (${differences} changes)`;
    const reason = `the engine could not be heard for a while, and does not remember all of it; ${found}`;
    this.#options.tell(everyStack, 'stream:gap', { reason });
  }

  /** A connection that died without a word looks like an engine where nothing happens: now and then, the list tells. */
  async #audit(): Promise<void> {
    for (;;) {
      await quietPause(auditMs, this.#signal);
      if (this.#signal.aborted) return;
      if (!this.#isOpen || this.#looking > 0) continue;
      const reason = (await this.#disagreement()) && (await this.#disagreement(patienceMs));
      if (reason === undefined || this.#signal.aborted || !this.#isOpen) continue;
      this.#lose(reason);
      this.#feed?.interrupt(reason);
    }
  }

  async #disagreement(afterMs = 0): Promise<string | undefined> {
    await quietPause(afterMs, this.#signal);
    try {
      for (const stack of this.#stacks.keys()) {
        using signal = this.#limited();
        const there = await this.#options.client.listContainers(ofStack(stack), { signal });
        if (!this.#book.agrees(stack, there)) return 'it did not tell of what has changed';
      }
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  }

  #limited(): AbortSignal & Disposable {
    return linkedSignal(this.#signal, callMs);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
