import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { Stack, type RouteSpec } from '@plumbstack/core';
import { refusalOf, refusedPath } from './refusal';

function route(options?: unknown, prefix = '/a/', target?: unknown): RouteSpec {
  const stack = new Stack('s');
  const app = stack.app('a', { image: 'a' });
  const [spec] = stack
    .router('r')
    .route(prefix, (target ?? app) as never, options as never)
    .toSpec().routes;
  assert.ok(spec !== undefined);
  return spec;
}

describe('a route', () => {
  it('has these defaults', () => {
    assert.deepEqual(route(), {
      prefix: '/a/',
      target: { type: 'resource', name: 'a' },
      stripPrefix: true,
      timeoutMs: 60_000,
      webSocketTimeoutMs: 3_600_000,
      buffering: true,
      allow: [],
      deny: [],
      headers: {},
    });
  });

  it('lets a WebSocket be silent for as long as its app, where only that is given', () => {
    assert.equal(route({ timeoutMs: 5000 }).webSocketTimeoutMs, 5000);
    const both = route({ timeoutMs: 5000, webSocketTimeoutMs: 7000 });
    assert.deepEqual([both.timeoutMs, both.webSocketTimeoutMs], [5000, 7000]);
    const one = route({ webSocketTimeoutMs: 7000 });
    assert.deepEqual([one.timeoutMs, one.webSocketTimeoutMs], [60_000, 7000]);
  });

  for (const [option, given, spec = given] of [
    ['stripPrefix', false],
    ['host', 'API.Example.org', 'api.example.org'],
    ['host', '*.example.org'],
    ['timeoutMs', 86_400_000],
    ['webSocketTimeoutMs', 1],
    ['webSocketTimeoutMs', 86_400_000],
    ['buffering', false],
    ['maxBodyBytes', 0],
    ['auth', { users: { ada: '$6$salt$x/.' } }, { realm: 'restricted', users: { ada: '$6$salt$x/.' } }],
    ['auth', { realm: 'team "a"', users: { 'ada@b.c': '{SSHA}aGk=' } }],
    ['rateLimit', { requestsPerSecond: 0.5 }, { requestsPerSecond: 0.5, burst: 0 }],
    ['rateLimit', { requestsPerSecond: 10, burst: 5 }],
    ['allow', ['10.0.0.0/8', '::1', 'FD00::/8'], ['10.0.0.0/8', '::1', 'fd00::/8']],
    ['deny', []],
    ['headers', { 'Cache-Control': 'no-store' }],
    [
      'cors',
      { origins: '*' },
      {
        origins: ['*'],
        methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
        headers: ['Authorization', 'Content-Type', 'X-Requested-With'],
        exposeHeaders: [],
        credentials: false,
        maxAgeSeconds: 600,
      },
    ],
    [
      'cors',
      {
        origins: ['https://a.org', 'http://localhost:3000', 'https://*.b.org', 'http://127.0.0.1'],
        methods: ['GET'],
        headers: [],
        exposeHeaders: ['X-Total'],
        credentials: true,
        maxAgeSeconds: 0,
      },
    ],
    ['maintenance', true, { retryAfterSeconds: 300, except: [] }],
  ] as const) {
    it(`takes ${option}: ${JSON.stringify(given)}`, () => {
      assert.deepEqual(route({ [option]: given })[option], spec);
    });
  }

  for (const [option, given, path] of [
    ['stripPrefix', 'yes', 'stripPrefix'],
    ['host', 'a b', 'host'],
    ['host', ['a.org'], 'host'],
    ['timeoutMs', 0, 'timeoutMs'],
    ['timeoutMs', 86_400_001, 'timeoutMs'],
    ['webSocketTimeoutMs', 0, 'webSocketTimeoutMs'],
    ['webSocketTimeoutMs', 86_400_001, 'webSocketTimeoutMs'],
    ['webSocketTimeoutMs', '1h', 'webSocketTimeoutMs'],
    ['buffering', 0, 'buffering'],
    ['maxBodyBytes', 1.5, 'maxBodyBytes'],
    ['auth', {}, 'auth.users'],
    ['auth', { users: {} }, 'auth.users'],
    ['auth', { users: { 'a:b': '$6$a$b' } }, 'auth.users: the name'],
    ['auth', { users: { a: '$6$a$b' }, realm: 'a\nb' }, 'auth.realm'],
    ['auth', 'ada', 'auth'],
    ['rateLimit', {}, 'rateLimit.requestsPerSecond'],
    ['rateLimit', { requestsPerSecond: 0 }, 'rateLimit.requestsPerSecond'],
    ['rateLimit', { requestsPerSecond: 0.01 }, 'rateLimit.requestsPerSecond'],
    ['rateLimit', { requestsPerSecond: NaN }, 'rateLimit.requestsPerSecond'],
    ['rateLimit', { requestsPerSecond: 5, burst: -1 }, 'rateLimit.burst'],
    ['rateLimit', 5, 'rateLimit'],
    ['allow', [], 'allow'],
    ['allow', '10.0.0.0/8', 'allow'],
    ['deny', ['10.0.0.1', 'evil.org'], 'deny[1]'],
    ['headers', { 'X:Y': 'a' }, 'headers: the name'],
    ['cors', {}, 'cors.origins'],
    ['cors', { origins: [] }, 'cors.origins'],
    ['cors', { origins: 'a.org' }, 'cors.origins'],
    ['cors', { origins: 'https://a.org/' }, 'cors.origins'],
    ['cors', { origins: 'https://A.org' }, 'cors.origins'],
    ['cors', { origins: 'https://a.org:' }, 'cors.origins'],
    ['cors', { origins: 'https://a b' }, 'cors.origins'],
    ['cors', { origins: 'null' }, 'cors.origins'],
    ['cors', { origins: ['*', 'https://a.org'] }, 'cors.origins'],
    ['cors', { origins: '*', credentials: true }, 'cors.credentials'],
    ['cors', { origins: '*', methods: ['get'] }, 'cors.methods[0]'],
    ['cors', { origins: '*', headers: ['X Y'] }, 'cors.headers[0]'],
    ['cors', { origins: '*', maxAgeSeconds: -1 }, 'cors.maxAgeSeconds'],
    ['cors', true, 'cors'],
    ['maintenance', { until: 'tomorrow' }, 'maintenance.until'],
    ['timeout', 5, 'timeout'],
  ] as const) {
    it(`refuses ${option}: ${JSON.stringify(given)} at ${path}`, () => {
      assert.equal(
        refusedPath(() => route({ [option]: given })),
        `r.routes[0].${path}`,
      );
    });
  }

  it('says what cors says in no header beside it', () => {
    const headers = { 'access-control-Allow-Origin': '*' };
    assert.deepEqual(route({ headers }).headers, headers);
    assert.equal(
      refusedPath(() => route({ headers, cors: { origins: '*' } })),
      'r.routes[0].headers',
    );
  });

  for (const prefix of ['/', '/app1/', '/a/b/c/', '/v1.0/', '/~user/', '/a_b-c/', '/.well-known/', '/.../']) {
    it(`may begin with ${prefix}`, () => {
      assert.equal(route({}, prefix).prefix, prefix);
    });
  }

  for (const prefix of [
    '',
    'a',
    'a/',
    '/a',
    '//',
    '//a/',
    '/a//b/',
    '/./',
    '/../',
    '/a/../b/',
    '/a b/',
    '/a%20b/',
    '/a;b/',
    '/a{b}/',
    '/$a/',
    '/a"/',
    '/a\n/',
    '/a?b/',
    '/a#b/',
    '/ä/',
    '~ ^/a/',
  ]) {
    it(`may not begin with ${JSON.stringify(prefix)}`, () => {
      assert.equal(
        refusedPath(() => route({}, prefix)),
        'r.routes[0]: the prefix',
      );
    });
  }

  it('leads to an app, a pool or a redirect', () => {
    const stack = new Stack('s');
    for (const target of [
      'a',
      null,
      5,
      stack.volume('v'),
      stack.service('db', { image: 'a' }),
      stack.router('x'),
      { to: '/' },
    ]) {
      if (target === null) continue;
      assert.equal(
        refusedPath(() => route({}, '/', target)),
        'r.routes[0]: the target',
      );
    }
  });
});

describe('a redirect', () => {
  it('is permanent and keeps the method unless it says otherwise', () => {
    assert.deepEqual(route({}, '/', { redirect: '/x' }).target, { type: 'redirect', to: '/x', status: 308 });
    for (const status of [301, 302, 307, 308]) {
      assert.deepEqual(route({}, '/', { redirect: '/x', status }).target, {
        type: 'redirect',
        to: '/x',
        status,
      });
    }
    for (const status of [300, 303, 200, '301', null]) {
      assert.equal(
        refusedPath(() => route({}, '/', { redirect: '/x', status })),
        'r.routes[0]: the target.status',
      );
    }
  });

  for (const to of [
    '/',
    '/new/',
    '/a/b?c=d&e=f#g',
    '/a//b',
    '/@user',
    '/%2F%2Fx',
    'https://example.org',
    'http://example.org/',
    'https://example.org:8443/a?b',
    'https://127.0.0.1/',
  ]) {
    it(`may lead to ${to}`, () => {
      assert.deepEqual(route({}, '/', { redirect: to }).target, { type: 'redirect', to, status: 308 });
    });

    it(`to ${to} stays where it says, also for a browser`, () => {
      const here = 'https://here.example/';
      const host = new URL(to, here).hostname;
      assert.equal(host, to.startsWith('/') ? 'here.example' : /^https?:\/\/([^/:]+)/.exec(to)?.[1]);
    });
  }

  for (const to of [
    '',
    '//evil.org',
    '//evil.org/a',
    '///evil.org',
    '/\\evil.org',
    '\\\\evil.org',
    '/\t/evil.org',
    '/\n/evil.org',
    'evil.org',
    'a/b',
    '?a',
    '#a',
    'https:evil.org',
    'https:/evil.org',
    'https://',
    'https:///evil.org',
    'https://user@evil.org',
    'https://a.org@evil.org/',
    'https://a.org:b@evil.org/',
    'https://a..org',
    'https://-a.org',
    'https://*.org',
    'https://a.org:0',
    'https://a.org:65536',
    'https://a.org:port',
    'https://a.org?x',
    'https://a.org//b',
    'https://a.org\\b',
    'javascript:alert(1)',
    'ftp://a.org',
    'HTTPS://a.org',
    '/a b',
    '/a%',
    '/a%zz',
    '/a$host',
    '/a"b',
    "/a'b",
    '/a;b',
    '/a{b}',
    '/ä',
    ' /a',
  ]) {
    it(`may not lead to ${JSON.stringify(to)}`, () => {
      refusalOf(() => route({}, '/', { redirect: to }));
    });
  }

  it('needs to lead somewhere', () => {
    for (const target of [
      { redirect: undefined },
      { redirect: 5 },
      { redirect: null },
      { redirect: '/', to: '/' },
    ]) {
      refusalOf(() => route({}, '/', target));
    }
  });
});

describe('a password', () => {
  const user = (hash: unknown): RouteSpec => route({ auth: { users: { ada: hash } } });

  for (const hash of [
    '$1$salt$hash',
    '$5$salt$hash',
    '$6$salt$hash',
    '$6$rounds=5000$salt$ha/sh.',
    '$apr1$salt$hash',
    '$2a$10$abc',
    '$2b$10$abc',
    '$2y$10$abc',
    '$y$j9T$salt$hash',
    '{SSHA}MTIzNDU2Nzg=',
  ]) {
    it(`is given as ${hash}`, () => {
      assert.deepEqual(user(hash).auth?.users, { ada: hash });
    });
  }

  for (const hash of [
    '',
    'hunter2-plain',
    '{PLAIN}hunter2-plain',
    '$6$',
    '$3$a$b',
    '$6$a b',
    '$6$a:b',
    '$6$a\nroot:x',
    12345678,
    null,
  ]) {
    it(`is not given as ${JSON.stringify(hash)}, and is in no message`, () => {
      const error = refusalOf(() => user(hash));
      assert.equal(error.details['path'], 'r.routes[0].auth.users.ada');
      const told = `${inspect(error)} ${JSON.stringify(error.details)}`;
      assert.ok(!told.includes('hunter2') && !told.includes('12345678'), told);
    });
  }
});

describe('a password in a secret', () => {
  it('is known by the name of the secret, which the route is linked with', () => {
    const stack = new Stack('s');
    const password = stack.secret('password', { env: 'PASSWORD' });
    const app = stack.app('a', { image: 'a' });
    const router = stack.router('r').route('/', app, { auth: { users: { ada: password, bob: '$6$a$b' } } });
    assert.deepEqual(router.toSpec().routes[0]?.auth?.users, { ada: { secret: 'password' }, bob: '$6$a$b' });
    assert.deepEqual(
      router.links.map(({ option, target }) => [option, target.name]),
      [
        ['routes[0].target', 'a'],
        ['routes[0].auth.users.ada', 'password'],
      ],
    );
    assert.deepEqual(Stack.fromSpec(JSON.parse(JSON.stringify(stack.toSpec()))).toSpec(), stack.toSpec());
  });

  it('is no other resource', () => {
    const stack = new Stack('s');
    assert.equal(
      refusedPath(() => route({ auth: { users: { ada: stack.volume('v') } } })),
      'r.routes[0].auth.users.ada',
    );
  });
});

describe('a client network', () => {
  for (const [given, canonical = given] of [
    ['10.0.0.1'],
    ['10.0.0.0/8'],
    ['0.0.0.0/0'],
    ['10.0.0.128/25'],
    ['10.0.0.1/32'],
    ['::/0'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['2001:db8:8000::/33'],
    ['::1/128'],
    ['::ffff:10.0.0.1', '::ffff:a00:1'],
  ] as const) {
    it(`may be ${given}`, () => {
      assert.deepEqual(route({ allow: [given] }).allow, [canonical]);
    });
  }

  for (const given of [
    '',
    'all',
    'unix:',
    '10.0.0',
    '10.0.0.256',
    '999.999.999.999',
    '10.0.0.1/8',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/08',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '/8',
    '2001:db8::1/32',
    '::/129',
    '10.0.0.0/255.0.0.0',
    '10.0.0.1;',
    5,
  ]) {
    it(`may not be ${JSON.stringify(given)}`, () => {
      assert.equal(
        refusedPath(() => route({ allow: [given] })),
        'r.routes[0].allow[0]',
      );
    });
  }
});
