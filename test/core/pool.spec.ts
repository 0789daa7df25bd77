import assert from 'node:assert/strict';
import { Stack, poolPort, poolStatsPort, type PoolSpec } from '@plumbstack/core';
import { refusalOf, refusedPath } from './refusal';

function pool(options: object, app: object = {}): PoolSpec {
  const stack = new Stack('s');
  return stack.pool('p', { app: stack.app('a', { image: 'a', ...app }), ...options }).toSpec();
}

describe('a Pool', () => {
  it('has these defaults', () => {
    assert.deepEqual(pool({}), {
      kind: 'pool',
      name: 'p',
      app: 'a',
      replicas: 1,
      balance: { algorithm: 'leastconn' },
      queue: { limit: 1024, timeoutMs: 30_000 },
      sticky: { type: 'none' },
      health: { type: 'tcp', intervalMs: 1000, timeoutMs: 2000, retries: 3 },
      update: { order: 'start-first', parallelism: 1, delayMs: 0, onFailure: 'rollback' },
      drainTimeoutMs: 30_000,
      publish: [],
      stats: [],
      image: { type: 'pull', reference: 'haproxy:3.2', policy: 'missing' },
    });
  });

  for (const [option, given, spec] of [
    ['replicas', 0, 0],
    ['replicas', 1000, 1000],
    ['balance', 'roundrobin', { algorithm: 'roundrobin' }],
    ['balance', 'source', { algorithm: 'source' }],
    ['balance', 'random', { algorithm: 'random' }],
    ['balance', { header: 'X-User' }, { algorithm: 'header', header: 'X-User' }],
    ['maxConcurrency', 1, 1],
    ['maxConcurrency', 'unlimited', undefined],
    ['queue', { limit: 0 }, { limit: 0, timeoutMs: 30_000 }],
    ['queue', { timeoutMs: 5 }, { limit: 1024, timeoutMs: 5 }],
    ['sticky', 'cookie', { type: 'cookie', name: 'plumbstack-p', secure: false, sameSite: 'lax' }],
    ['sticky', { cookie: {} }, { type: 'cookie', name: 'plumbstack-p', secure: false, sameSite: 'lax' }],
    [
      'sticky',
      { cookie: { name: '__Host-p.v2', secure: true, sameSite: 'none', ttlMs: 1000 } },
      { type: 'cookie', name: '__Host-p.v2', secure: true, sameSite: 'none', ttlMs: 1000 },
    ],
    ['sticky', 'source', { type: 'source' }],
    ['sticky', false, { type: 'none' }],
    ['slowStartMs', 5000, 5000],
    ['slowStartMs', 0, undefined],
    ['timeoutMs', 1, 1],
    [
      'update',
      { order: 'stop-first' },
      { order: 'stop-first', parallelism: 1, delayMs: 0, onFailure: 'rollback' },
    ],
    [
      'update',
      { onFailure: 'pause', parallelism: 2, delayMs: 9 },
      { order: 'start-first', parallelism: 2, delayMs: 9, onFailure: 'pause' },
    ],
    ['drainTimeoutMs', 0, 0],
    ['keepVersions', 0, 0],
    ['keepVersions', 50, 50],
    ['keepVersions', 3, undefined],
    ['publish', 80, [{ port: 80, host: '127.0.0.1', containerPort: poolPort }]],
    ['trustedProxies', ['10.0.0.0/8', 'FD00::1'], ['10.0.0.0/8', 'fd00::1']],
    ['trustedProxies', [], undefined],
    ['stats', 81, [{ port: 81, host: '127.0.0.1', containerPort: poolStatsPort }]],
    ['image', 'haproxy:3.3', { type: 'pull', reference: 'haproxy:3.3', policy: 'missing' }],
  ] as const) {
    it(`takes ${option}: ${JSON.stringify(given)}`, () => {
      assert.deepEqual(pool({ [option]: given })[option], spec);
    });
  }

  for (const [option, given, path] of [
    ['app', 'a', 'p.app'],
    ['app', undefined, 'p.app'],
    ['replicas', -1, 'p.replicas'],
    ['replicas', 1001, 'p.replicas'],
    ['replicas', 2.5, 'p.replicas'],
    ['keepVersions', -1, 'p.keepVersions'],
    ['keepVersions', 51, 'p.keepVersions'],
    ['keepVersions', '3', 'p.keepVersions'],
    ['balance', 'first', 'p.balance'],
    ['balance', {}, 'p.balance.header'],
    ['balance', { header: 'X User' }, 'p.balance.header'],
    ['balance', { cookie: 'x' }, 'p.balance.cookie'],
    ['maxConcurrency', 0, 'p.maxConcurrency'],
    ['maxConcurrency', 'none', 'p.maxConcurrency'],
    ['queue', 5, 'p.queue'],
    ['queue', { limit: -1 }, 'p.queue.limit'],
    ['queue', { timeoutMs: 0 }, 'p.queue.timeoutMs'],
    ['sticky', true, 'p.sticky'],
    ['sticky', 'none', 'p.sticky'],
    ['sticky', {}, 'p.sticky.cookie'],
    ['sticky', { source: {} }, 'p.sticky.source'],
    ['sticky', { cookie: 'x' }, 'p.sticky.cookie'],
    ['sticky', { cookie: { name: '' } }, 'p.sticky.cookie.name'],
    ['sticky', { cookie: { name: 'a b' } }, 'p.sticky.cookie.name'],
    ['sticky', { cookie: { name: 'a=b' } }, 'p.sticky.cookie.name'],
    ['sticky', { cookie: { name: 'a;b' } }, 'p.sticky.cookie.name'],
    ['sticky', { cookie: { name: 'a'.repeat(65) } }, 'p.sticky.cookie.name'],
    ['sticky', { cookie: { sameSite: 'None' } }, 'p.sticky.cookie.sameSite'],
    ['sticky', { cookie: { sameSite: 'none' } }, 'p.sticky.cookie.secure'],
    ['sticky', { cookie: { name: '__Host-a' } }, 'p.sticky.cookie.secure'],
    ['sticky', { cookie: { name: '__secure-a', secure: false } }, 'p.sticky.cookie.secure'],
    ['sticky', { cookie: { ttlMs: 999 } }, 'p.sticky.cookie.ttlMs'],
    ['sticky', { cookie: { ttlMs: 1e12 } }, 'p.sticky.cookie.ttlMs'],
    ['sticky', { cookie: { maxAge: 5 } }, 'p.sticky.cookie.maxAge'],
    ['slowStartMs', -1, 'p.slowStartMs'],
    ['timeoutMs', 0, 'p.timeoutMs'],
    ['timeoutMs', 3_600_001, 'p.timeoutMs'],
    ['health', { command: ['true'] }, 'p.health'],
    ['health', { http: 'x' }, 'p.health.http'],
    ['update', { order: 'random' }, 'p.update.order'],
    ['update', { parallelism: 0 }, 'p.update.parallelism'],
    ['update', { delayMs: -1 }, 'p.update.delayMs'],
    ['update', { onFailure: 'stop' }, 'p.update.onFailure'],
    ['update', { onfailure: 'stop' }, 'p.update.onfailure'],
    ['drainTimeoutMs', -1, 'p.drainTimeoutMs'],
    ['publish', '80', 'p.publish'],
    ['stats', true, 'p.stats'],
    ['trustedProxies', ['load-balancer'], 'p.trustedProxies[0]'],
    ['image', '', 'p.image'],
    ['replica', 3, 'p.replica'],
  ] as const) {
    it(`refuses ${option}: ${JSON.stringify(given)} at ${path}`, () => {
      assert.equal(
        refusedPath(() => pool({ [option]: given })),
        path,
      );
    });
  }

  it('checks its workers as its app says, where HAProxy can', () => {
    assert.equal(pool({}, { health: { http: '/health' } }).health.type, 'http');
    assert.equal(pool({}, { health: { command: ['true'] } }).health.type, 'tcp');
    assert.equal(pool({ health: { tcp: true } }, { health: { http: '/health' } }).health.type, 'tcp');
  });

  it('takes an app and nothing else for an app', () => {
    const stack = new Stack('s');
    const service = stack.service('db', { image: 'a' });
    assert.match(
      refusalOf(() => stack.pool('p', { app: service as never })).message,
      /resource made by stack\.app\(\.\.\.\)/,
    );
    refusalOf(() => stack.pool('p', undefined as never));
  });
});
