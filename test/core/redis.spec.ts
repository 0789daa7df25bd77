import assert from 'node:assert/strict';
import { redis, Stack } from '@plumbstack/core';
import { refusedPath } from './refusal';

describe('redis', () => {
  it('adds a service with a volume and a generated password of its own', () => {
    const stack = new Stack('s');
    const cache = redis(stack, 'cache');
    assert.deepEqual(
      stack.resources.map(({ kind, name }) => `${kind} ${name}`),
      ['secret cache-password', 'volume cache-data', 'service cache'],
    );
    const { image, mounts, secrets, command } = cache.toSpec();
    assert.deepEqual(image, { type: 'pull', reference: 'redis:8', policy: 'missing' });
    assert.deepEqual(mounts, [{ type: 'volume', volume: 'cache-data', target: '/data', readOnly: false }]);
    assert.deepEqual(command, ['redis-server', '--appendonly', 'yes']);
    assert.deepEqual(secrets, [
      {
        secret: 'cache-password',
        target: '/run/secrets/cache.conf',
        prefix: 'requirepass ',
        suffix: '\n',
        encoding: 'quoted',
      },
      { secret: 'cache-password', target: '/run/secrets/cache.password' },
    ]);
  });

  it('takes an image, a password, a volume and settings', () => {
    const stack = new Stack('s');
    const password = stack.secret('p', { env: 'PASSWORD' });
    const volume = stack.volume('v');
    const { command } = redis(stack, 'cache', {
      image: 'valkey/valkey:9',
      password,
      volume,
      settings: { appendonly: 'no', maxmemory: '100mb' },
    }).toSpec();
    assert.equal(stack.resources.length, 3);
    assert.deepEqual(command, ['redis-server', '--appendonly', 'no', '--maxmemory', '100mb']);
  });

  it('gives its address, and the password in a file', () => {
    const stack = new Stack('s');
    const cache = redis(stack, 'cache');
    const connect = [{ service: cache, urlEnv: 'REDIS_URL' }];
    const { env, secrets } = stack.app('a', { image: 'a', connect }).toSpec();
    assert.deepEqual(env, {
      REDIS_HOST: 'cache',
      REDIS_PORT: '6379',
      REDIS_PASSWORD_FILE: '/run/secrets/cache.password',
    });
    assert.deepEqual(secrets, [
      { secret: 'cache-password', target: '/run/secrets/cache.password' },
      {
        secret: 'cache-password',
        target: '/run/secrets/cache.url',
        env: 'REDIS_URL',
        prefix: 'redis://:',
        suffix: '@cache:6379',
        encoding: 'uri',
      },
    ]);
  });

  for (const [options, path] of [
    [{ settings: { 'a b': 'x' } }, 'cache.settings: the name'],
    [{ settings: { maxmemory: '--port' } }, 'cache.settings.maxmemory'],
    [{ command: ['x'], setings: {} }, 'cache.setings'],
  ] as const) {
    it(`refuses ${JSON.stringify(options)}`, () => {
      assert.equal(
        refusedPath(() => redis(new Stack('s'), 'cache', options as never)),
        path,
      );
    });
  }
});
