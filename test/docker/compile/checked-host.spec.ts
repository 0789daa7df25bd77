import assert from 'node:assert/strict';
import { Stack, type App, type HealthCheck, type Pool, type PoolOptions } from '@plumbstack/core';
import { compiled, poolOf, unitOf } from './compiled';

type Declare = (stack: Stack, target: App | Pool) => void;

const http = { http: '/up' };

/** The host that an app is asked for, by itself and as a worker of a pool: by us, and by the pool's HAProxy. */
function hostsOf(declare: Declare, health: HealthCheck = http): readonly unknown[] {
  const alone = new Stack('s');
  declare(alone, alone.app('api', { image: 'api', health }));
  const app = unitOf(compiled(alone.toSpec()), 'api');
  const pool = pooled(declare, health);
  const hosts = [app.kind === 'app' && app.health, pool.worker.health, pool.config.model.health].map(
    (each) => each !== false && each.type === 'http' && each.host,
  );
  return [...new Set(hosts)];
}

function pooled(
  declare: Declare,
  health: HealthCheck,
  options: Partial<PoolOptions> = {},
): ReturnType<typeof poolOf> {
  const stack = new Stack('s');
  declare(stack, stack.pool('workers', { app: stack.app('api', { image: 'api', health }), ...options }));
  return poolOf(compiled(stack.toSpec()), 'workers');
}

describe('the host that a health check asks for', () => {
  const cases: Readonly<Record<string, readonly [host: string | undefined, declare: Declare]>> = {
    'the one of its route': [
      'api.example.org',
      (stack, api) => stack.router('web').route('/', api, { host: 'API.example.org' }),
    ],
    "its router's": [
      'example.org',
      (stack, api) => stack.router('web', { serverName: 'example.org' }).route('/', api),
    ],
    "the one of its route rather than its router's": [
      'z.example.org',
      (stack, api) =>
        stack.router('web', { serverName: 'example.org' }).route('/', api, { host: 'z.example.org' }),
    ],
    'the first by the alphabet of several': [
      'a.org',
      (stack, api) => {
        stack.router('web', { serverName: ['c.org', 'b.org'] }).route('/', api);
        stack.router('other').route('/', api, { host: 'd.org' }).route('/', api, { host: 'a.org' });
      },
    ],
    'no wildcard': [
      'x.org',
      (stack, api) => stack.router('web', { serverName: ['*.a.org', 'x.org'] }).route('/', api),
    ],
    'none where all that leads to it is a wildcard': [
      undefined,
      (stack, api) =>
        stack.router('web', { serverName: '*.a.org' }).route('/', api).route('/', api, { host: '*.b.org' }),
    ],
    'none where its router has none': [undefined, (stack, api) => stack.router('web').route('/', api)],
    'none of a router, or a route, that leads to others': [
      undefined,
      (stack) =>
        stack
          .router('web', { serverName: 'a.org' })
          .route('/', stack.app('other', { image: 'i' }), { host: 'b.org' })
          .route('/old/', { redirect: '/' }, { host: 'c.org' }),
    ],
    'none where nothing leads to it': [undefined, () => undefined],
  };
  for (const [title, [host, declare]] of Object.entries(cases)) {
    it(`is ${title}, for an app as for a pool and its HAProxy`, () => {
      assert.deepEqual(hostsOf(declare), [host]);
    });
  }

  const named: Declare = (stack, api) => stack.router('web', { serverName: 'a.org' }).route('/', api);

  it('is the one that the check itself names, if it names one', () => {
    assert.deepEqual(hostsOf(named, { ...http, host: 'own.org' }), ['own.org']);
  });

  it("is one of visitors for a pool's own check too", () => {
    const hostOf = (health: HealthCheck & { http: string }): unknown => {
      const { config } = pooled(named, { tcp: true }, { health });
      return config.model.health.type === 'http' && config.model.health.host;
    };
    assert.equal(hostOf(http), 'a.org');
    assert.equal(hostOf({ ...http, host: 'own.org' }), 'own.org');
  });

  it('is nothing that other checks know', () => {
    for (const health of [{ tcp: true }, { command: ['true'] }] as const) {
      const { worker, config } = pooled(named, health);
      assert.ok(!('host' in worker.health));
      assert.ok(!('host' in config.model.health));
    }
  });

  it('is known of a container, and is no reason for another one', () => {
    const templates = [named, undefined].map((declare = (): undefined => undefined) => {
      const stack = new Stack('s');
      const health = http;
      const api = stack.app('api', { image: 'api', health });
      const workers = stack.pool('workers', { app: stack.app('pooled', { image: 'api', health }) });
      declare(stack, api);
      stack.router('others', declare === named ? { serverName: 'a.org' } : {}).route('/', workers);
      const desired = compiled(stack.toSpec());
      return [unitOf(desired, 'api').container, poolOf(desired, 'workers').worker.container] as const;
    });
    const [[app, worker] = assert.fail(), [bareApp, bareWorker] = assert.fail()] = templates;
    for (const [with_, without] of [
      [app, bareApp],
      [worker, bareWorker],
    ] as const) {
      assert.equal(with_.identity['checkedHost'], 'a.org');
      assert.equal(without.identity['checkedHost'], undefined);
      assert.equal(with_.digest, without.digest);
    }
  });
});
