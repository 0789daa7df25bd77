import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import v8 from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import type { DockerClient } from '@plumbstack/docker/client';
import type { LifecycleDeployment } from '@plumbstack/events';
import type { InMemoryEngine, InMemoryRuntime } from '@plumbstack/testing';
import { runMs, world } from './world';

interface Moment {
  readonly engine: InMemoryEngine;
  /** Of the runtime that lives long and listens. */
  readonly own: LifecycleDeployment;
  /** Another program, which changes the stack. */
  readonly other: InMemoryRuntime;
  readonly round: number;
}

/** What happens to the stack, one after the other, again and again. */
const happenings: readonly ((at: Moment) => Promise<void> | void)[] = [
  async ({ other, round }) => void (await other.up(stackOf(round))),
  async ({ other }) => (await other.attach('shop')).scale('workers', 4),
  ({ engine }) => engine.crash('shop-workers-2'),
  async ({ other }) => (await other.attach('shop')).scale('workers', 2),
  async ({ other }) => (await other.attach('shop')).rollback('workers'),
  async ({ other }) => {
    const deployment = await other.attach('shop');
    const [newest] = await deployment.versions('workers');
    await deployment.rollback('workers', { ...(newest !== undefined && { to: newest }) });
  },
  ({ engine }) => engine.crash('shop-single', { oomKilled: true }),
  async ({ other }) => (await other.attach('shop')).restart('workers'),
  async ({ other }) => (await other.attach('shop')).restart('single'),
  ({ own }) => own.restart('store'),
  ({ engine }) => {
    engine.stop('shop-single');
    engine.start('shop-single');
  },
  async ({ other, round }) => {
    await other.down('shop');
    await other.up(stackOf(round));
  },
];

const warmUp = happenings.length * 3;
const rounds = warmUp * 5;
const days = Number(process.env['PLUMBSTACK_DAYS'] ?? 1);
const roundMs = Math.round((days * 86_400_000) / rounds);
/** As many events as a runtime remembers. */
const remembered = 10_000;
/** Plans take the place of smaller events in what is remembered: some four a round. A deployment has hundreds. */
const mostObjects = 8;
/** Compiled code and grown tables come to half of it; they grow less and less. */
const mostBytes = 16_000;

function stackOf(round: number): Stack {
  const stack = new Stack('shop');
  const env = { VERSION: String(round % 3) };
  const store = stack.service('store', { image: 'example/store:1' });
  const single = stack.app('single', { image: 'example/app:1', dependsOn: [store], env });
  const worker = stack.app('worker', { image: 'example/app:1', health: { command: ['true'] }, env });
  const workers = stack.pool('workers', { app: worker, replicas: 2 });
  stack.router('web', { publish: 8300 }).route('/single/', single).route('/workers/', workers);
  return stack;
}

/** A client whose streams end where they are cut, as when an engine is restarted. */
function cuttable(client: DockerClient): { readonly client: DockerClient; readonly cut: () => void } {
  let line = new AbortController();
  const until = <O extends { readonly signal?: AbortSignal }>(options: O): O => ({
    ...options,
    signal: AbortSignal.any([line.signal, ...(options.signal === undefined ? [] : [options.signal])]),
  });
  const [events, logs] = [client.events.bind(client), client.logs.bind(client)];
  client.events = (filter, options = {}) => events(filter, until(options));
  client.logs = (container, options = {}) => logs(container, until(options));
  const cut = (): void => {
    line.abort();
    line = new AbortController();
  };
  return { client, cut };
}

/** All signals that anybody has listened to, for as long as they live. */
class Signals implements Disposable {
  readonly #add = EventTarget.prototype.addEventListener;
  readonly #known = new WeakSet<AbortSignal>();
  #seen: WeakRef<AbortSignal>[] = [];

  constructor() {
    const [add, note] = [this.#add, (signal: AbortSignal): void => this.#note(signal)];
    EventTarget.prototype.addEventListener = function (...args): void {
      if (this instanceof AbortSignal) note(this);
      add.apply(this, args);
    };
  }

  /** How many listen now, to each that somebody does. */
  get listeners(): readonly number[] {
    this.#seen = this.#seen.filter((each) => each.deref() !== undefined);
    return this.#seen.flatMap((each) => {
      const signal = each.deref();
      const count = signal === undefined || signal.aborted ? 0 : getEventListeners(signal, 'abort').length;
      return count === 0 ? [] : [count];
    });
  }

  [Symbol.dispose](): void {
    EventTarget.prototype.addEventListener = this.#add;
  }

  #note(signal: AbortSignal): void {
    if (this.#known.has(signal)) return;
    this.#known.add(signal);
    this.#seen.push(new WeakRef(signal));
  }
}

describe('a runtime that lives long', () => {
  it('keeps nothing of what has happened', async function () {
    this.timeout(600_000 * days);
    v8.setFlagsFromString('--expose-gc');
    const gc = runInNewContext('gc') as () => void;
    const warnings: string[] = [];
    const warn = ({ name, message }: Error): void => {
      if (name !== 'ExperimentalWarning') warnings.push(message);
    };
    process.on('warning', warn);
    using signals = new Signals();
    using here = world(8);
    const { engine, time } = here;
    const { client, cut } = cuttable(engine.connect());
    const runtime = new DockerRuntime({ client });
    const other = here.runtime();
    const own = await time.run('up', runMs, () => runtime.up(stackOf(-1)));
    let events = 0;
    own.events.on('*', () => (events += 1));
    const ended = new AbortController();
    let lines = 0;
    const reading = (async () => {
      for await (const _ of own.logs(undefined, { follow: true, signal: ended.signal })) lines += 1;
    })();
    const wait = (ms: number): Promise<void> => time.run('a pause', ms + 1000, () => pause(ms));
    // What both remember is full before it is measured.
    await time.run('attach', runMs, () => other.attach('shop'));
    {
      using _listening = other.events.on('*', () => undefined);
      await wait(10_000);
      for (let event = 0; event < remembered; event++)
        engine.setHealth('shop-single', event % 2 === 0 ? 'unhealthy' : 'healthy');
      await wait(10_000);
    }
    const measured = async () => {
      // Values that are waited for are let go a turn later.
      for (let turn = 0; turn < 3; turn++) {
        await wait(1000);
        gc();
      }
      const { listeners } = signals;
      return {
        bytes: process.memoryUsage().heapUsed,
        objects: v8.queryObjects(Object, { format: 'count' }),
        open: { readers: engine.readers, timers: time.timers, listened: listeners.length },
        mostListeners: Math.max(...listeners),
      };
    };
    const play = async (count: number): Promise<void> => {
      for (let round = 0; round < count; round++) {
        await time.run(`round ${round}`, runMs, async () =>
          happenings[round % happenings.length]?.({ engine, own, other, round }),
        );
        engine.log('shop-single', `line of ${round}`);
        cut();
        await wait(roundMs);
      }
    };
    await play(warmUp);
    const before = await measured();
    const linesBefore = lines;
    const eventsBefore = events;
    await play(rounds - warmUp);
    const after = await measured();
    assert.equal(lines - linesBefore, rounds - warmUp);
    assert.ok(events - eventsBefore > rounds - warmUp);
    assert.deepEqual(after.open, before.open);
    assert.ok(after.mostListeners <= before.mostListeners, `${after.mostListeners} listen to one signal`);
    const perRound = (of: 'bytes' | 'objects'): number => (after[of] - before[of]) / (rounds - warmUp);
    assert.ok(perRound('objects') < mostObjects, `${perRound('objects')} objects stay of each round`);
    assert.ok(perRound('bytes') < mostBytes, `${perRound('bytes')} bytes stay of each round`);
    ended.abort();
    await time.run('the end of the log', runMs, () => reading);
    await runtime[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    await wait(60_000);
    gc();
    assert.deepEqual([engine.readers, time.timers, signals.listeners], [0, 0, []]);
    process.off('warning', warn);
    assert.deepEqual(warnings, []);
  });
});
