import assert from 'node:assert/strict';
import { label } from '@plumbstack/docker/internal';
import { Stack, type PoolOptions, type StackSpec } from '@plumbstack/core';
import { applied, compare, doings, labelsOf, reasonsOf, untouched, type Compared } from './planned';
import { sample } from './sample';

function impactsOf({ plan }: Compared): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    plan.steps
      .filter(({ action, kind }) => action !== 'keep' && kind !== 'network')
      .map(({ resource, impact }) => [resource, impact]),
  );
}

const pool = (options: Partial<PoolOptions>): StackSpec => sample({ pool: options });

describe("the plan for a pool's front", () => {
  const finish = 'visitors have up to 30 s to finish what they have begun';

  it('creates and deletes it alone where the pool gets and loses its port', async () => {
    const [closed, open] = [pool({}), pool({ publish: 8080 })];
    const given = await compare(await untouched(closed), open);
    assert.deepEqual(doings(given), ['create router workers.front']);
    assert.deepEqual(impactsOf(given), { 'shop/workers.front': undefined });
    const taken = await compare(await untouched(open), closed);
    assert.deepEqual(doings(taken), ['delete router workers.front']);
    assert.deepEqual(impactsOf(taken), {
      'shop/workers.front': 'nothing answers at 127.0.0.1:8080 any more',
    });
  });

  it('replaces it for another port, and reloads it for another proxy that is trusted', async () => {
    const engine = await applied(pool({ publish: 8080 }));
    const moved = await compare(engine, pool({ publish: 8081 }));
    assert.deepEqual(doings(moved), ['replace router workers.front']);
    assert.deepEqual(impactsOf(moved), {
      'shop/workers.front':
        'nginx is stopped before its successor starts; connections to 127.0.0.1:8081 are refused for a moment',
    });
    const trusting = await compare(engine, pool({ publish: 8080, trustedProxies: ['192.0.2.1'] }));
    assert.deepEqual(doings(trusting), ['update router workers.front']);
    assert.deepEqual(impactsOf(trusting), {
      'shop/workers.front': 'nginx is reloaded; what visitors have begun may go on for up to 1 h',
    });
  });

  it("says how long visitors may take to finish where HAProxy's image is another", async () => {
    const other = await compare(
      await applied(pool({ publish: 8080 })),
      pool({ publish: 8080, image: 'haproxy:other' }),
    );
    assert.deepEqual(doings(other), ['replace pool workers']);
    assert.deepEqual(impactsOf(other), { 'shop/workers': finish });
  });

  it("names the pool's own port, and no front, where HAProxy is stopped for its statistics", async () => {
    const other = await compare(
      await untouched(pool({ publish: 8080 })),
      pool({ publish: 8080, stats: 8404 }),
    );
    assert.deepEqual(impactsOf(other), {
      'shop/workers':
        'its HAProxy is stopped before its successor starts; no answer at 127.0.0.1:8404, 127.0.0.1:8080, /api/ of web meanwhile',
    });
  });

  it('takes the port over from a HAProxy of before pools had fronts, and says what visitors notice', async () => {
    const spec = pool({ publish: 8080 });
    const engine = await applied(pool({}));
    const labels = labelsOf(engine, 'shop-workers');
    const ports = [{ host: '127.0.0.1', port: 8080, containerPort: 8080 }];
    labels[label.identity] = JSON.stringify({ ...JSON.parse(labels[label.identity] ?? ''), ports });
    labels[label.digest] = 'of before';
    const upgrade = await compare(engine, spec);
    assert.deepEqual(doings(upgrade), ['replace pool workers', 'create router workers.front']);
    assert.deepEqual(reasonsOf(upgrade, 'workers'), { 'haproxy.ports': [ports, []] });
    assert.deepEqual(impactsOf(upgrade), {
      'shop/workers': finish,
      'shop/workers.front': 'takes over 127.0.0.1:8080; connections are refused for a moment',
    });
  });

  it('mends one that somebody has stopped', async () => {
    const spec = pool({ publish: 8080 });
    const engine = await applied(spec);
    engine.stop('shop-workers.front');
    assert.deepEqual(doings(await compare(engine, spec)), ['update router workers.front']);
  });

  it('deletes it before its pool', async () => {
    const stack = new Stack('shop');
    stack.pool('workers', { app: stack.app('api', { image: 'api' }), publish: 8080 });
    const spec = stack.toSpec();
    const gone = await compare(await untouched(spec), { ...spec, resources: [] });
    assert.deepEqual(doings(gone).slice(0, 2), ['delete router workers.front', 'delete pool workers']);
  });

  it('makes it part of a stack that has no router of its own', async () => {
    const stack = new Stack('shop');
    stack.pool('workers', { app: stack.app('api', { image: 'api' }), publish: 8080 });
    const spec = stack.toSpec();
    const engine = await applied(spec);
    assert.ok((await compare(engine, spec)).plan.isEmpty);
    assert.deepEqual(engine.containers.map(({ name }) => name).sort(), [
      'shop-workers',
      'shop-workers-1',
      'shop-workers.front',
    ]);
  });
});
