import assert from 'node:assert/strict';
import { Stack, type HealthSpec } from '@plumbstack/core';
import { refusedPath } from './refusal';

const healthOf = (health: unknown): HealthSpec | undefined =>
  new Stack('s').app('a', { image: 'a', health: health as never }).toSpec().health;

describe('health', () => {
  it('by TCP or HTTP is checked every second, by a command every five', () => {
    const quick = { intervalMs: 1000, timeoutMs: 2000, retries: 3 };
    assert.deepEqual(healthOf(undefined), { type: 'tcp', ...quick });
    assert.deepEqual(healthOf({ tcp: true }), { type: 'tcp', ...quick });
    assert.deepEqual(healthOf({ http: '/health' }), {
      type: 'http',
      path: '/health',
      minStatus: 200,
      maxStatus: 399,
      ...quick,
    });
    assert.deepEqual(healthOf({ command: ['true'] }), {
      type: 'command',
      command: ['true'],
      intervalMs: 5000,
      timeoutMs: 5000,
      retries: 3,
    });
  });

  it('takes timing and status of its own', () => {
    const timing = { intervalMs: 1, timeoutMs: 3_600_000, retries: 100 };
    assert.deepEqual(healthOf({ http: '/a/b%20c?d=e', minStatus: 404, maxStatus: 404, ...timing }), {
      type: 'http',
      path: '/a/b%20c?d=e',
      minStatus: 404,
      maxStatus: 404,
      ...timing,
    });
  });

  it('by HTTP may name the host that it asks for, and names none by itself', () => {
    const hostOf = (health: object): unknown => {
      const spec = healthOf(health);
      return spec?.type === 'http' && 'host' in spec ? spec.host : 'none';
    };
    assert.equal(hostOf({ http: '/up' }), 'none');
    for (const host of ['api.example.org', 'localhost', '10.0.0.1'])
      assert.equal(hostOf({ http: '/up', host }), host);
  });

  for (const [given, path] of [
    [{}, ''],
    [{ tcp: true, host: 'a.org' }, '.host'],
    [{ command: ['a'], host: 'a.org' }, '.host'],
    [{ http: '/', host: '*.a.org' }, '.host'],
    [{ http: '/', host: 'a.org:80' }, '.host'],
    [{ http: '/', host: 'http://a.org' }, '.host'],
    [{ http: '/', host: 'a.org\r\nX: y' }, '.host'],
    [{ http: '/', host: '' }, '.host'],
    [{ http: '/', host: 5 }, '.host'],
    [{ tcp: true, http: '/' }, ''],
    [{ tcp: false }, '.tcp'],
    [{ http: 'health' }, '.http'],
    [{ http: 'http://localhost/health' }, '.http'],
    [{ http: '/a b' }, '.http'],
    [{ http: '/a"b' }, '.http'],
    [{ http: '/a%2' }, '.http'],
    [{ http: '/a\r\nHost: b' }, '.http'],
    [{ http: '/{a}' }, '.http'],
    [{ http: '/', minStatus: 99 }, '.minStatus'],
    [{ http: '/', maxStatus: 600 }, '.maxStatus'],
    [{ http: '/', minStatus: 500 }, '.minStatus'],
    [{ tcp: true, minStatus: 200 }, '.minStatus'],
    [{ command: ['a'], maxStatus: 200 }, '.maxStatus'],
    [{ command: [] }, '.command'],
    [{ command: 'curl localhost' }, '.command'],
    [{ tcp: true, intervalMs: 0 }, '.intervalMs'],
    [{ tcp: true, timeoutMs: 0.5 }, '.timeoutMs'],
    [{ tcp: true, retries: 0 }, '.retries'],
    [{ tcp: true, interval: 1 }, '.interval'],
    ['/health', ''],
    [true, ''],
  ] as const) {
    it(`refuses ${JSON.stringify(given)} at health${path}`, () => {
      assert.equal(
        refusedPath(() => healthOf(given)),
        `a.health${path}`,
      );
    });
  }
});
