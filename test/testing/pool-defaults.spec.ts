import assert from 'node:assert/strict';
import { node, plumber, Stack, type PoolOptions, type Step } from '@plumbstack/core';
import { InMemoryRuntime } from '@plumbstack/testing';
import { ContextFolder } from '../docker/client/context-folder';

describe('requests at once per worker, where the pool does not say', () => {
  let runtime: InMemoryRuntime;
  let folder: ContextFolder;

  beforeEach(() => {
    folder = new ContextFolder({ 'api/plumber.R': 'one', 'node/server.js': 'one' });
    runtime = new InMemoryRuntime({ baseDir: folder.path });
  });
  afterEach(async () => {
    await runtime[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const described = (options: Omit<PoolOptions, 'app'> = {}, api = plumber('./api/plumber.R')): Stack => {
    const stack = new Stack('shop');
    const workers = stack.pool('workers', { app: stack.app('api', api), replicas: 2, ...options });
    stack.router('web', { publish: 0 }).route('/', workers);
    return stack;
  };
  const limitOf = (stack: Stack): unknown => {
    const pool = stack.toSpec().resources.find(({ kind }) => kind === 'pool');
    assert.ok(pool?.kind === 'pool');
    return pool.maxConcurrency;
  };
  const stepOf = async (stack: Stack): Promise<Step | undefined> => {
    const { steps } = await runtime.plan(stack);
    return steps.find(({ kind }) => kind === 'pool');
  };
  const workers = (): readonly string[] =>
    runtime.engine.containers.flatMap((each) => (each.role === 'worker' ? [each.id] : []));

  it('are what its app says: one of R, any number of others; the pool’s own word wins', () => {
    assert.equal(limitOf(described()), 1);
    assert.equal(limitOf(described({ maxConcurrency: 4 })), 4);
    assert.equal(limitOf(described({ maxConcurrency: 'unlimited' })), undefined);
    assert.equal(limitOf(described({}, node('./node/server.js'))), undefined);
    assert.equal(limitOf(described({}, plumber('a/b.R', { poolDefaults: { maxConcurrency: 8 } }))), 8);
  });

  it('survive a spec written as JSON, also where the pool has turned them off', () => {
    for (const maxConcurrency of [undefined, 3, 'unlimited'] as const) {
      const stack = described(maxConcurrency === undefined ? {} : { maxConcurrency });
      const json: unknown = JSON.parse(JSON.stringify(stack.toSpec()));
      assert.deepEqual(Stack.fromSpec(json).toSpec(), stack.toSpec());
    }
  });

  it('are in the plan of a new pool where they come from the app', async () => {
    const words = /each worker gets 1 request at a time, the default of its app/;
    assert.match((await stepOf(described()))?.impact ?? '', words);
    assert.match((await runtime.plan(described())).toString(), words);
    for (const maxConcurrency of [2, 'unlimited'] as const)
      assert.equal((await stepOf(described({ maxConcurrency })))?.impact, undefined);
  });

  it('come to a pool that is up by a reload, in the plan, with no worker replaced', async () => {
    await runtime.up(described({ maxConcurrency: 'unlimited' }));
    const before = workers();
    const step = await stepOf(described());
    assert.equal(step?.action, 'update');
    assert.deepEqual(
      step.reasons.filter(({ path }) => path === 'maxConcurrency'),
      [{ path: 'maxConcurrency', to: 1 }],
    );
    assert.match(step.impact ?? '', /the default of its app/);
    await runtime.up(described());
    assert.deepEqual(workers(), before);
    assert.ok((await runtime.plan(described())).isEmpty);
    // Said by the program or by the app: the pool is the same.
    assert.ok((await runtime.plan(described({ maxConcurrency: 1 }))).isEmpty);
  });
});
