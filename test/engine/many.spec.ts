import assert from 'node:assert/strict';
import { isPlumbstackError, Stack } from '@plumbstack/core';
import { ownObjects } from './neighbours';
import { disturbed, runMs, settled, world } from './world';

function poolOf(replicas: number, version = 1): Stack {
  const stack = new Stack('shop');
  const env = { VERSION: String(version) };
  const app = stack.app('worker', { image: 'example/app:1', env, health: { command: ['true'] } });
  const pool = stack.pool('workers', { app, replicas, maxConcurrency: 1, update: { parallelism: 100 } });
  stack.router('web', { publish: 8300 }).route('/', pool);
  return stack;
}

async function played(replicas: number, width: number): Promise<void> {
  using here = world(width);
  const { time, runtime, engine } = here;
  const workers = (): number => engine.containers.filter(({ role }) => role === 'worker').length;
  await time.run('up', runMs, () => runtime().up(poolOf(replicas)));
  assert.equal(workers(), replicas);
  await time.run('update', runMs, () => runtime().up(poolOf(replicas, 2)));
  const deployment = await time.run('attach', runMs, () => runtime().attach('shop'));
  await time.run('scale', runMs, () => deployment.scale('workers', Math.ceil(replicas / 2)));
  assert.equal(workers(), Math.ceil(replicas / 2));
  for (const call of [40, 400, 2000]) {
    const fault = { call, kind: 'abort' } as const;
    await disturbed(here, 'an update', fault, call, ['workers'], (other, signal) =>
      other.up(poolOf(replicas, call), { signal }),
    );
  }
  await settled(here, poolOf(replicas, 3));
  assert.equal(workers(), replicas);
  await time.run('down', runMs, () => runtime().down('shop'));
  assert.deepEqual(ownObjects(engine, 'shop'), []);
}

describe('many', () => {
  for (const replicas of [1, 8, 100])
    for (const width of [1, 4])
      it(`${replicas} workers come up, are updated, scaled and removed, ${width} at once`, async function () {
        this.timeout(600_000);
        await played(replicas, width);
      });

  it('1000 workers come up, and an update that is given up half-way is finished by the next', async function () {
    this.timeout(600_000);
    using here = world(8);
    const { time, runtime, engine } = here;
    const versions = (): readonly (string | undefined)[] =>
      engine.containers.flatMap(({ role, env }) => (role === 'worker' ? [env['VERSION']] : []));
    await time.run('up', runMs, () => runtime().up(poolOf(1000)));
    const given = new AbortController();
    let started = 0;
    const other = runtime((call, proceed) => {
      if (call.method === 'startContainer' && ++started === 500) given.abort(new Error('given up'));
      return proceed();
    });
    const failed = time.run('an update', runMs, () => other.up(poolOf(1000, 2), { signal: given.signal }));
    await assert.rejects(failed, /given up/);
    await time.run('up', runMs, () => runtime().up(poolOf(1000, 2)));
    assert.deepEqual([versions().length, new Set(versions()).size], [1000, 1]);
    assert.ok((await time.run('plan', runMs, () => runtime().plan(poolOf(1000, 2)))).isEmpty);
    await time.run('down', runMs, () => runtime().down('shop'));
    assert.deepEqual(ownObjects(engine, 'shop'), []);
  });

  it('an update that was given up with every slot taken is finished by the next', async function () {
    this.timeout(600_000);
    using here = world(4);
    const { time, runtime, engine } = here;
    await time.run('up', runMs, () => runtime().up(poolOf(100)));
    const given = new AbortController();
    const other = runtime((call, proceed) => {
      // The first of the old ones is about to leave.
      if (call.method === 'stopContainer') given.abort(new Error('given up'));
      return proceed();
    });
    const failed = time.run('an update', runMs, () => other.up(poolOf(100, 2), { signal: given.signal }));
    await assert.rejects(failed, /given up/);
    assert.equal(engine.containers.filter(({ role }) => role === 'worker').length, 200);
    await settled(here, poolOf(100, 3));
  });

  it('a pool has a thousand workers at most', () => {
    assert.doesNotThrow(() => poolOf(1000));
    assert.throws(
      () => poolOf(1001),
      (error) => isPlumbstackError(error, 'INVALID_OPTION') && error.message.includes('1000'),
    );
  });

  it('a hundred apps get a port each', async function () {
    this.timeout(600_000);
    using here = world(8);
    const { time, runtime, engine } = here;
    const stack = new Stack('shop');
    const router = stack.router('web', { publish: 0 });
    const names = Array.from({ length: 100 }, (_, index) => `app${index}`);
    for (const name of names)
      router.route(`/${name}/`, stack.app(name, { image: 'example/app:1', publish: 0 }));
    const deployment = await time.run('up', runMs, () => runtime().up(stack));
    const ports = ['web', ...names].map((name) => deployment.endpoint(name).port);
    assert.equal(new Set(ports).size, 101);
    await settled(here, stack);
    await time.run('down', runMs, () => runtime().down('shop'));
    assert.deepEqual(ownObjects(engine, 'shop'), []);
  });
});
