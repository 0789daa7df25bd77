import assert from 'node:assert/strict';
import { isPlumbstackError } from '@plumbstack/core';
import { LifecycleEmitter } from '@plumbstack/events';
import { recordEvents } from '@plumbstack/testing';

describe('recordEvents', () => {
  const joined = { resource: 'demo/workers', container: 'demo-workers-1', worker: 'w1' };

  it('keeps every event in order, by name and whole', () => {
    const emitter = new LifecycleEmitter();
    using recorder = recordEvents(emitter.source);
    emitter.emit('demo', 'stack:up:started', {});
    emitter.emit('demo', 'worker:joined', joined);
    emitter.emit('demo', 'worker:joined', { ...joined, worker: 'w2' });
    assert.deepEqual(recorder.names(), ['stack:up:started', 'worker:joined', 'worker:joined']);
    assert.deepEqual(
      recorder.of('worker:joined').map(({ worker }) => worker),
      ['w1', 'w2'],
    );
    assert.equal(recorder.events.length, 3);
  });

  it('hears nothing after it was disposed', () => {
    const emitter = new LifecycleEmitter();
    const recorder = recordEvents(emitter.source);
    recorder[Symbol.dispose]();
    emitter.emit('demo', 'stack:up:started', {});
    assert.deepEqual(recorder.events, []);
    assert.equal(emitter.listenerCount, 0);
  });

  it('forgets what was told when it is cleared', () => {
    const emitter = new LifecycleEmitter();
    using recorder = recordEvents(emitter.source);
    emitter.emit('demo', 'stack:up:started', {});
    recorder.clear();
    emitter.emit('demo', 'stack:down:started', {});
    assert.deepEqual(recorder.names(), ['stack:down:started']);
  });

  it('finds an event that was told before it was waited for', async () => {
    const emitter = new LifecycleEmitter();
    using recorder = recordEvents(emitter.source);
    const told = emitter.emit('demo', 'worker:joined', joined);
    assert.equal((await recorder.waitFor('worker:joined')).seq, told.seq);
  });

  it('waits for the first event for which the predicate holds', async () => {
    const emitter = new LifecycleEmitter();
    using recorder = recordEvents(emitter.source);
    const waiting = recorder.waitFor('worker:joined', ({ worker }) => worker === 'w2');
    emitter.emit('demo', 'worker:joined', joined);
    const wanted = emitter.emit('demo', 'worker:joined', { ...joined, worker: 'w2' });
    assert.equal((await waiting).seq, wanted.seq);
  });

  it('gives up at its deadline, and says what was told instead', async () => {
    const emitter = new LifecycleEmitter();
    using recorder = recordEvents(emitter.source);
    emitter.emit('demo', 'stack:up:started', {});
    await assert.rejects(
      recorder.waitFor('stack:up:finished', undefined, { timeoutMs: 5 }),
      (error) => isPlumbstackError(error, 'TIMEOUT') && /stack:up:started/.test(error.message),
    );
  });

  it("rejects with the signal's reason", async () => {
    const emitter = new LifecycleEmitter();
    using recorder = recordEvents(emitter.source);
    const controller = new AbortController();
    const waiting = recorder.waitFor('stack:up:finished', undefined, { signal: controller.signal });
    const reason = new Error('enough');
    controller.abort(reason);
    await assert.rejects(waiting, (error) => error === reason);
  });

  it('rejects with what the predicate throws', async () => {
    const emitter = new LifecycleEmitter();
    using recorder = recordEvents(emitter.source);
    const waiting = recorder.waitFor('stack:up:started', () => {
      throw new RangeError('a predicate');
    });
    emitter.emit('demo', 'stack:up:started', {});
    await assert.rejects(waiting, RangeError);
  });
});
