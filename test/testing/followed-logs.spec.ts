import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { Stack } from '@plumbstack/core';
import { InMemoryRuntime } from '@plumbstack/testing';

const described = (apps: number, version: string): Stack => {
  const stack = new Stack('shop');
  for (let each = 1; each <= apps; each++)
    stack.app(`a${each}`, { image: 'api:1', env: { VERSION: version } });
  return stack;
};

describe('a followed log', () => {
  it('holds no more listeners and readers after many updates than before', async () => {
    await using runtime = new InMemoryRuntime();
    const signals = new Set<AbortSignal>();
    runtime.engine.onCall(async ({ method, signal }, proceed) => {
      if (method === 'logs' && signal !== undefined) signals.add(signal);
      return proceed();
    });
    const warnings: string[] = [];
    const warn = ({ name }: Error): void => void warnings.push(name);
    process.on('warning', warn);
    const deployment = await runtime.up(described(12, '0'));
    const reader = new AbortController();
    const lines = deployment.logs(undefined, { follow: true, signal: reader.signal })[Symbol.asyncIterator]();
    const next = lines.next();
    const held = (): number =>
      [...signals].reduce((sum, each) => sum + getEventListeners(each, 'abort').length, 0);
    /** Until what is followed is what runs, and nothing else. */
    const settled = async (wanted: number): Promise<number> => {
      while (runtime.engine.readers !== wanted) await setImmediate();
      // What has gone lets go a few turns later.
      for (let turn = 0; turn < 50; turn++) await setImmediate();
      return held();
    };
    while (runtime.engine.readers < 13) await setImmediate();
    const wanted = runtime.engine.readers;
    const before = await settled(wanted);
    for (let update = 1; update <= 10; update++) {
      await runtime.up(described(12, String(update)));
      assert.ok((await settled(wanted)) <= before, `update ${update}: ${held()} after ${before}`);
    }
    reader.abort();
    await next;
    process.off('warning', warn);
    assert.deepEqual(warnings, []);
  });
});
