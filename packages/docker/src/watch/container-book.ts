import { resourcePath } from '@plumbstack/core';
import type { LifecycleEventMap, LifecycleEventName } from '@plumbstack/events';
import type { ContainerDetails, EngineEvent } from '../client/docker-client.js';
import { declaredName } from '../object-names.js';
import { wasStopped } from '../plan/being.js';
import {
  endOf,
  identityOf,
  isConnectedTo,
  newContainer,
  seenContainer,
  startOf,
  type KnownContainer,
  type Shown,
} from './known-container.js';
import type { OwnWork } from './own-work.js';

export type Tell = <N extends LifecycleEventName>(
  stack: string,
  name: N,
  payload: LifecycleEventMap[N],
) => void;

export interface ContainerBookOptions {
  readonly isWatched: (stack: string) => boolean;
  readonly work: Pick<OwnWork, 'claim' | 'isChanging' | 'notHeardBefore'>;
  readonly tell: Tell;
  /** Milliseconds, of a clock that is never set back. */
  readonly now: () => number;
}

/** An engine tells of an out-of-memory kill apart from the end, and in either order. */
const memoryWordMs = 250;
/** An engine takes what ends off its network a moment before it tells of the end. */
const endWordMs = 400;
/** An engine's word that is older than a look has come by then. */
const shownMs = 2000;
/** A signal longer ago is not what ended it; as long as any grace that somebody gives. */
const askedNs = 600_000_000_000n;
const killed = 137;
/** What proxies and apps take for "read your files anew" or "your window has changed", by number and by name. */
const harmlessSignals: ReadonlySet<string> = new Set([
  ...['1', '12', '17', '18', '23', '28'],
  ...['HUP', 'USR2', 'CHLD', 'CONT', 'URG', 'WINCH'].flatMap((name) => [name, `SIG${name}`]),
]);

const goneMs = 60_000;

/** What a comparison has come to. */
export interface Comparison {
  /** How much was told. */
  readonly differences: number;
  /** Whether nothing was newer than the look. */
  readonly isSettled: boolean;
}

interface Held {
  readonly dueAt: number;
  readonly kind: 'exit' | 'disconnect';
  readonly exitCode: number;
}

/**
 * The containers of the watched stacks, and what is told of them: makes of the engine's words, and of looks at what is
 * there, what happened by itself or by somebody else. No effects: it is handed all it knows.
 */
export class ContainerBook {
  readonly #options: ContainerBookOptions;
  readonly #containers = new Map<string, KnownContainer>();
  readonly #held = new Map<string, Held>();
  /** What was removed lately, by id: a look that began before may still show it. */
  readonly #gone = new Map<string, number>();

  constructor(options: ContainerBookOptions) {
    this.#options = options;
  }

  get containers(): Iterable<KnownContainer> {
    return this.#containers.values();
  }

  /** When the next word that is waited for is overdue, on the clock; nothing where none is. */
  get nextDueAt(): number | undefined {
    const times = [...this.#held.values()].map(({ dueAt }) => dueAt);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /**
   * Takes what is there for known, and tells nothing of it.
   * @param from since when the engine is heard, on the clock
   */
  learn(containers: readonly ContainerDetails[], from: number): void {
    for (const details of containers) {
      const identity = identityOf(details);
      if (identity === undefined) continue;
      this.#containers.set(details.id, seenContainer(identity, details));
      this.#options.work.notHeardBefore(details.id, from);
    }
  }

  forgetStack(stack: string): void {
    for (const { id } of this.#ofStack(stack)) {
      this.#containers.delete(id);
      this.#held.delete(id);
    }
  }

  /** One word of the engine. */
  hear(event: EngineEvent): void {
    if (event.type === 'network') this.#hearNetwork(event);
    if (event.type !== 'container') return;
    const known = this.#containers.get(event.id) ?? this.#meet(event);
    if (known === undefined) return;
    known.heardAt = this.#options.now();
    const [action = '', ...rest] = event.action.split(': ');
    hearing[action]?.(this, known, event, rest.join(': '));
  }

  /**
   * Compares what was told of a stack with what a look has shown, and tells the difference. What the feed has told of since
   * the look began is newer than the look, and left alone.
   * @param lookedAt when the look began, on the clock
   */
  compare(stack: string, there: readonly ContainerDetails[], lookedAt: number): Comparison {
    const isNewer = (known: KnownContainer): boolean => known.heardAt >= lookedAt;
    const ids = new Set(there.map(({ id }) => id));
    const missing = this.#ofStack(stack).filter((known) => !ids.has(known.id));
    const seen = there.filter(({ id }) => !this.#gone.has(id));
    const newer = [...missing, ...seen.flatMap(({ id }) => this.#containers.get(id) ?? [])].filter(isNewer);
    let differences = 0;
    for (const known of missing) {
      if (newer.includes(known)) continue;
      differences += 1;
      this.destroyed(known);
    }
    for (const details of seen)
      if (!newer.some(({ id }) => id === details.id)) differences += this.#compareOne(details);
    return { differences, isSettled: newer.length === 0 };
  }

  /** Whether a look at the bare list of a stack's containers shows what was told. */
  agrees(
    stack: string,
    there: readonly Pick<ContainerDetails, 'id' | 'state' | 'labels' | 'name' | 'imageId'>[],
  ): boolean {
    const known = this.#ofStack(stack);
    const ours = there.filter((each) => identityOf(each) !== undefined);
    return (
      known.length === ours.length &&
      ours.every(({ id, state }) => {
        const container = this.#containers.get(id);
        const running = state === 'running' || state === 'paused';
        // Between two lives one is neither; on its way out, no more.
        if (state === 'restarting' || state === 'removing' || container === undefined)
          return container !== undefined;
        return container.running === running && (!running || container.paused === (state === 'paused'));
      })
    );
  }

  /** What waited for a word that has not come: names of containers that may have been taken off their network. */
  overdue(): readonly KnownContainer[] {
    const doubtful: KnownContainer[] = [];
    for (const [id, { dueAt, kind }] of [...this.#held]) {
      const known = this.#containers.get(id);
      if (dueAt > this.#options.now() || known === undefined) continue;
      if (kind === 'exit') this.#settle(known);
      else {
        this.#held.delete(id);
        if (known.running) doubtful.push(known);
      }
    }
    return doubtful;
  }

  /** The answer to {@link overdue}: what a look has shown. */
  looked(known: KnownContainer, details: ContainerDetails | undefined): void {
    if (details === undefined || !details.running || !known.running || !known.connected) return;
    if (isConnectedTo(known.home, details)) return;
    known.connected = false;
    this.#tell(known, 'container:disconnected');
  }

  started(known: KnownContainer, at: bigint): void {
    this.#settle(known);
    this.#held.delete(known.id);
    const isToldAlready = this.#wasShown(known, 'start');
    known.quietlyHealthy = this.#options.work.claim(known.id, 'start');
    Object.assign(known, {
      running: true,
      paused: false,
      connected: true,
      health: 'unknown',
      lastStart: at,
      askedToEndAt: undefined,
      outOfMemory: false,
    });
    if (!known.quietlyHealthy && !isToldAlready) this.#tell(known, 'container:started');
  }

  /** @param asked whether somebody else wanted it to end */
  ended(known: KnownContainer, at: bigint, exitCode: number, asked = false): void {
    const isToldAlready = this.#wasShown(known, 'end');
    this.#held.delete(known.id);
    Object.assign(known, { running: false, paused: false, lastEnd: at });
    if (this.#options.work.claim(known.id, 'die') || isToldAlready) return;
    const { askedToEndAt } = known;
    if (asked || (askedToEndAt !== undefined && at - askedToEndAt < askedNs)) {
      this.#tell(known, 'container:stopped', { exitCode });
    } else if (exitCode === killed && !known.outOfMemory) {
      this.#hold(known, 'exit', memoryWordMs, exitCode);
    } else {
      this.#tellExit(known, exitCode);
    }
  }

  destroyed(known: KnownContainer): void {
    this.#settle(known);
    this.#forget(known.id);
    if (this.#options.work.claim(known.id, 'destroy')) return;
    this.#tell(known, 'container:removed');
    const { worker } = known;
    if (worker !== undefined && !this.#options.work.isChanging(known.stack))
      this.#tell(known, 'worker:left', { worker });
  }

  paused(known: KnownContainer): void {
    known.paused = true;
    if (!this.#wasShown(known, 'pause')) this.#tell(known, 'container:paused');
  }

  unpaused(known: KnownContainer): void {
    known.paused = false;
    const isOwn = this.#options.work.claim(known.id, 'unpause');
    if (!this.#wasShown(known, 'unpause') && !isOwn) this.#tell(known, 'container:unpaused');
  }

  outOfMemory(known: KnownContainer): void {
    known.outOfMemory = true;
    this.#settle(known);
  }

  /** A look at its port says so. */
  healthIs(known: KnownContainer, health: 'healthy' | 'unhealthy'): void {
    if (known.health !== health) this.healthBecame(known, health);
  }

  /** The engine's own health check says so. A worker's health is its HAProxy's to tell. */
  healthBecame(known: KnownContainer, health: 'healthy' | 'unhealthy'): void {
    if (!known.running || this.#wasShown(known, health)) return;
    const isVerbs = health === 'healthy' && known.quietlyHealthy && known.health !== 'unhealthy';
    known.health = health;
    if ((known.role !== 'app' && known.role !== 'service') || isVerbs) return;
    this.#tell(known, health === 'healthy' ? 'app:healthy' : 'app:unhealthy');
  }

  renamed(known: KnownContainer, name: string): void {
    if (name !== '') known.name = name;
  }

  #hearNetwork({ action, attributes }: EngineEvent): void {
    const known = this.#containers.get(attributes['container'] ?? '');
    if (known === undefined || !known.running) return;
    if (attributes['name'] !== known.home) {
      // Where it is a guest, others notice; of what this process did there, nothing is left to be heard.
      if (action === 'connect') this.#options.work.claim(known.id, 'connect');
      return;
    }
    if (action === 'disconnect') this.#hold(known, 'disconnect', endWordMs);
    if (action !== 'connect') return;
    this.#held.delete(known.id);
    const isOwn = this.#options.work.claim(known.id, 'connect');
    if (known.connected) return;
    known.connected = true;
    if (!isOwn) this.#tell(known, 'container:connected');
  }

  #meet({ id, attributes }: EngineEvent): KnownContainer | undefined {
    const identity = identityOf({ id, labels: attributes, name: attributes['name'] });
    if (identity === undefined || !this.#options.isWatched(identity.stack)) return undefined;
    const known = newContainer(identity, attributes['name'] ?? '');
    this.#containers.set(id, known);
    return known;
  }

  #compareOne(details: ContainerDetails): number {
    const identity = identityOf(details);
    if (identity === undefined) return 0;
    let known = this.#containers.get(details.id);
    if (known === undefined) {
      known = newContainer(identity, details.name);
      this.#containers.set(details.id, known);
      if (details.state === 'created') return 0;
    }
    known.name = details.name;
    let differences = 0;
    const differs = (told: () => void): void => {
      differences += 1;
      told();
    };
    const { running, state, health, exitCode, oomKilled } = details;
    // How an earlier life ended is not kept: only that there is a later one.
    if (!running && endOf(details) > known.lastEnd) {
      if (oomKilled) known.outOfMemory = true;
      const end = (): void => this.ended(known, endOf(details), exitCode, wasStopped(details));
      differs(end);
      this.#settle(known);
      this.#show(known, 'end');
    } else if (running && startOf(details) > known.lastStart) {
      differs(() => this.started(known, startOf(details)));
      this.#show(known, 'start');
    }
    if (running && known.paused !== (state === 'paused')) {
      differs(() => (state === 'paused' ? this.paused(known) : this.unpaused(known)));
      this.#show(known, state === 'paused' ? 'pause' : 'unpause');
    }
    if ((health === 'healthy' || health === 'unhealthy') && running && known.health !== health) {
      differs(() => this.healthBecame(known, health));
      this.#show(known, health);
    }
    if (running && known.connected !== isConnectedTo(known.home, details))
      differs(() => this.#connectionIs(known, !known.connected));
    return differences;
  }

  #connectionIs(known: KnownContainer, connected: boolean): void {
    known.connected = connected;
    this.#tell(known, connected ? 'container:connected' : 'container:disconnected');
  }

  #hold(known: KnownContainer, kind: Held['kind'], ms: number, exitCode = 0): void {
    this.#held.set(known.id, { dueAt: this.#options.now() + ms, kind, exitCode });
  }

  /** Tells an end that waited to hear of the memory. */
  #settle(known: KnownContainer): void {
    const held = this.#held.get(known.id);
    if (held?.kind !== 'exit') return;
    this.#held.delete(known.id);
    this.#tellExit(known, held.exitCode);
  }

  #tellExit(known: KnownContainer, exitCode: number): void {
    this.#tell(known, 'container:exited', { exitCode, oomKilled: known.outOfMemory && exitCode === killed });
  }

  /** The engine may tell of it only now; it was told. */
  #show(known: KnownContainer, what: Shown): void {
    known.shown.set(what, this.#options.now() + shownMs);
  }

  #wasShown(known: KnownContainer, what: Shown): boolean {
    const until = known.shown.get(what) ?? 0;
    known.shown.delete(what);
    return this.#options.now() < until;
  }

  #forget(id: string): void {
    this.#containers.delete(id);
    const now = this.#options.now();
    for (const [gone, at] of this.#gone) {
      if (now - at <= goneMs) break;
      this.#gone.delete(gone);
    }
    this.#gone.set(id, now);
    this.#held.delete(id);
  }

  #ofStack(stack: string): readonly KnownContainer[] {
    return [...this.#containers.values()].filter((each) => each.stack === stack);
  }

  #tell<N extends LifecycleEventName>(
    { stack, resource, name: container }: KnownContainer,
    name: N,
    facts?: object,
  ): void {
    const payload = { resource: resourcePath(stack, declaredName(resource)), container, ...facts };
    this.#options.tell(stack, name, payload as unknown as LifecycleEventMap[N]);
  }
}

type Hearing = (book: ContainerBook, known: KnownContainer, event: EngineEvent, rest: string) => void;

/** By the engine's word for it. `stop` may come before or after `die`; `restart` comes after the `start` that it is. */
const hearing: Readonly<Record<string, Hearing>> = {
  start: (book, known, { timeNano }) => book.started(known, BigInt(timeNano)),
  die: (book, known, { timeNano, attributes }) =>
    book.ended(known, BigInt(timeNano), Number(attributes['exitCode'] ?? 0)),
  kill: (_, known, { timeNano, attributes }) => {
    if (!harmlessSignals.has(attributes['signal'] ?? '')) known.askedToEndAt = BigInt(timeNano);
  },
  stop: (_, known, { timeNano }) => {
    if (known.running) known.askedToEndAt = BigInt(timeNano);
  },
  oom: (book, known) => book.outOfMemory(known),
  pause: (book, known) => book.paused(known),
  unpause: (book, known) => book.unpaused(known),
  destroy: (book, known) => book.destroyed(known),
  rename: (book, known, { attributes }) => book.renamed(known, attributes['name'] ?? ''),
  health_status: (book, known, _, status) => {
    if (status === 'healthy' || status === 'unhealthy') book.healthBecame(known, status);
  },
};
