import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Stack } from '@plumbstack/core';
import { docker, Sandbox, tryDocker, until } from '../../support/docker-cli';
import { anySubnet, hostOf } from '../../support/free-subnet';
import {
  ask,
  echoOf,
  hashed,
  startApp,
  startNginx,
  type Answer,
  type Question,
  type RunningProxy,
} from './proxy-lab';
import { sampleNginx, sampleRoute, upstream } from './sample-models';

const subnet = anySubnet();
const host = (number: number): string => hostOf(subnet, number);

const app = upstream('app', `${host(11)}:8000`);
const absent = upstream('absent', `${host(99)}:8000`);
const pages = '/etc/plumbstack/pages';
const files = [
  { path: 'pages/404.html', content: '<p>nothing here</p>' },
  { path: 'pages/503.json', content: '{"error":"down"}' },
  { path: 'pages/502.txt', content: 'broken' },
  { path: 'pages/401.html', content: '<p>who are you?</p>' },
  { path: 'pages/413.html', content: '<p>too much</p>' },
  { path: 'pages/429.html', content: '<p>too often</p>' },
  { path: 'pages/later.html', content: '<p>later</p>' },
  { path: 'www/index.html', content: 'the start' },
  { path: 'www/app-0123abcd.js', content: 'code()' },
  { path: 'www/style.css', content: 'p {}' },
];

describe("nginx and a router's policies", function () {
  this.timeout(180_000);
  let sandbox: Sandbox;

  before(async () => {
    sandbox = await Sandbox.create('px-policy', subnet);
    await startApp(sandbox, 'app', host(11));
  });
  after(() => sandbox?.[Symbol.asyncDispose]());

  describe('cors', () => {
    let nginx: RunningProxy;
    const defaults = {
      methods: ['GET', 'POST'],
      headers: ['Content-Type', 'X-Key'],
      exposeHeaders: ['X-Total'],
      credentials: false,
      maxAgeSeconds: 600,
    };
    before(async () => {
      const password = await hashed('open sesame');
      nginx = await startNginx(
        sandbox,
        sampleNginx({
          revision: 'c1',
          headers: { 'X-Frame-Options': 'DENY' },
          routes: [
            sampleRoute('/open/', app, { cors: { ...defaults, origins: ['*'] } }),
            sampleRoute('/some/', app, {
              cors: {
                ...defaults,
                credentials: true,
                origins: ['https://a.org', 'http://localhost:3000', 'https://*.b.org'],
              },
              auth: { realm: 'r', users: { ann: password } },
            }),
            sampleRoute('/none/', app),
          ],
        }),
      );
    });
    const from = (origin: string, path: string, more: Partial<Question> = {}): Promise<Answer> =>
      ask({ port: nginx.port(8080), path, ...more, headers: { origin, ...more.headers } });
    const preflight = (origin: string, path: string): Promise<Answer> =>
      from(origin, path, { method: 'OPTIONS', headers: { 'access-control-request-method': 'POST' } });
    const allowed = ({ headers }: Answer): unknown => headers['access-control-allow-origin'];

    it('tells every origin that it may read, where all may', async () => {
      const answer = await from('https://any.org', '/open/');
      assert.equal(allowed(answer), '*');
      assert.equal(answer.headers['access-control-expose-headers'], 'X-Total');
      assert.equal(answer.headers['access-control-allow-credentials'], undefined);
      assert.doesNotMatch(String(answer.headers.vary), /Origin/);
    });

    it('answers a preflight without the app and without a password', async () => {
      const answer = await preflight('https://a.org', '/some/x');
      assert.deepEqual([answer.status, answer.body, allowed(answer)], [204, '', 'https://a.org']);
      assert.equal(answer.headers['access-control-allow-methods'], 'GET, POST');
      assert.equal(answer.headers['access-control-allow-headers'], 'Content-Type, X-Key');
      assert.equal(answer.headers['access-control-max-age'], '600');
      assert.equal(answer.headers['access-control-allow-credentials'], 'true');
      assert.equal(answer.headers['x-frame-options'], 'DENY');
      assert.equal(answer.headers.vary, 'Origin');
    });

    it('passes an OPTIONS that is no preflight on', async () => {
      assert.equal(echoOf(await from('https://a.org', '/open/', { method: 'OPTIONS' })).method, 'OPTIONS');
      const plain = await ask({ port: nginx.port(8080), path: '/none/', method: 'OPTIONS' });
      assert.equal(echoOf(plain).method, 'OPTIONS');
    });

    it('names an origin only to itself, and only one that may', async () => {
      for (const origin of ['https://a.org', 'http://localhost:3000', 'https://x.b.org'])
        assert.equal(allowed(await preflight(origin, '/some/')), origin);
      for (const origin of [
        'https://evil.org',
        'http://a.org',
        'https://a.org:8443',
        'https://a.org.evil.org',
        'https://b.org',
        'https://x.y.b.org',
        'https://evil.org/.b.org',
        'null',
      ]) {
        const answer = await preflight(origin, '/some/');
        assert.deepEqual([answer.status, allowed(answer)], [204, undefined], origin);
      }
    });

    it('says it with refusals too, so that a page can read them', async () => {
      const answer = await from('https://a.org', '/some/');
      assert.deepEqual([answer.status, allowed(answer)], [401, 'https://a.org']);
    });

    it("replaces the app's own word, and leaves it alone where there is none of the router's", async () => {
      const path = 'status?code=200&header=access-control-allow-origin:https://own.org';
      const [ours, theirs] = await Promise.all([
        from('https://a.org', `/open/${path}`),
        from('https://a.org', `/none/${path}`),
      ]);
      assert.equal(allowed(ours), '*');
      assert.equal(allowed(theirs), 'https://own.org');
    });
  });

  describe('pages', () => {
    let nginx: RunningProxy;
    before(async () => {
      const password = await hashed('open sesame');
      const own = { headers: { 'X-Route': 'mine' } };
      nginx = await startNginx(
        sandbox,
        sampleNginx({
          revision: 'd2',
          root: '/etc/plumbstack/www',
          headers: { 'X-Frame-Options': 'DENY' },
          errorPages: {
            401: `${pages}/401.html`,
            404: `${pages}/404.html`,
            413: `${pages}/413.html`,
            429: `${pages}/429.html`,
            502: `${pages}/502.txt`,
            503: `${pages}/503.json`,
          },
          routes: [
            sampleRoute('/app/', app, own),
            sampleRoute('/down/', absent, own),
            sampleRoute('/empty/', upstream('empty'), own),
            sampleRoute('/private/', upstream('empty'), {
              ...own,
              auth: { realm: 'r', users: { ann: password } },
            }),
            sampleRoute('/small/', app, { ...own, maxBodyBytes: 5 }),
            sampleRoute('/seldom/', app, { ...own, rateLimit: { requestsPerSecond: 0.02, burst: 0 } }),
          ],
        }),
        files,
      );
    });
    const get = (path: string, more: Partial<Question> = {}): Promise<Answer> =>
      ask({ port: nginx.port(8080), path, ...more });

    it('go with the status that they are for, whatever was asked for and how', async () => {
      await get('/seldom/');
      for (const [path, status, body, type, more] of [
        ['/nothing', 404, '<p>nothing here</p>', 'text/html; charset=utf-8', {}],
        ['/down/x?y', 503, '{"error":"down"}', 'application/json', {}],
        ['/down/', 503, '{"error":"down"}', 'application/json', { method: 'POST', body: 'x' }],
        ['/empty/', 503, '{"error":"down"}', 'application/json', { method: 'DELETE' }],
        ['/private/', 401, '<p>who are you?</p>', 'text/html; charset=utf-8', {}],
        ['/small/', 413, '<p>too much</p>', 'text/html; charset=utf-8', { method: 'PUT', body: '123456' }],
        ['/seldom/', 429, '<p>too often</p>', 'text/html; charset=utf-8', {}],
      ] as const) {
        const answer = await get(path, more);
        assert.deepEqual([answer.status, answer.body], [status, body], path);
        assert.equal(answer.headers['content-type'], type, path);
        assert.equal(answer.headers['cache-control'], 'no-store', path);
        assert.equal(answer.headers['x-frame-options'], 'DENY', path);
        assert.equal(answer.headers['x-route'], path === '/nothing' ? undefined : 'mine', path);
      }
    });

    it('ask for the password all the same', async () => {
      assert.equal((await get('/private/')).headers['www-authenticate'], 'Basic realm="r"');
    });

    it('tell when to come back, with 503', async () => {
      assert.equal((await get('/down/')).headers['retry-after'], '5');
      assert.equal((await get('/nothing')).headers['retry-after'], undefined);
    });

    it('never replace what an app answers', async () => {
      for (const code of [404, 502, 503]) {
        const answer = await get(`/app/status?code=${code}`);
        assert.deepEqual([answer.status, answer.body], [code, 'app']);
      }
    });

    it('go with an app that broke off', async () => {
      const answer = await get('/app/hang-up', { method: 'POST', body: 'x' });
      assert.deepEqual([answer.status, answer.body], [502, 'broken']);
      assert.equal(answer.headers['x-route'], 'mine');
    });

    it('are not there for whoever asks for them by their address', async () => {
      for (const path of ['/.plumbstack-route-1-503', '/.plumbstack-site-404', '/pages/404.html'])
        assert.equal((await get(path)).status, 404);
    });
  });

  describe('maintenance', () => {
    const models = (except: readonly string[]): Parameters<typeof startNginx>[1] =>
      sampleNginx({
        revision: except.length === 0 ? 'e3' : 'f4',
        root: '/etc/plumbstack/www',
        maintenance: { page: `${pages}/later.html`, retryAfterSeconds: 60, except },
        headers: { 'X-Frame-Options': 'DENY' },
        routes: [
          sampleRoute('/app/', app),
          sampleRoute('/line/', app, { maintenance: { retryAfterSeconds: 7, except: [] } }),
          sampleRoute('/old/', { type: 'redirect', to: '/app/', status: 308 }),
        ],
      });

    it('answers for everything, and for a route with its own words', async () => {
      const nginx = await startNginx(sandbox, models([]), files);
      for (const [path, body, after] of [
        ['/', '<p>later</p>', '60'],
        ['/style.css', '<p>later</p>', '60'],
        ['/app/x', '<p>later</p>', '60'],
        ['/old/', '<p>later</p>', '60'],
        ['/line/', 'This is being worked at. Please come back later.', '7'],
      ] as const) {
        for (const method of ['GET', 'POST']) {
          const answer = await ask({ port: nginx.port(8080), path, method });
          assert.deepEqual([answer.status, answer.body], [503, body], `${method} ${path}`);
          assert.equal(answer.headers['retry-after'], after);
          assert.equal(answer.headers['cache-control'], 'no-store');
          assert.equal(answer.headers['x-frame-options'], 'DENY');
        }
      }
    });

    it('lets those through whom it excepts', async () => {
      const nginx = await startNginx(sandbox, models(['0.0.0.0/0']), files);
      const get = (path: string): Promise<Answer> => ask({ port: nginx.port(8080), path });
      assert.equal((await get('/')).body, 'the start');
      assert.equal(echoOf(await get('/app/')).app, 'app');
      assert.equal((await get('/old/')).status, 308);
      assert.equal((await get('/line/')).status, 503);
    });
  });

  describe("addresses of the stack's own networks", () => {
    // What is published on this machine reaches nginx from the gateway of its network.
    const gateway = host(1);
    const wide = ['10.0.0.0/8', '192.0.2.0/24'];
    const rules = {
      wide,
      all: [...wide, '0.0.0.0/0'],
      gateway: [...wide, gateway],
      network: [...wide, subnet],
      part: [...wide, hostOf(subnet, 0) + '/28'],
      another: [...wide, host(77)],
    };
    const start = (revision: string, ownNetworks: readonly string[]): Promise<RunningProxy> =>
      startNginx(
        sandbox,
        sampleNginx({
          revision,
          ownNetworks,
          routes: Object.entries(rules).flatMap(([name, networks]) => [
            sampleRoute(`/${name}/`, app, { allow: networks }),
            sampleRoute(`/closed/${name}/`, app, { maintenance: { retryAfterSeconds: 7, except: networks } }),
          ]),
        }),
      );
    const statuses = async (nginx: RunningProxy, below = ''): Promise<Readonly<Record<string, number>>> =>
      Object.fromEntries(
        await Promise.all(
          Object.keys(rules).map(async (name) => {
            const { status } = await ask({ port: nginx.port(8080), path: `${below}/${name}/` });
            return [name, status] as const;
          }),
        ),
      );
    const passed = { wide: 200, all: 200, gateway: 200, network: 200, part: 200, another: 200 };

    it('are let in by a rule that means them, and by none that covers them by chance', async () => {
      const nginx = await start('ab', ['10.229.0.0/24', subnet]);
      const { headers } = echoOf(await ask({ port: nginx.port(8080), path: '/all/' }));
      assert.equal(headers['x-forwarded-for'], gateway);
      assert.deepEqual(await statuses(nginx), { ...passed, wide: 403 });
      // Through maintenance goes only who is named.
      assert.deepEqual(await statuses(nginx, '/closed'), { ...passed, wide: 503, another: 503 });
    });

    it('are addresses like any other where they are of other networks', async () => {
      const nginx = await start('ac', ['10.229.0.0/24']);
      assert.deepEqual(await statuses(nginx), passed);
      assert.deepEqual(await statuses(nginx, '/closed'), passed);
    });
  });

  describe('static files', () => {
    const start = (revision: string, headers: Readonly<Record<string, string>> = {}): Promise<RunningProxy> =>
      startNginx(sandbox, sampleNginx({ revision, root: '/etc/plumbstack/www', headers }), files);

    it('are asked about each time, and sent only when they have changed', async () => {
      const port = (await start('a5', { 'X-Frame-Options': 'DENY' })).port(8080);
      for (const path of ['/', '/style.css']) {
        const first = await ask({ port, path });
        assert.equal(first.headers['cache-control'], 'no-cache', path);
        assert.equal(first.headers['x-frame-options'], 'DENY');
        const again = await ask({ port, path, headers: { 'if-none-match': String(first.headers.etag) } });
        assert.deepEqual([again.status, again.body], [304, '']);
        assert.equal(again.headers['cache-control'], 'no-cache');
      }
    });

    it('with a digest in their name are kept for good, but not a failure to find one', async () => {
      const port = (await start('b6')).port(8080);
      const { headers } = await ask({ port, path: '/app-0123abcd.js' });
      assert.equal(headers['cache-control'], 'public, max-age=31536000, immutable');
      const missing = await ask({ port, path: '/app-00000000.js' });
      assert.deepEqual([missing.status, missing.headers['cache-control']], [404, undefined]);
    });

    it("are kept as the router's own headers say", async () => {
      const port = (await start('c7', { 'cache-control': 'private' })).port(8080);
      for (const path of ['/', '/app-0123abcd.js'])
        assert.equal((await ask({ port, path })).headers['cache-control'], 'private');
    });
  });

  describe('proxies before it', () => {
    const forwarded = {
      'x-forwarded-for': '198.51.100.7, 192.0.2.1',
      'x-forwarded-proto': 'https',
      'x-request-id': 'abc-123.X_y~z',
    };
    const start = (revision: string, trustedProxies: readonly string[]): Promise<RunningProxy> =>
      startNginx(
        sandbox,
        sampleNginx({
          revision,
          trustedProxies,
          routes: [sampleRoute('/app/', app), sampleRoute('/known/', app, { allow: ['198.51.100.7'] })],
        }),
      );

    it('are believed where they are trusted, about the visitor, the scheme and the id', async () => {
      const nginx = await start('d8', ['0.0.0.0/1', '192.0.2.0/24', '172.0.0.0/8', '10.0.0.0/8']);
      const get = (path: string, headers: Readonly<Record<string, string>>): Promise<Answer> =>
        ask({ port: nginx.port(8080), path, headers });
      const answer = await get('/app/', forwarded);
      const { headers } = echoOf(answer);
      assert.equal(headers['x-forwarded-for'], '198.51.100.7');
      assert.equal(headers['x-real-ip'], '198.51.100.7');
      assert.equal(headers['x-forwarded-proto'], 'https');
      assert.equal(headers['x-request-id'], 'abc-123.X_y~z');
      assert.equal(answer.headers['x-request-id'], 'abc-123.X_y~z');
      assert.equal((await get('/known/', forwarded)).status, 200);
      for (const id of ['a b', 'x"y', '../../etc', 'a'.repeat(129), '']) {
        const made = echoOf(await get('/app/', { 'x-request-id': id })).headers['x-request-id'];
        assert.match(String(made), /^[0-9a-f]{32}$/, id);
      }
      let log: string | undefined;
      // Lines are written together.
      await until('it is in the log', async () => {
        const lines = (await docker('logs', nginx.container)).split('\n');
        log = lines.find((line) => line.includes('abc-123.X_y~z'));
        return log !== undefined;
      });
      const entry = JSON.parse(log ?? '') as Record<string, unknown>;
      assert.deepEqual([entry['remoteAddress'], entry['scheme']], ['198.51.100.7', 'https']);
    });

    it('are believed nothing where they are not', async () => {
      const nginx = await start('e9', ['203.0.113.0/24']);
      const answer = await ask({ port: nginx.port(8080), path: '/app/', headers: forwarded });
      const { headers } = echoOf(answer);
      assert.doesNotMatch(JSON.stringify(headers), /198\.51|192\.0\.2|abc-123/);
      assert.equal(headers['x-forwarded-proto'], 'http');
      const known = await ask({ port: nginx.port(8080), path: '/known/', headers: forwarded });
      assert.equal(known.status, 403);
    });
  });

  describe('passwords', () => {
    it('are known by every kind of hash that core takes', async () => {
      const password = 'open sesame';
      const { stdout } = await tryDocker(
        'run',
        '--rm',
        '--network',
        'none',
        '--entrypoint',
        'sh',
        'nginx:1.30',
        '-c',
        hashes,
        'sh',
        password,
      );
      const kinds = ['1', '5', '6', 'apr1', '2a', '2b', '2y', 'y'];
      const made = new Map(
        stdout
          .trim()
          .split('\n')
          .map((hash) => [hash.split('$')[1] ?? '', hash]),
      );
      assert.deepEqual([...made.keys()].sort(), [...kinds].sort());
      const salt = Buffer.from('salt');
      const ssha = createHash('sha1').update(password).update(salt).digest();
      made.set('ssha', `{SSHA}${Buffer.concat([ssha, salt]).toString('base64')}`);
      const routes = [...made].map(([kind, hash]) => {
        const stack = new Stack('s');
        const router = stack
          .router('r')
          .route(`/${kind}/`, { redirect: '/in' }, { auth: { users: { ann: hash } } });
        const { auth } = router.toSpec().routes[0] ?? {};
        return sampleRoute(`/${kind}/`, app, {
          auth: { realm: 'r', users: auth?.users as Record<string, string> },
        });
      });
      const nginx = await startNginx(sandbox, sampleNginx({ revision: 'cc', routes }));
      const status = async (kind: string, given: string): Promise<number> => {
        const authorization = `Basic ${Buffer.from(`ann:${given}`).toString('base64')}`;
        return (await ask({ port: nginx.port(8080), path: `/${kind}/`, headers: { authorization } })).status;
      };
      for (const kind of made.keys())
        assert.deepEqual(
          [kind, await status(kind, password), await status(kind, 'closed')],
          [kind, 200, 401],
        );
    });
  });

  describe('logs', () => {
    for (const accessLog of ['json', 'combined'] as const) {
      it(`hold no query string and no password: ${accessLog}`, async () => {
        const nginx = await startNginx(
          sandbox,
          sampleNginx({
            revision: accessLog === 'json' ? 'aa' : 'bb',
            accessLog,
            routes: [
              sampleRoute('/app/', app, { maxBodyBytes: 5 }),
              sampleRoute('/down/', absent),
              sampleRoute('/private/', app, { auth: { realm: 'r', users: { ann: '$6$a$b' } } }),
            ],
          }),
        );
        const headers = {
          referer: 'https://a.org/page?token=SECRET-1',
          authorization: `Basic ${Buffer.from('ann:SECRET-2').toString('base64')}`,
          cookie: 'session=SECRET-3',
        };
        const port = nginx.port(8080);
        for (const path of [
          '/app/found?key=SECRET-4',
          '/down/?key=SECRET-5',
          '/private/?key=SECRET-6',
          '/missing?SECRET-7',
        ])
          await ask({ port, path, headers });
        await ask({ port, path: '/app/large?key=SECRET-8', method: 'POST', body: '123456', headers });
        const paths = ['/app/found', '/down/', '/private/', '/missing', '/app/large', 'https://a.org/page'];
        let log = '';
        // nginx writes a line when it has answered, and the engine takes its time to have it.
        await until(`the log has ${paths.join(', ')}`, async () => {
          const { stdout, stderr } = await tryDocker('logs', nginx.container);
          log = stdout + stderr;
          return paths.every((each) => log.includes(each));
        });
        assert.doesNotMatch(log, /SECRET|U0VDUkVU/);
      });
    }

    it('have every line, whole, of many requests at once, and of those before a stop', async () => {
      const nginx = await startNginx(
        sandbox,
        sampleNginx({
          revision: 'dd',
          routes: [sampleRoute('/here/', { type: 'redirect', to: '/there/', status: 307 })],
        }),
      );
      const port = nginx.port(8080);
      // All lengths that go through a pipe in one piece: where a line ends among the others differs.
      const paths = Array.from(
        { length: 800 },
        (_, index) => `/here/${index}/${'x'.repeat((index * 131) % 3500)}`,
      );
      const unasked = [...paths];
      const visitor = async (): Promise<void> => {
        for (let path = unasked.pop(); path !== undefined; path = unasked.pop())
          assert.equal((await ask({ port, path })).status, 307);
      };
      await Promise.all(Array.from({ length: 16 }, visitor));
      await docker('stop', nginx.container);
      const lines = (await docker('logs', nginx.container))
        .split('\n')
        .filter((each) => each.startsWith('{'));
      const logged = lines.map((each) => (JSON.parse(each) as { readonly path: string }).path);
      assert.deepEqual(logged.sort(), paths.sort());
    });
  });
});

// openssl knows the older kinds, and crypt(3) the others, which perl calls as nginx does.
const hashes = `for kind in 1 5 6 apr1; do openssl passwd -$kind "$1"; done
for salt in '$2a$05$abcdefghijklmnopqrstuu' '$2b$05$abcdefghijklmnopqrstuu' '$2y$05$abcdefghijklmnopqrstuu' '$y$j75$abcdefghijkl'; do
  perl -e 'print crypt($ARGV[0], $ARGV[1]), "\n"' "$1" "$salt"
done`;
