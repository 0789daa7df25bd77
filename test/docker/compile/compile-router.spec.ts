import assert from 'node:assert/strict';
import {
  Stack,
  type AppOptions,
  type PoolOptions,
  type RouteOptions,
  type RouterOptions,
} from '@plumbstack/core';
import { compiled, poolOf, routerOf } from './compiled';

describe('what a router knows of what it leads to', () => {
  type Target = ReturnType<typeof routerOf>['config']['model']['routes'][number]['target'];
  const toApp = (options: Partial<AppOptions> = {}): Target | undefined => {
    const stack = new Stack('s');
    stack.router('web').route('/', stack.app('api', { image: 'i', ...options }));
    return routerOf(compiled(stack.toSpec()), 'web').config.model.routes[0]?.target;
  };
  const toPool = (
    options: Partial<PoolOptions> = {},
    app: Partial<AppOptions> = {},
  ): { readonly target: Target | undefined; readonly keepsWorkers: boolean } => {
    const stack = new Stack('s');
    const pool = stack.pool('workers', { app: stack.app('api', { image: 'i', ...app }), ...options });
    stack.router('web').route('/', pool);
    const desired = compiled(stack.toSpec());
    return {
      target: routerOf(desired, 'web').config.model.routes[0]?.target,
      keepsWorkers: poolOf(desired, 'workers').config.model.keepAlive,
    };
  };
  const app = { type: 'unit', name: 'api', port: 8000, pool: false };
  const pool = { type: 'unit', name: 'workers', port: 8080, pool: true };

  it('has one request on a connection to an app, unless the app may be asked for more', () => {
    assert.deepEqual(toApp(), { ...app, keepAlive: false });
    assert.deepEqual(toApp({ keepAlive: false }), { ...app, keepAlive: false });
    assert.deepEqual(toApp({ keepAlive: true }), { ...app, keepAlive: true });
  });

  it('has many on one to a pool, whatever the pool has on one to its workers', () => {
    for (const keepAlive of [true, false]) {
      const { target, keepsWorkers } = toPool({}, { keepAlive });
      assert.deepEqual(target, { ...pool, keepAlive: true });
      assert.equal(keepsWorkers, keepAlive);
    }
  });

  it('has one on one to a pool that gives turns, and knows how long one waits for a turn', () => {
    const turns = { ...pool, keepAlive: false };
    assert.deepEqual(toPool({ maxConcurrency: 1 }).target, { ...turns, turnTimeoutMs: 30_000 });
    assert.deepEqual(toPool({ maxConcurrency: 7, queue: { timeoutMs: 500 } }, { keepAlive: true }).target, {
      ...turns,
      turnTimeoutMs: 500,
    });
    assert.deepEqual(toPool({ queue: { timeoutMs: 500 } }).target, { ...pool, keepAlive: true });
  });

  it("is the same for a pool's front", () => {
    const stack = new Stack('s');
    const queue = { timeoutMs: 700 };
    stack.pool('workers', { app: stack.app('api', { image: 'i' }), maxConcurrency: 1, queue, publish: 8080 });
    const front = routerOf(compiled(stack.toSpec()), 'workers.front');
    assert.deepEqual(front.config.model.routes[0]?.target, { ...pool, keepAlive: false, turnTimeoutMs: 700 });
  });
});

describe('the networks that a router is in itself', () => {
  function networksOf(
    options: RouterOptions = {},
    route: RouteOptions = {},
    isolation = true,
  ): { readonly own: readonly string[]; readonly names: readonly string[] } {
    const stack = new Stack('s', { isolation });
    const api = stack.app('api', { image: 'i', dependsOn: [stack.service('db', { image: 'db' })] });
    const pool = stack.pool('workers', { app: stack.app('pooled', { image: 'i' }) });
    stack.app('lonely', { image: 'i' });
    stack.router('web', options).route('/', api, route).route('/pool/', pool);
    const desired = compiled(stack.toSpec());
    const own = routerOf(desired, 'web').config.model.ownNetworks;
    const names = desired.addresses.networks
      .filter(({ subnet }) => own.includes(subnet))
      .map(({ name }) => name);
    return { own, names: names.sort() };
  }

  it('are nothing to it where nobody is let in by an address', () => {
    assert.deepEqual(networksOf().own, []);
    assert.deepEqual(networksOf({ maintenance: true }, { deny: ['10.0.0.0/8'], maintenance: true }).own, []);
    assert.deepEqual(networksOf({ trustedProxies: ['10.0.0.0/8'] }).own, []);
  });

  const network = ['192.0.2.0/24'];
  for (const [title, options, route] of [
    ["a route's allow", {}, { allow: network }],
    ['those whom a maintenance excepts', { maintenance: { except: network } }, {}],
    ["those whom a route's maintenance excepts", {}, { maintenance: { except: network } }],
  ] as readonly (readonly [string, RouterOptions, RouteOptions])[]) {
    it(`are known to it with ${title}: its own and those of its targets, and no other`, () => {
      const { own, names } = networksOf(options, route);
      assert.equal(own.length, 3);
      assert.deepEqual([...own], [...own].sort());
      assert.deepEqual(names, ['s', 's_api', 's_workers.pool']);
    });
  }

  it('are one where the stack has one', () => {
    const { own, names } = networksOf({}, { allow: network }, false);
    assert.equal(own.length, 1);
    assert.deepEqual(names, ['s']);
  });
});
