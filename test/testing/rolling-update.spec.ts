import assert from 'node:assert/strict';
import { Stack, type PoolOptions } from '@plumbstack/core';
import { InMemoryRuntime } from '@plumbstack/testing';

describe('an update of a pool', () => {
  const described = (replicas: number, version: string, update: PoolOptions['update'] = {}): Stack => {
    const stack = new Stack('shop');
    const app = stack.app('app', { image: 'api:1', port: 80, env: { VERSION: version } });
    stack.pool('workers', { app, replicas, update });
    return stack;
  };

  /** Updates a pool; resolves to the numbers of running workers when each one was started and stopped. */
  async function updated(
    replicas: number,
    update: PoolOptions['update'],
    beforeStop?: (started: () => number) => Promise<void>,
  ): Promise<readonly number[]> {
    await using runtime = new InMemoryRuntime();
    await runtime.up(described(replicas, 'one', update));
    const workers = (): number =>
      runtime.engine.containers.filter((each) => each.role === 'worker' && each.state === 'running').length;
    let started = 0;
    const seen: number[] = [];
    runtime.engine.onCall(async (call, proceed) => {
      if (call.method === 'stopContainer') await beforeStop?.(() => started);
      const answer = await proceed();
      if (call.method === 'startContainer') started++;
      if (call.method === 'startContainer' || call.method === 'stopContainer') seen.push(workers());
      return answer;
    });
    await runtime.up(described(replicas, 'two', update));
    assert.ok((await runtime.plan(described(replicas, 'two', update))).isEmpty);
    return seen;
  }

  it('starts the next batch while the one before finishes what it has, and no further one', async () => {
    let stops = 0;
    const seen = await updated(4, { parallelism: 1 }, async (started) => {
      // Each old worker but the last ends only when the next but one has been started.
      const wanted = Math.min(++stops + 1, 4);
      while (started() < wanted) await new Promise((resolve) => setImmediate(resolve));
    });
    assert.equal(stops, 4);
    assert.equal(Math.max(...seen), 6);
    assert.equal(Math.min(...seen), 4);
  });

  it('waits for the batch before where all slots are in use', async () => {
    const seen = await updated(15, { parallelism: 1 });
    assert.equal(Math.max(...seen), 16);
    assert.equal(Math.min(...seen), 15);
  });

  it('has fewer workers meanwhile, and never more, where it stops first', async () => {
    const seen = await updated(4, { parallelism: 2, order: 'stop-first' });
    assert.equal(Math.max(...seen), 4);
    assert.equal(Math.min(...seen), 2);
  });
});
