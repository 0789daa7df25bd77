import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPlan, isPlumbstackError } from '@plumbstack/core';
import {
  everyStack,
  LifecycleEmitter,
  type LifecycleEvent,
  type LifecycleEventName,
  type LifecycleSource,
} from '@plumbstack/events';
import { refusalOf } from '../core/refusal';

const app = { resource: 'shop/app', container: 'shop-app' } as const;

describe('LifecycleEmitter', () => {
  describe('an event', () => {
    it('carries its type, stack, number and time beside its payload', () => {
      const emitter = new LifecycleEmitter({ now: () => new Date('2026-01-02T03:04:05.678Z') });
      const told: LifecycleEvent[] = [];
      emitter.source.on('container:started', (event) => told.push(event));
      const returned = emitter.emit('shop', 'container:started', app);
      const wanted = {
        type: 'container:started',
        stack: 'shop',
        seq: 1,
        at: '2026-01-02T03:04:05.678Z',
        ...app,
      };
      assert.deepEqual(told, [wanted]);
      assert.equal(told[0], returned);
      assert.deepEqual(Object.keys(returned).slice(0, 4), ['type', 'stack', 'seq', 'at']);
    });

    it('has a number one above the event before it, whatever their stacks', () => {
      const emitter = new LifecycleEmitter();
      const numbers = ['shop', 'blog', 'shop'].map((stack) => emitter.emit(stack, 'lock:acquired', {}).seq);
      assert.deepEqual(numbers, [1, 2, 3]);
    });

    it('cannot be changed by who is told, at any depth', () => {
      const emitter = new LifecycleEmitter();
      const plan = createPlan(
        'shop',
        [{ action: 'create', resource: 'shop/app', kind: 'app', reasons: [{ path: 'app' }] }],
        'print',
      );
      const event = emitter.emit('shop', 'stack:up:planned', { plan });
      const frozen = [
        event,
        event.plan,
        event.plan.steps,
        event.plan.steps[0],
        event.plan.steps[0]?.reasons[0],
      ];
      assert.deepEqual(
        frozen.map((each) => Object.isFrozen(each)),
        [true, true, true, true, true],
      );
      assert.throws(() => Object.assign(event, { stack: 'other' }), TypeError);
      assert.equal(Object.isFrozen(plan), false, 'what the teller goes on to use is left alone');
    });

    it('keeps a plan that says itself', () => {
      const emitter = new LifecycleEmitter();
      const plan = createPlan(
        'shop',
        [{ action: 'create', resource: 'shop/app', kind: 'app', reasons: [] }],
        'print',
      );
      const told = emitter.emit('shop', 'stack:up:planned', { plan });
      assert.equal(told.plan.toString(), plan.toString());
      assert.match(told.plan.toString(), /1 to create/);
      assert.equal(JSON.stringify(told.plan), JSON.stringify(plan));
    });

    it('keeps its own stack, number and time, whatever is in its payload', () => {
      const emitter = new LifecycleEmitter();
      const payload = { ...app, stack: 'other', seq: 99, at: 'never', type: 'pool:scaled' };
      const event = emitter.emit('shop', 'app:healthy', payload);
      assert.equal(event.stack, 'shop');
      assert.equal(event.seq, 1);
      assert.equal(event.type, 'app:healthy');
      assert.notEqual(event.at, 'never');
    });
  });

  describe('a listener', () => {
    it('of a name hears no other', () => {
      const emitter = new LifecycleEmitter();
      const heard: string[] = [];
      emitter.source.on('app:healthy', ({ type }) => heard.push(type));
      emitter.emit('shop', 'app:unhealthy', app);
      emitter.emit('shop', 'app:healthy', app);
      assert.deepEqual(heard, ['app:healthy']);
    });

    it('of "*" hears every event', () => {
      const emitter = new LifecycleEmitter();
      const heard: string[] = [];
      emitter.source.on('*', ({ type }) => heard.push(type));
      emitter.emit('shop', 'app:unhealthy', app);
      emitter.emit('shop', 'lock:acquired', {});
      assert.deepEqual(heard, ['app:unhealthy', 'lock:acquired']);
    });

    it('is told no more once its disposable is disposed, and disposing again is nothing', () => {
      const emitter = new LifecycleEmitter();
      let heard = 0;
      const listening = emitter.source.on('app:healthy', () => heard++);
      emitter.emit('shop', 'app:healthy', app);
      listening[Symbol.dispose]();
      listening[Symbol.dispose]();
      emitter.emit('shop', 'app:healthy', app);
      assert.equal(heard, 1);
      assert.equal(emitter.listenerCount, 0);
    });

    it('is told no more after the block that it was declared in with using', () => {
      const emitter = new LifecycleEmitter();
      let heard = 0;
      {
        using _ = emitter.source.on('app:healthy', () => heard++);
        emitter.emit('shop', 'app:healthy', app);
      }
      emitter.emit('shop', 'app:healthy', app);
      assert.equal(heard, 1);
    });

    it('is told no more after off, however often it was added', () => {
      const emitter = new LifecycleEmitter();
      let heard = 0;
      const listener = (): void => void heard++;
      emitter.source.on('app:healthy', listener);
      emitter.source.on('app:healthy', listener);
      emitter.source.once('app:healthy', listener);
      emitter.source.on('*', listener);
      emitter.source.off('app:healthy', listener);
      emitter.emit('shop', 'app:healthy', app);
      assert.equal(heard, 1, 'only the one of "*" is left');
      emitter.source.off('*', listener);
      emitter.source.off('*', listener);
      assert.equal(emitter.listenerCount, 0);
    });

    it('that was added twice is told twice, and each disposable ends its own', () => {
      const emitter = new LifecycleEmitter();
      let heard = 0;
      const listener = (): void => void heard++;
      const first = emitter.source.on('app:healthy', listener);
      emitter.source.on('app:healthy', listener);
      emitter.emit('shop', 'app:healthy', app);
      assert.equal(heard, 2);
      first[Symbol.dispose]();
      emitter.emit('shop', 'app:healthy', app);
      assert.equal(heard, 3);
    });

    it('added with once hears one event, also where it tells another of that name', () => {
      const emitter = new LifecycleEmitter();
      let heard = 0;
      emitter.source.once('app:healthy', () => {
        heard++;
        emitter.emit('shop', 'app:healthy', app);
      });
      emitter.emit('shop', 'app:healthy', app);
      assert.equal(heard, 1);
      assert.equal(emitter.listenerCount, 0);
    });

    it('may dispose itself while it is told, and the next one is still told', () => {
      const emitter = new LifecycleEmitter();
      const heard: string[] = [];
      const self = emitter.source.on('app:healthy', () => {
        heard.push('first');
        self[Symbol.dispose]();
      });
      emitter.source.on('app:healthy', () => heard.push('second'));
      emitter.emit('shop', 'app:healthy', app);
      emitter.emit('shop', 'app:healthy', app);
      assert.deepEqual(heard, ['first', 'second', 'second']);
    });

    it('that another one disposes while an event is told does not hear that event', () => {
      const emitter = new LifecycleEmitter();
      const heard: string[] = [];
      emitter.source.on('app:healthy', () => second[Symbol.dispose]());
      const second = emitter.source.on('app:healthy', () => heard.push('second'));
      emitter.source.on('app:healthy', () => heard.push('third'));
      emitter.emit('shop', 'app:healthy', app);
      assert.deepEqual(heard, ['third']);
    });

    it('that is added while an event is told hears from the next one on', () => {
      const emitter = new LifecycleEmitter();
      const heard: string[] = [];
      emitter.source.once('app:healthy', () => {
        emitter.source.on('app:healthy', ({ seq }) => heard.push(`named ${seq}`));
        emitter.source.on('*', ({ seq }) => heard.push(`every ${seq}`));
      });
      emitter.emit('shop', 'app:healthy', app);
      emitter.emit('shop', 'app:healthy', app);
      assert.deepEqual(heard, ['named 2', 'every 2']);
    });

    it('hears events in the order of their numbers, also where another makes more of them', () => {
      const emitter = new LifecycleEmitter();
      const heard: number[] = [];
      emitter.source.on('app:unhealthy', () => emitter.emit('shop', 'app:healthy', app));
      emitter.source.on('*', ({ seq }) => heard.push(seq));
      emitter.emit('shop', 'app:unhealthy', app);
      assert.deepEqual(heard, [1, 2]);
    });
  });

  describe('a listener that fails', () => {
    it('by throwing harms no other listener and not the one who tells', () => {
      const emitter = new LifecycleEmitter();
      const heard: string[] = [];
      emitter.source.on('app:healthy', () => {
        throw new TypeError('no');
      });
      emitter.source.on('app:healthy', () => heard.push('named'));
      emitter.source.on('*', ({ type }) => heard.push(type));
      assert.equal(emitter.emit('shop', 'app:healthy', app).seq, 1);
      assert.deepEqual(heard, ['named', 'app:healthy', 'listener:failed']);
    });

    it('by throwing is told as listener:failed, of the same stack', () => {
      const emitter = new LifecycleEmitter({ now: () => new Date(0) });
      const failures: LifecycleEvent[] = [];
      emitter.source.on('listener:failed', (event) => failures.push(event));
      emitter.source.on('app:healthy', () => {
        throw new TypeError('no');
      });
      emitter.emit('shop', 'app:healthy', app);
      assert.deepEqual(failures, [
        {
          type: 'listener:failed',
          stack: 'shop',
          seq: 2,
          at: '1970-01-01T00:00:00.000Z',
          event: 'app:healthy',
          message: 'no',
        },
      ]);
    });

    it('by rejecting is told too, and is no unhandled rejection', async () => {
      const emitter = new LifecycleEmitter();
      const unhandled: unknown[] = [];
      const onUnhandled = (reason: unknown): number => unhandled.push(reason);
      process.on('unhandledRejection', onUnhandled);
      try {
        const failed = new Promise<string>((resolve) => {
          emitter.source.once('listener:failed', ({ event, message }) => resolve(`${event}: ${message}`));
        });
        emitter.source.on('app:healthy', async () => {
          await Promise.resolve();
          throw new TypeError('later');
        });
        emitter.emit('shop', 'app:healthy', app);
        assert.equal(await failed, 'app:healthy: later');
        // Node looks for unhandled rejections when the microtasks are done.
        await new Promise(setImmediate);
        assert.deepEqual(unhandled, []);
      } finally {
        process.off('unhandledRejection', onUnhandled);
      }
    });

    it('at listener:failed itself, at once or later, is not told again', async () => {
      const emitter = new LifecycleEmitter();
      const heard: string[] = [];
      emitter.source.on('listener:failed', () => {
        throw new TypeError('again');
      });
      emitter.source.on('*', async ({ type }) => {
        heard.push(type);
        await Promise.resolve();
        throw new TypeError('always');
      });
      emitter.emit('shop', 'app:healthy', app);
      await new Promise(setImmediate);
      assert.deepEqual(heard, ['app:healthy', 'listener:failed']);
    });

    it('with something that has no text is told all the same', () => {
      const emitter = new LifecycleEmitter();
      const messages: string[] = [];
      emitter.source.on('listener:failed', ({ message }) => messages.push(message));
      for (const thrown of ['text', undefined, Object.create(null)]) {
        emitter.source.once('app:healthy', () => {
          throw thrown;
        });
      }
      emitter.emit('shop', 'app:healthy', app);
      assert.equal(messages.length, 3);
      assert.deepEqual(messages.slice(0, 2), ['text', 'undefined']);
    });

    it('leaves the emitter as it was: the next event is told to all', () => {
      const emitter = new LifecycleEmitter();
      let heard = 0;
      emitter.source.once('app:healthy', () => {
        throw new TypeError('no');
      });
      emitter.source.on('app:healthy', () => heard++);
      emitter.emit('shop', 'app:healthy', app);
      emitter.emit('shop', 'app:healthy', app);
      assert.equal(heard, 2);
    });
  });

  describe('a view of one stack', () => {
    it('hears that stack alone, with the numbers of the whole source', () => {
      const emitter = new LifecycleEmitter();
      const heard: [string, number][] = [];
      emitter.forStack('shop').on('*', ({ stack, seq }) => heard.push([stack, seq]));
      emitter.emit('blog', 'lock:acquired', {});
      emitter.emit('shop', 'lock:acquired', {});
      assert.deepEqual(heard, [['shop', 2]]);
    });

    it('waits with once for an event of its own stack', () => {
      const emitter = new LifecycleEmitter();
      const heard: string[] = [];
      emitter.forStack('shop').once('lock:acquired', ({ stack }) => heard.push(stack));
      for (const stack of ['blog', 'shop', 'shop']) emitter.emit(stack, 'lock:acquired', {});
      assert.deepEqual(heard, ['shop']);
    });

    it('hears what concerns every stack', () => {
      const emitter = new LifecycleEmitter();
      const heard: string[] = [];
      emitter.forStack('shop').on('stream:gap', ({ reason }) => heard.push(reason));
      emitter.emit(everyStack, 'stream:gap', { reason: 'the engine was away' });
      assert.deepEqual(heard, ['the engine was away']);
    });

    it('ends with off what any view of that stack began, and nothing else', () => {
      const emitter = new LifecycleEmitter();
      const listener = (): void => undefined;
      emitter.source.on('app:healthy', listener);
      emitter.forStack('shop').on('app:healthy', listener);
      emitter.forStack('blog').on('app:healthy', listener);
      emitter.forStack('shop').off('app:healthy', listener);
      assert.equal(emitter.listenerCount, 2);
    });
  });

  it('refuses a memory that is no count', () => {
    for (const memory of [-1, 1.5, Number.NaN]) {
      assert.throws(
        () => new LifecycleEmitter({ memory }),
        (error) =>
          isPlumbstackError(error, 'INVALID_OPTION') && error.message.includes('LifecycleEmitter.memory'),
      );
    }
  });

  const wrong: readonly (readonly [
    path: string,
    call: (source: LifecycleSource) => unknown,
    hint?: RegExp,
  ])[] = [
    ['on.name', (source) => source.on('worker:join' as 'worker:joined', () => 1), /"worker:joined"/],
    ['on.name', (source) => source.on('Worker:Joined' as 'worker:joined', () => 1), /"worker:joined"/],
    ['on.name', (source) => source.on('' as 'worker:joined', () => 1), /Known are: .*worker:joined/],
    ['on.name', (source) => source.on('toString' as 'worker:joined', () => 1)],
    ['on.name', (source) => source.on(undefined as unknown as '*', () => 1)],
    ['once.name', (source) => source.once('up' as '*', () => 1)],
    ['off.name', (source) => source.off('worker-joined' as 'worker:joined', () => 1), /"worker:joined"/],
    ['on.listener', (source) => source.on('*', undefined as unknown as () => void)],
    ['once.listener', (source) => source.once('*', 'log' as unknown as () => void)],
    ['off.listener', (source) => source.off('*', {} as () => void)],
  ];
  for (const [path, call, hint] of wrong) {
    it(`refuses what is no event or no listener: ${call.toString().slice(12)}`, () => {
      const emitter = new LifecycleEmitter();
      for (const source of [emitter.source, emitter.forStack('shop')]) {
        const error = refusalOf(() => call(source));
        assert.equal(error.details['path'], path);
        if (hint !== undefined) assert.match(error.hint ?? '', hint);
      }
      assert.equal(emitter.listenerCount, 0);
    });
  }

  it('takes every name that the map has', async () => {
    const { source } = new LifecycleEmitter();
    const file = join(__dirname, '../../packages/events/src/lifecycle-event-map.ts');
    const names = [...(await readFile(file, 'utf8')).matchAll(/^ {2}'([a-z:]+)':/gm)].map(([, name]) => name);
    assert.ok(names.length > 20);
    for (const name of names) source.on(name as LifecycleEventName, () => undefined);
  });

  describe('what is listened to', () => {
    it('is told when the first listener of a stack comes and the last one goes, not in between', () => {
      const told: string[] = [];
      const emitter = new LifecycleEmitter({
        onDemand: ({ everyStack: all, stacks }) => told.push([all ? '*' : '', ...stacks].join(' ')),
      });
      const first = emitter.forStack('shop').on('*', () => undefined);
      const second = emitter.forStack('shop').on('app:healthy', () => undefined);
      const all = emitter.source.once('*', () => undefined);
      first[Symbol.dispose]();
      first[Symbol.dispose]();
      emitter.emit('shop', 'lock:acquired', {});
      second[Symbol.dispose]();
      all[Symbol.dispose]();
      assert.deepEqual(told, [' shop', '* shop', ' shop', '']);
    });

    it('is awaited while a stream has a read that waits', async () => {
      const awaited: boolean[] = [];
      const emitter = new LifecycleEmitter({ onDemand: (demand) => awaited.push(demand.awaited) });
      const stream = emitter.source.stream()[Symbol.asyncIterator]();
      assert.equal(emitter.demand.awaited, false);
      const read = stream.next();
      assert.equal(emitter.demand.awaited, true);
      emitter.emit('shop', 'lock:acquired', {});
      await read;
      assert.equal(emitter.demand.awaited, false);
      const last = stream.next();
      await stream.return?.();
      await last;
      assert.deepEqual(emitter.demand, { everyStack: false, stacks: new Set(), awaited: false });
      assert.ok(awaited.includes(true));
    });
  });
});
