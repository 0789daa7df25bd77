import assert from 'node:assert/strict';
import { App, Stack, isResource, type AppOptions } from '@plumbstack/core';
import { problemsOf, refusedPath } from './refusal';

const image = 'nginx:1.30';

describe('an App', () => {
  it('listens on 8000 unless it says otherwise', () => {
    assert.equal(new Stack('s').app('a', { image }).toSpec().port, 8000);
    assert.equal(new Stack('s').app('a', { image, port: 3000 }).toSpec().port, 3000);
    for (const port of [0, 65_536, -1, 80.5, '80', null]) {
      assert.equal(
        refusedPath(() => new Stack('s').app('a', { image, port: port as number })),
        'a.port',
      );
    }
  });

  it('is started beside its predecessor, unless both would hold one port or write one volume', () => {
    const stack = new Stack('s');
    const volume = stack.volume('v');
    const orderOf = (options: Partial<AppOptions>): string =>
      new Stack('s').app('a', { image, ...options }).toSpec().updateOrder;
    assert.equal(orderOf({}), 'start-first');
    assert.equal(orderOf({ mounts: [{ volume, target: '/v', readOnly: true }] }), 'start-first');
    assert.equal(orderOf({ mounts: [{ volume, target: '/v' }] }), 'stop-first');
    assert.equal(orderOf({ publish: 80 }), 'stop-first');
    assert.equal(orderOf({ updateOrder: 'stop-first' }), 'stop-first');
    assert.equal(orderOf({ updateOrder: 'start-first', mounts: [{ volume, target: '/v' }] }), 'start-first');
    assert.equal(
      refusedPath(() => orderOf({ updateOrder: 'both' as never })),
      'a.updateOrder',
    );
  });

  it('gives a version that leaves half a minute, unless it says otherwise', () => {
    const timeOf = (drainTimeoutMs?: unknown): number =>
      new Stack('s').app('a', { image, drainTimeoutMs: drainTimeoutMs as number }).toSpec().drainTimeoutMs;
    assert.equal(new Stack('s').app('a', { image }).toSpec().drainTimeoutMs, 30_000);
    for (const given of [0, 120_000, 3_600_000]) assert.equal(timeOf(given), given);
    for (const given of [-1, 3_600_001, 0.5, '30s', NaN]) {
      assert.equal(
        refusedPath(() => timeOf(given)),
        'a.drainTimeoutMs',
      );
    }
  });

  it('has one request on a connection, unless it says that it takes more', () => {
    const keepAliveOf = (keepAlive: unknown): boolean =>
      new Stack('s').app('a', { image, keepAlive: keepAlive as boolean }).toSpec().keepAlive;
    assert.equal(new Stack('s').app('a', { image }).toSpec().keepAlive, false);
    for (const given of [true, false]) assert.equal(keepAliveOf(given), given);
    for (const given of ['true', 1, 0, null, {}]) {
      assert.equal(
        refusedPath(() => keepAliveOf(given)),
        'a.keepAlive',
      );
    }
  });

  it('cannot start beside its predecessor where it publishes a port of its own', () => {
    const stack = new Stack('s');
    stack.app('a', { image, publish: 80, updateOrder: 'start-first' });
    assert.deepEqual(
      problemsOf(stack).map(({ path }) => path),
      ['a.updateOrder'],
    );
  });

  it('has no prefixEnv unless it says so', () => {
    assert.ok(!('prefixEnv' in new Stack('s').app('a', { image }).toSpec()));
    assert.equal(new Stack('s').app('a', { image, prefixEnv: 'BASE_PATH' }).toSpec().prefixEnv, 'BASE_PATH');
    assert.equal(
      refusedPath(() => new Stack('s').app('a', { image, prefixEnv: 'BASE-PATH' })),
      'a.prefixEnv',
    );
  });

  it('publishes nothing by default, and its own port on loopback when it does', () => {
    assert.deepEqual(new Stack('s').app('a', { image }).toSpec().publish, []);
    assert.deepEqual(new Stack('s').app('a', { image, port: 3000, publish: 80 }).toSpec().publish, [
      { port: 80, host: '127.0.0.1', containerPort: 3000 },
    ]);
  });

  it('has the path stack/name, and is a resource of its kind', () => {
    const app = new Stack('s').app('a', { image });
    assert.equal(app.path, 's/a');
    assert.ok(app instanceof App && isResource(app) && isResource(app, 'app') && !isResource(app, 'pool'));
  });

  it('names what it refers to, and where', () => {
    const stack = new Stack('s');
    const volume = stack.volume('v');
    const secret = stack.secret('k', { generateBytes: 32 });
    const before = stack.service('b', { image });
    const app = stack.app('a', {
      image,
      dependsOn: [before],
      mounts: [{ volume, target: '/v' }],
      secrets: [secret, { secret, target: '/k' }],
    });
    assert.deepEqual(
      app.links.map(({ option, target }) => [option, target.path]),
      [
        ['dependsOn[0]', 's/b'],
        ['mounts[0].volume', 's/v'],
        ['secrets[0]', 's/k'],
        ['secrets[1].secret', 's/k'],
      ],
    );
  });
});
