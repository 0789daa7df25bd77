import assert from 'node:assert/strict';
import {
  isPlumbstackError,
  Stack,
  routerPort,
  routerTlsPort,
  type RouterOptions,
  type RouterSpec,
} from '@plumbstack/core';
import { refusalOf, refusedPath } from './refusal';

const stack = new Stack('s');
const certificate = stack.secret('certificate', { file: './tls.pem' });
const key = stack.secret('key', { file: './tls.key' });
const own = { type: 'own', certificate: 'certificate', key: 'key' } as const;
const router = (options?: unknown): RouterSpec => new Stack('s').router('r', options as never).toSpec();

describe('a Router', () => {
  it('has these defaults', () => {
    const byDefault = {
      kind: 'router',
      name: 'r',
      publish: [],
      serverName: [],
      maxBodyBytes: 10_485_760,
      compress: true,
      accessLog: 'json',
      headers: {},
      trustedProxies: [],
      errorPages: {},
      drainTimeoutMs: 3_600_000,
      routes: [],
      image: { type: 'pull', reference: 'nginx:1.30', policy: 'missing' },
    };
    assert.deepEqual(router(), byDefault);
    assert.deepEqual(router({}), byDefault);
  });

  for (const [option, given, spec] of [
    ['publish', 80, [{ port: 80, host: '0.0.0.0', containerPort: routerPort }]],
    ['serverName', 'Example.ORG', ['example.org']],
    ['serverName', ['a.org', '*.b.org'], ['a.org', '*.b.org']],
    ['root', './public', './public'],
    ['maxBodyBytes', 0, 0],
    ['compress', false, false],
    ['accessLog', 'off', 'off'],
    ['accessLog', 'combined', 'combined'],
    ['headers', { 'X-Frame-Options': 'DENY; "x" $y' }, { 'X-Frame-Options': 'DENY; "x" $y' }],
    ['trustedProxies', ['10.0.0.0/8', 'FD00::1'], ['10.0.0.0/8', 'fd00::1']],
    [
      'errorPages',
      { 404: './404.html', 503: '/srv/down.json' },
      { 404: './404.html', 503: '/srv/down.json' },
    ],
    ['maintenance', true, { retryAfterSeconds: 300, except: [] }],
    ['maintenance', false, undefined],
    ['drainTimeoutMs', 1, 1],
    ['drainTimeoutMs', 86_400_000, 86_400_000],
    [
      'maintenance',
      { page: './later.html', retryAfterSeconds: 60, except: ['10.0.0.0/8'] },
      { page: './later.html', retryAfterSeconds: 60, except: ['10.0.0.0/8'] },
    ],
    ['image', { reference: 'nginx', pull: 'never' }, { type: 'pull', reference: 'nginx', policy: 'never' }],
  ] as const) {
    it(`takes ${option}: ${JSON.stringify(given)}`, () => {
      assert.deepEqual(router({ [option]: given })[option], spec);
    });
  }

  for (const [option, given, path] of [
    ['publish', 'http', 'r.publish'],
    ['serverName', 'exa mple.org', 'r.serverName'],
    ['serverName', ['a.org', ''], 'r.serverName[1]'],
    ['tls', {}, 'r.tls.certificate'],
    ['tls', { certificate }, 'r.tls.key'],
    ['tls', { certificate: './tls.pem', key }, 'r.tls.certificate'],
    ['tls', { certificate, key, ca: key }, 'r.tls.ca'],
    ['tls', { selfSigned: false }, 'r.tls.selfSigned'],
    ['tls', { selfSigned: true, certificate, key }, 'r.tls'],
    ['tls', { selfSigned: true, hosts: { 'a b': { selfSigned: true } } }, 'r.tls.hosts: the name'],
    ['tls', { selfSigned: true, hosts: { 'a.org': { certificate } } }, 'r.tls.hosts.a.org.key'],
    [
      'tls',
      { selfSigned: true, hosts: { 'a.org': { selfSigned: true, redirect: true } } },
      'r.tls.hosts.a.org.redirect',
    ],
    ['tls', { selfSigned: true, redirect: 'no' }, 'r.tls.redirect'],
    ['tls', { selfSigned: true, hsts: true }, 'r.tls.hsts'],
    ['tls', { selfSigned: true, hsts: {} }, 'r.tls.hsts.maxAgeSeconds'],
    ['tls', { selfSigned: true, hsts: { maxAgeSeconds: -1 } }, 'r.tls.hsts.maxAgeSeconds'],
    ['tls', { selfSigned: true, minVersion: 1.3 }, 'r.tls.minVersion'],
    ['tls', { selfSigned: true, minVersion: '1.1' }, 'r.tls.minVersion'],
    ['tls', { acme: true }, 'r.tls.acme'],
    ['tls', { acme: {} }, 'r.tls.acme.termsAgreed'],
    ['tls', { acme: { termsAgreed: false } }, 'r.tls.acme.termsAgreed'],
    ['tls', { acme: { termsAgreed: true, email: 'a@b.org?cc=c@d.org' } }, 'r.tls.acme.email'],
    ['tls', { acme: { termsAgreed: true, email: 'a@b.org,c@d.org' } }, 'r.tls.acme.email'],
    ['tls', { acme: { termsAgreed: true, directory: 'http://a.org/dir' } }, 'r.tls.acme.directory'],
    ['tls', { acme: { termsAgreed: true, directory: 'https://a:b@c.org/' } }, 'r.tls.acme.directory'],
    ['tls', { acme: { termsAgreed: true, ca: key } }, 'r.tls.acme.ca'],
    ['tls', { acme: { termsAgreed: true }, selfSigned: true }, 'r.tls'],
    ['tls', { acme: { termsAgreed: true }, key }, 'r.tls'],
    ['tls', true, 'r.tls'],
    ['root', '', 'r.root'],
    ['maxBodyBytes', -1, 'r.maxBodyBytes'],
    ['maxBodyBytes', '10m', 'r.maxBodyBytes'],
    ['compress', 'gzip', 'r.compress'],
    ['accessLog', true, 'r.accessLog'],
    ['headers', { 'X Y': 'z' }, 'r.headers: the name'],
    ['headers', { 'X-Y': 'a\r\nSet-Cookie: b' }, 'r.headers.X-Y'],
    ['headers', { 'X-Y': ' a' }, 'r.headers.X-Y'],
    ['headers', { 'X-Y': '' }, 'r.headers.X-Y'],
    ['headers', { 'X-Y': 'ä' }, 'r.headers.X-Y'],
    ['trustedProxies', ['load-balancer'], 'r.trustedProxies[0]'],
    ['errorPages', { 200: './ok.html' }, 'r.errorPages: the name'],
    ['errorPages', { '404;': './404.html' }, 'r.errorPages: the name'],
    ['errorPages', { 404: './404.php' }, 'r.errorPages.404'],
    ['errorPages', { 404: './404.html\n' }, 'r.errorPages.404'],
    ['maintenance', 'yes', 'r.maintenance'],
    ['drainTimeoutMs', 0, 'r.drainTimeoutMs'],
    ['drainTimeoutMs', 86_400_001, 'r.drainTimeoutMs'],
    ['drainTimeoutMs', '1h', 'r.drainTimeoutMs'],
    ['maintenance', { page: './page' }, 'r.maintenance.page'],
    ['maintenance', { retryAfterSeconds: 0 }, 'r.maintenance.retryAfterSeconds'],
    ['maintenance', { except: ['me'] }, 'r.maintenance.except[0]'],
    ['image', 'NGINX', 'r.image'],
    ['port', 80, 'r.port'],
  ] as const) {
    it(`refuses ${option}: ${JSON.stringify(given)} at ${path}`, () => {
      assert.equal(
        refusedPath(() => router({ [option]: given })),
        path,
      );
    });
  }

  for (const [given, spec] of [
    [
      { certificate, key },
      { certificate: own, hosts: {}, redirect: true, minVersion: '1.2' },
    ],
    [
      { selfSigned: true, minVersion: '1.3' },
      { certificate: { type: 'self-signed' }, hosts: {}, redirect: true, minVersion: '1.3' },
    ],
    [
      {
        selfSigned: true,
        hosts: { 'A.org': { certificate, key }, '*.b.org': { selfSigned: true } },
        redirect: false,
        hsts: { maxAgeSeconds: 60 },
      },
      {
        certificate: { type: 'self-signed' },
        hosts: { 'a.org': own, '*.b.org': { type: 'self-signed' } },
        redirect: false,
        hsts: { maxAgeSeconds: 60, includeSubDomains: false, preload: false },
        minVersion: '1.2',
      },
    ],
    [
      {
        acme: { termsAgreed: true },
        hosts: {
          'b.org': {
            acme: { termsAgreed: true, email: 'ops@b.org', directory: 'https://ca.b.org/d', ca: './ca.pem' },
          },
        },
      },
      {
        certificate: {
          type: 'acme',
          termsAgreed: true,
          directory: 'https://acme-v02.api.letsencrypt.org/directory',
        },
        hosts: {
          'b.org': {
            type: 'acme',
            termsAgreed: true,
            email: 'ops@b.org',
            directory: 'https://ca.b.org/d',
            ca: './ca.pem',
          },
        },
        redirect: true,
        minVersion: '1.2',
      },
    ],
  ] as const) {
    it(`has ${JSON.stringify(spec)} as its TLS`, () => {
      assert.deepEqual(router({ tls: given }).tls, spec);
    });
  }

  it('has no certificate of an authority that could not ask', () => {
    const acme = { termsAgreed: true } as const;
    const made = { selfSigned: true } as const;
    const problemsOf = (options: RouterOptions, host?: string): readonly string[] => {
      const stack = new Stack('s');
      const app = stack.app('app', { image: 'app' });
      stack
        .router('r', { publish: [443, 80], ...options })
        .route('/', app, host === undefined ? {} : { host });
      try {
        stack.validate();
        return [];
      } catch (error) {
        assert.ok(isPlumbstackError(error, 'INVALID_STACK'));
        const { problems } = error.details as { problems: readonly { path: string; message: string }[] };
        return problems.map(({ path, message }) => `${path} ${message}`);
      }
    };
    const tls = { acme };
    assert.deepEqual(problemsOf({ tls, serverName: 'a.org' }), []);
    assert.deepEqual(problemsOf({ tls }, 'a.org'), []);
    assert.deepEqual(
      problemsOf({ serverName: ['a.org', '*.b.org'], tls: { acme, hosts: { '*.b.org': made } } }),
      [],
    );
    assert.deepEqual(problemsOf({ tls: { ...made, hosts: { 'a.org': { acme } } } }), []);

    assert.deepEqual(problemsOf({ tls }), ['r.tls.acme is a certificate for no host']);
    assert.deepEqual(problemsOf({ serverName: 'a.org', tls: { acme, hosts: { 'a.org': made } } }), [
      'r.tls.acme is a certificate for no host',
    ]);
    for (const problems of [
      problemsOf({ tls, serverName: ['a.org', '*.b.org'] }),
      problemsOf({ tls, serverName: 'a.org' }, '*.b.org'),
    ])
      assert.match(
        problems.join(),
        /^r\.tls\.acme cannot be had for \*\.b\.org: [^,]*, and a wildcard is none$/,
      );
    assert.match(
      problemsOf({ serverName: '*.b.org', tls: { ...made, hosts: { '*.b.org': { acme } } } }).join(),
      /^r\.tls\.hosts\.\*\.b\.org\.acme cannot be had/,
    );
    for (const publish of [443, [], [443, { port: 80, containerPort: 8443, host: '127.0.0.1' }]])
      assert.match(
        problemsOf({ tls, serverName: 'a.org', publish }).join(),
        /^r\.tls\.acme needs plain HTTP, over which the authority asks, and the router publishes none$/,
      );
  });

  it('has no certificate for a host that it does not answer for', () => {
    const describe = (serverName: readonly string[], host: string): Stack => {
      const stack = new Stack('s');
      stack.router('r', { serverName, tls: { selfSigned: true, hosts: { [host]: { selfSigned: true } } } });
      return stack;
    };
    for (const [names, host] of [
      [[], 'a.org'],
      [['a.org'], 'a.org'],
      [['*.a.org'], 'b.a.org'],
      [['b.a.org'], '*.a.org'],
    ] as const)
      describe(names, host).validate();
    for (const [names, host] of [
      [['a.org'], 'b.org'],
      [['*.a.org'], 'a.org'],
      [['*.a.org'], 'c.b.a.org'],
    ] as const)
      assert.throws(
        () => describe(names, host).validate(),
        (error) => isPlumbstackError(error, 'INVALID_STACK'),
      );
  });

  it('with tls publishes HTTPS first, and plain HTTP at every further port', () => {
    const tls = { certificate, key };
    const ports = (publish: unknown): readonly number[] =>
      router({ tls, publish }).publish.map((each) => each.containerPort);
    assert.deepEqual(ports(443), [routerTlsPort]);
    assert.deepEqual(ports([443, 80]), [routerTlsPort, routerPort]);
    assert.deepEqual(ports([443, { port: 8443, containerPort: routerTlsPort }]), [
      routerTlsPort,
      routerTlsPort,
    ]);
    assert.deepEqual(ports([{ port: 80, containerPort: routerPort }, 81]), [routerPort, routerPort]);
    assert.deepEqual(ports([]), []);
  });

  for (const host of [
    'localhost',
    'a',
    'a.b.c',
    '127.0.0.1',
    'xn--bcher-kva.example',
    '*.example.org',
    `${'a'.repeat(63)}.org`,
  ]) {
    it(`answers for ${host}`, () => {
      assert.deepEqual(router({ serverName: host }).serverName, [host]);
    });
  }

  for (const host of [
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    '-a',
    'a-',
    'a_b',
    '*',
    '*.',
    'a.*',
    '*.*.a',
    '~^regex$',
    'a;b',
    'a\n',
    'bücher.example',
    `${'a'.repeat(64)}.org`,
    `${'a.'.repeat(127)}`,
    'a.'.repeat(126) + 'ab',
    'example.org:80',
    'http://example.org',
  ]) {
    it(`does not answer for ${JSON.stringify(host.slice(0, 50))}`, () => {
      assert.equal(
        refusedPath(() => router({ serverName: host })),
        'r.serverName',
      );
    });
  }

  it('adds routes in order, each to what it was given', () => {
    const stack = new Stack('s');
    const app = stack.app('a', { image: 'a' });
    const pool = stack.pool('p', { app: stack.app('worker', { image: 'a' }) });
    const router = stack.router('r');
    assert.equal(router.route('/a/', app), router, 'it can be chained');
    router.route('/p/', pool).route('/old/', { redirect: '/a/' });
    assert.deepEqual(
      router.toSpec().routes.map(({ prefix, target }) => [prefix, target]),
      [
        ['/a/', { type: 'resource', name: 'a' }],
        ['/p/', { type: 'resource', name: 'p' }],
        ['/old/', { type: 'redirect', to: '/a/', status: 308 }],
      ],
    );
    assert.deepEqual(
      router.links.map(({ option, target }) => [option, target.name]),
      [
        ['routes[0].target', 'a'],
        ['routes[1].target', 'p'],
      ],
    );
  });

  it('keeps no part of a route that was refused', () => {
    const stack = new Stack('s');
    const app = stack.app('a', { image: 'a' });
    const router = stack.router('r').route('/a/', app);
    assert.equal(
      refusedPath(() => router.route('b', app)),
      'r.routes[1]: the prefix',
    );
    assert.equal(router.toSpec().routes.length, 1);
    assert.equal(router.links.length, 1);
    router.route('/b/', app);
    stack.validate();
  });
});

describe('a header of a router', () => {
  for (const header of ['Content-Length', 'transfer-encoding', 'Connection', 'Content-Type', 'Upgrade']) {
    it(`is not ${header}, which says how the answer is sent`, () => {
      const stack = new Stack('shop');
      const options = { headers: { [header]: 'x' } };
      assert.equal(refusalOf(() => stack.router('web', options)).code, 'INVALID_OPTION');
      const app = stack.app('app', { image: 'nginx' });
      assert.equal(refusalOf(() => stack.router('www').route('/', app, options)).code, 'INVALID_OPTION');
    });
  }
});
