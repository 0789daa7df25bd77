import assert from 'node:assert/strict';
import { articleStack, dataStack, pooledStack, singleAppStack } from '@plumbstack/testing';

const app = { image: 'example/api:1', env: { LEVEL: 'info' } };

describe('the sample stacks', () => {
  it('are valid, and hold the app they were given', () => {
    for (const stack of [singleAppStack, pooledStack, articleStack, dataStack].map((make) =>
      make({ name: 'demo', app }),
    )) {
      const { name, resources } = stack.toSpec();
      assert.equal(name, 'demo');
      const apps = resources.flatMap((each) => (each.kind === 'app' ? [each] : []));
      assert.ok(apps.length > 0);
      for (const each of apps) assert.deepEqual(each.env, app.env);
    }
  });

  it('publish on loopback alone', () => {
    for (const stack of [singleAppStack, pooledStack, articleStack, dataStack].map((make) =>
      make({ name: 'demo', app }),
    )) {
      const hosts = stack
        .toSpec()
        .resources.flatMap((each) => ('publish' in each ? each.publish.map(({ host }) => host) : []));
      assert.deepEqual([...new Set(hosts)], ['127.0.0.1']);
    }
  });

  it('take the options of their pool', () => {
    const stack = pooledStack({
      name: 'demo',
      app,
      replicas: 4,
      pool: { maxConcurrency: 1, sticky: 'cookie' },
    });
    const [pool] = stack.toSpec().resources.flatMap((each) => (each.kind === 'pool' ? [each] : []));
    assert.deepEqual([pool?.replicas, pool?.maxConcurrency, pool?.sticky.type], [4, 1, 'cookie']);
  });

  it('run a store that is no HTTP app, whatever the app is', () => {
    const stack = dataStack({
      name: 'demo',
      app: { ...app, port: 9000, prefixEnv: 'PREFIX', publish: 8001 },
      token: 'x',
    });
    const [store] = stack.toSpec().resources.flatMap((each) => (each.kind === 'service' ? [each] : []));
    assert.deepEqual(store?.publish, []);
    assert.ok(!('port' in (store ?? {})));
  });
});
