import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Gate } from '@plumbstack/docker/internal';

/** Something to do that ends when it is told to. */
function task(): {
  readonly done: Promise<void>;
  readonly finish: () => void;
  readonly fail: (reason: Error) => void;
} {
  const { promise, resolve, reject } = withResolvers();
  return { done: promise, finish: resolve, fail: reject };
}

function withResolvers(): {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
} {
  let resolve = (): void => undefined;
  let reject = (_: Error): void => undefined;
  const promise = new Promise<void>((accept, refuse) => {
    resolve = accept;
    reject = refuse;
  });
  return { promise, resolve, reject };
}

/** Everything that can happen without time passing has happened. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a gate', () => {
  it('never lets more through at once than it is wide, and lets all through in order', async () => {
    const outcomes = fc.array(fc.constantFrom('finish' as const, 'fail' as const), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), outcomes, fc.nat(), async (width, ends, seed) => {
        const gate = new Gate(width);
        const tasks = ends.map(() => task());
        const started: number[] = [];
        const running = new Set<number>();
        const runs = tasks.map((each, index) =>
          gate.run(async () => {
            started.push(index);
            running.add(index);
            assert.ok(running.size <= width);
            await each.done.finally(() => running.delete(index));
          }),
        );
        const results = Promise.allSettled(runs);
        for (let left = tasks.length; left > 0; left--) {
          await settled();
          assert.equal(running.size, Math.min(width, left), 'no place is left free');
          const chosen = [...running][seed % running.size] ?? 0;
          if (ends[chosen] === 'fail') tasks[chosen]?.fail(new Error('failed'));
          else tasks[chosen]?.finish();
        }
        assert.deepEqual(
          (await results).map(({ status }) => status),
          ends.map((each) => (each === 'fail' ? 'rejected' : 'fulfilled')),
        );
        assert.deepEqual(
          started,
          tasks.map((_, index) => index),
        );
      }),
    );
  });

  it('gives back what a task gives, and rejects with its own error', async () => {
    const gate = new Gate(1);
    assert.equal(await gate.run(async () => 5), 5);
    const reason = new Error('own');
    await assert.rejects(
      gate.run(() => Promise.reject(reason)),
      (error) => error === reason,
    );
  });

  it('frees the place of a task that throws before it begins', async () => {
    const gate = new Gate(1);
    const thrown = new Error('at once');
    await assert.rejects(
      gate.run(() => {
        throw thrown;
      }),
      (error) => error === thrown,
    );
    assert.equal(await gate.run(async () => 'next'), 'next');
  });

  it('lets whoever no longer wants a place go at once, and gives it to the next', async () => {
    const waiters = fc.array(fc.boolean(), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), waiters, async (width, leave) => {
        const gate = new Gate(width);
        const holders = Array.from({ length: width }, () => task());
        const held = holders.map((each) => gate.run(() => each.done));
        const leaving = new AbortController();
        const reason = new Error('no more');
        const through: number[] = [];
        const runs = leave.map((leaves, index) =>
          gate.run(async () => void through.push(index), leaves ? { signal: leaving.signal } : {}),
        );
        const results = Promise.allSettled(runs);
        leaving.abort(reason);
        const left = runs.filter((_, index) => leave[index]);
        for (const each of await Promise.allSettled(left))
          assert.equal(each.status === 'rejected' && each.reason, reason, 'while every place is held');
        holders.forEach(({ finish }) => finish());
        await Promise.all([...held, results]);
        assert.deepEqual(
          through,
          leave.flatMap((leaves, index) => (leaves ? [] : [index])),
        );
        await assert.rejects(
          gate.run(async () => undefined, { signal: leaving.signal }),
          (error) => error === reason,
        );
        await Promise.all(Array.from({ length: width }, () => gate.run(settled)));
      }),
    );
  });

  it('lets what finishes something go before what begins something', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { maxLength: 20 }), async (urgencies) => {
        const gate = new Gate(1);
        const first = task();
        const held = gate.run(() => first.done);
        const through: number[] = [];
        const runs = urgencies.map((urgent, index) =>
          gate.run(async () => void through.push(index), { urgent }),
        );
        first.finish();
        await Promise.all([held, ...runs]);
        const all = [...urgencies.keys()];
        assert.deepEqual(through, [
          ...all.filter((index) => urgencies[index]),
          ...all.filter((index) => !urgencies[index]),
        ]);
      }),
    );
  });

  it('starts a task at once where a place is free', () => {
    let started = false;
    void new Gate(1).run(async () => {
      started = true;
    });
    assert.ok(started);
  });
});
