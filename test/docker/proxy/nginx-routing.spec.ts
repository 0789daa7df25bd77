import assert from 'node:assert/strict';
import { docker, Sandbox } from '../../support/docker-cli';
import { anySubnet, hostOf } from '../../support/free-subnet';
import { eventually } from '../../support/lab';
import { certificate } from './check-configs';
import {
  ask,
  echoOf,
  hashed,
  rawExchange,
  startApp,
  startNginx,
  type Answer,
  type Question,
  type RunningProxy,
} from './proxy-lab';
import { sampleNginx, sampleRoute, upstream } from './sample-models';

const subnet = anySubnet();
const host = (number: number): string => hostOf(subnet, number);

const app1 = `${host(11)}:8000`;
const app2 = `${host(12)}:8000`;
const absent = `${host(99)}:8000`;

describe('nginx as the router', function () {
  this.timeout(180_000);
  let sandbox: Sandbox;
  let open: RunningProxy;
  let named: RunningProxy;

  before(async () => {
    sandbox = await Sandbox.create('px-route', subnet);
    await Promise.all([startApp(sandbox, 'app1', host(11)), startApp(sandbox, 'app2', host(12))]);
    const users = { ann: await hashed('open sesame') };
    open = await startNginx(
      sandbox,
      sampleNginx({
        revision: 'a1',
        root: '/etc/plumbstack/www',
        headers: { 'X-Frame-Options': 'DENY', 'X-Price': '$5 "off"; {x} \\ #' },
        routes: [
          sampleRoute('/app1/', upstream('app1', app1)),
          sampleRoute('/app1/deep/', upstream('app2', app2)),
          sampleRoute('/kept/', upstream('app1', app1), { stripPrefix: false }),
          sampleRoute('/only/', upstream('only', app2), { stripPrefix: false }),
          sampleRoute('/own/', upstream('own', app2)),
          sampleRoute('/down/', upstream('down', absent)),
          sampleRoute('/empty/', upstream('empty')),
          sampleRoute('/empty/private/', upstream('empty'), { auth: { realm: 'off', users } }),
          sampleRoute('/private/', upstream('app1', app1), {
            auth: { realm: 'say "friend" for $5', users },
            headers: { 'x-frame-options': 'SAMEORIGIN' },
          }),
          sampleRoute('/limited/', upstream('app1', app1), { rateLimit: { requestsPerSecond: 1, burst: 2 } }),
          sampleRoute('/small/', upstream('app1', app1), { maxBodyBytes: 10 }),
          sampleRoute('/stream/', upstream('app1', app1), { buffering: false }),
          sampleRoute('/quick/', upstream('app1', app1), { timeoutMs: 300 }),
          sampleRoute('/nobody/', upstream('app1', app1), { allow: ['192.0.2.1'] }),
          sampleRoute('/denied/', { type: 'redirect', to: '/secret', status: 302 }, { deny: ['0.0.0.0/0'] }),
          sampleRoute('/old/', { type: 'redirect', to: 'https://example.org/$new?a=1#b', status: 301 }),
        ],
      }),
      [
        { path: 'www/index.html', content: 'the default page' },
        { path: 'www/.htpasswd', content: 'hidden' },
        { path: 'www/.git/config', content: 'hidden' },
        { path: 'www/sub/.env', content: 'hidden' },
        { path: 'www/.well-known/security.txt', content: 'contact' },
        { path: 'www/.well-known/.secret', content: 'hidden' },
        { path: 'www/sub/index.html', content: 'sub' },
      ],
    );
    named = await startNginx(
      sandbox,
      sampleNginx({
        revision: 'b2',
        serverNames: ['myserver.org', 'two.org'],
        routes: [
          sampleRoute('/app1/', upstream('app1', app1)),
          sampleRoute('/app1/', upstream('app2', app2), { host: 'api.myserver.org' }),
          sampleRoute('/', upstream('app2', app2), { host: '*.tenants.org' }),
          sampleRoute('/', upstream('app1', app1), { host: 'first.tenants.org' }),
        ],
      }),
    );
  });

  after(() => sandbox?.[Symbol.asyncDispose]());

  const get = (path: string, more: Partial<Question> = {}): Promise<Answer> =>
    ask({ port: open.port(8080), path, ...more });
  const getNamed = (host: string, path = '/app1/x'): Promise<Answer> =>
    ask({ port: named.port(8080), path, headers: { host } });

  it('takes the prefix off and leaves the query', async () => {
    assert.equal(echoOf(await get('/app1/a/b?c=%20d')).url, '/a/b?c=%20d');
  });

  it('leaves the prefix on where the route says so', async () => {
    const { url, headers } = echoOf(await get('/kept/a?b'));
    assert.equal(url, '/kept/a?b');
    assert.equal(headers['x-forwarded-prefix'], undefined);
  });

  it('gives a path to the longest prefix', async () => {
    assert.equal(echoOf(await get('/app1/deep/x')).app, 'app2');
    assert.equal(echoOf(await get('/app1/deeper')).app, 'app1');
  });

  it('lets the host, the port and the way of the visitor reach the app', async () => {
    const { headers } = echoOf(await get('/app1/', { headers: { host: 'myserver.org:8080' } }));
    assert.equal(headers.host, 'myserver.org:8080');
    assert.equal(headers['x-forwarded-host'], 'myserver.org:8080');
    assert.equal(headers['x-forwarded-proto'], 'http');
    assert.equal(headers['x-forwarded-prefix'], '/app1');
    assert.match(String(headers['x-forwarded-for']), /^\d+\.\d+\.\d+\.\d+$/);
    assert.equal(headers['x-real-ip'], headers['x-forwarded-for']);
    assert.match(String(headers['x-request-id']), /^[0-9a-f]{32}$/);
  });

  it('believes nothing that a request says about proxies before it', async () => {
    const forged = {
      'x-forwarded-for': '1.2.3.4',
      'x-forwarded-host': 'evil.com',
      'x-forwarded-proto': 'https',
      'x-forwarded-prefix': '/evil',
      'x-request-id': 'evil',
      forwarded: 'for=1.2.3.4',
      proxy: 'http://evil.com',
      upgrade: 'h2c',
      connection: 'upgrade',
    };
    const { headers } = echoOf(await get('/app1/', { headers: { host: 'good.org', ...forged } }));
    assert.doesNotMatch(JSON.stringify(headers), /evil|1\.2\.3\.4|h2c/);
    assert.equal(headers['x-forwarded-host'], 'good.org');
    assert.equal(headers['x-forwarded-proto'], 'http');
  });

  it('drops what an app could not tell from a header of a proxy, and no other header', async () => {
    const lookAlikes = [
      'X_Forwarded_For',
      'X_Forwarded-For',
      'X-Forwarded_For',
      'x_forwarded_host',
      'X-Forwarded_Proto',
      'X_Forwarded_Prefix',
      'X_Forwarded-Port',
      'X_Forwarded_Ssl',
      'X-Real_IP',
      'X_Real-IP',
      'X_Request_Id',
      'Content_Length',
      'Content_Type',
      'Transfer_Encoding',
    ];
    const forged = Object.fromEntries(lookAlikes.map((name) => [name, 'forged']));
    const kept = { api_key: 's', 'X.y': 't', X_Forwarded: 'u', under_score_: 'v' };
    const { headers } = echoOf(await get('/app1/', { headers: { ...forged, ...kept } }));
    assert.deepEqual(
      Object.entries(headers).filter(([, value]) => value === 'forged'),
      [],
    );
    assert.deepEqual(
      [headers['api_key'], headers['x.y'], headers['x_forwarded'], headers['under_score_']],
      ['s', 't', 'u', 'v'],
    );
  });

  it('takes the host from the request line where both name one', async () => {
    const seen = await rawExchange(
      open.port(8080),
      'GET http://line.org/app1/ HTTP/1.1\r\nHost: evil.com\r\nConnection: close\r\n\r\n',
    );
    assert.match(seen, /"host":"line.org"/);
    assert.doesNotMatch(seen, /evil/);
  });

  it('answers with the id that the app got, and with none of the app', async () => {
    const answer = await get('/app1/');
    assert.equal(answer.headers['x-request-id'], echoOf(answer).headers['x-request-id']);
  });

  it('carries WebSockets', async () => {
    const seen = await rawExchange(
      open.port(8080),
      'GET /app1/ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\nhello there',
      (text) => text.includes('hello there'),
    );
    assert.match(seen, /^HTTP\/1\.1 101 /);
    assert.match(seen, /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/);
  });

  it('sends a prefix without its slash on, with the method and the query, to the same host', async () => {
    const answer = await get('/app1?a=1', { method: 'POST', headers: { host: 'evil.com' } });
    assert.equal(answer.status, 308);
    assert.equal(answer.headers.location, '/app1/?a=1');
    assert.equal((await get('//app1')).headers.location, '/app1/');
  });

  it('never redirects to what a path looks like', async () => {
    for (const path of [
      '//evil.com',
      '//evil.com/..',
      '/%2fevil.com',
      '/\\evil.com',
      '//evil.com/app1',
      '/sub/..//evil.com',
    ]) {
      const { headers } = await get(path);
      assert.doesNotMatch(headers.location ?? '', /^(?:\/[/\\]|https?:)/, path);
    }
    assert.equal((await get('/sub')).headers.location, '/sub/');
  });

  it('shows an app the path below the prefix as the visitor wrote it', async () => {
    for (const path of [
      '/a%2Fb',
      '//x//y',
      '/%2B%3B%3D%26+;=&',
      '/%41%c3%a9',
      '/?',
      '/x?a=%2F&b',
      '/http://x/y',
    ]) {
      assert.equal(echoOf(await get(`/app1${path}`)).url, path);
    }
    assert.equal(echoOf(await get('/%61pp1%2Fx%2Fy')).url, '/x%2Fy');
    assert.equal(echoOf(await get('/app1//deep///y')).url, '///y');
  });

  it('refuses a path that could be read as leaving its route for another of the same app', async () => {
    for (const path of [
      '/app1/x/%2e%2e/deep/y',
      '/kept/..%2fapp1%2fdeep/z',
      '/app1/../../../../etc/passwd',
      '/app1/%2e%2e/.htpasswd',
      '/x/..;/y',
    ]) {
      assert.equal((await get(path)).status, 400, path);
    }
  });

  it('lets dots through that lead nowhere but to what the route shows anyway', async () => {
    for (const [path, url] of [
      ['/only/items/..%2fb', '/only/items/..%2fb'],
      ['/only/a/../b?c', '/only/a/../b?c'],
      ['/only/./b', '/only/./b'],
      ['/own/..%2fapp1%2fx', '/..%2fapp1%2fx'],
      ['/own/../app1/x', '/../app1/x'],
      ['/own/%2e%2e/private/', '/%2e%2e/private/'],
    ] as const) {
      const { app, url: seen } = echoOf(await get(path));
      assert.deepEqual([app, seen], ['app2', url], path);
    }
  });

  it('refuses dots that could lead above the prefix of an app that sees it', async () => {
    for (const path of [
      '/only/..%2fb',
      '/only/..',
      '/only/a%2fb/../../x',
      '/only/a/../../x',
      '/only/a/%2e%2e/%2E./x',
      '/only/a/..;/..;/x',
      '/only/a\\..\\..\\x',
      '/only//../x',
    ])
      assert.equal((await get(path)).status, 400, path);
  });

  it('leads the redirects of an app below its prefix', async () => {
    const location = async (to: string): Promise<string | undefined> =>
      (await get(`/app1/redirect?to=${encodeURIComponent(to)}`, { headers: { host: 'me.org:81' } })).headers
        .location;
    assert.equal(await location('/next?a'), '/app1/next?a');
    assert.equal(await location('/'), '/app1/');
    assert.equal(await location('/app1/next'), '/app1/next');
    assert.equal(await location('/app1'), '/app1');
    assert.equal(await location('/app12'), '/app1/app12');
    assert.equal(await location('http://me.org:81/next'), '/app1/next');
    assert.equal(await location('http://me.org:81/app1/next'), '/app1/next');
    assert.equal(await location('https://me.org:81/next'), '/app1/next');
    assert.equal(await location('next'), 'next');
    assert.equal(await location('https://elsewhere.org/next'), 'https://elsewhere.org/next');
    assert.equal(await location('//elsewhere.org/next'), '//elsewhere.org/next');
  });

  it('keeps the cookies of an app below its prefix', async () => {
    const cookie = async (path: string): Promise<string> =>
      String((await get(`/app1/cookie?path=${path}`)).headers['set-cookie']);
    assert.equal(await cookie('/'), 'seen=1; Path=/app1/');
    assert.equal(await cookie('/x'), 'seen=1; Path=/app1/x');
    assert.equal(await cookie('/app1/x'), 'seen=1; Path=/app1/x');
    assert.equal(await cookie('/app1'), 'seen=1; Path=/app1');
  });

  it('leaves the path of a cookie alone that browsers take with no other', async () => {
    const cookies = async (...given: readonly string[]): Promise<unknown> =>
      (await get(`/app1/cookies?${given.map((each) => `cookie=${encodeURIComponent(each)}`).join('&')}`))
        .headers['set-cookie'];
    const host = '__Host-s=1; Path=/; Secure';
    assert.deepEqual(await cookies(host), [host]);
    assert.deepEqual(await cookies('a=1; Path=/', host), ['a=1; Path=/', host]);
    for (const name of ['__Secure-s', 'x__Host-s', 's'])
      assert.deepEqual(await cookies(`${name}=1; Path=/; Secure`), [`${name}=1; Path=/app1/; Secure`]);
  });

  it('answers 503 with Retry-After, and nothing else, for an app that is not there', async () => {
    for (const path of ['/down/', '/down/x', '/empty/']) {
      const answer = await get(path);
      assert.equal(answer.status, 503, path);
      assert.equal(answer.headers['retry-after'], '5');
      assert.equal(answer.headers['x-frame-options'], 'DENY');
      assert.match(String(answer.headers['content-type']), /text\/plain/);
      assert.doesNotMatch(answer.body, /default page/);
    }
    assert.equal((await get('/down/', { method: 'POST', body: 'x' })).status, 503);
  });

  it('tells a request that may have had its effect from one that did not', async () => {
    const silent = await get('/quick/slow?ms=1500');
    assert.equal(silent.status, 504);
    assert.equal(silent.headers['retry-after'], undefined);
    assert.equal(silent.headers['x-frame-options'], 'DENY');
  });

  it("passes an app's own failures on unchanged", async () => {
    for (const code of [404, 500, 502, 503, 504]) {
      const answer = await get(`/app1/status?code=${code}`);
      assert.deepEqual(
        [answer.status, answer.headers['x-from'], answer.headers['retry-after']],
        [code, 'app1', undefined],
      );
    }
  });

  it('serves the default page and static files', async () => {
    assert.equal((await get('/')).body, 'the default page');
    assert.equal((await get('/.well-known/security.txt')).body, 'contact');
    assert.equal((await get('/nothing')).status, 404);
  });

  it('serves no file whose path has a name that starts with a dot', async () => {
    for (const path of ['/.htpasswd', '/.git/config', '/sub/.env', '/%2ehtpasswd', '/.well-known/.secret']) {
      const answer = await get(path);
      assert.equal(answer.status, 403, path);
      assert.doesNotMatch(answer.body, /hidden/);
    }
  });

  it('lets nobody in without the password, and tells the realm as it is', async () => {
    const refused = await get('/private/');
    assert.equal(refused.status, 401);
    assert.equal(refused.headers['www-authenticate'], 'Basic realm="say \\"friend\\" for $5"');
    assert.equal(refused.headers['x-frame-options'], 'SAMEORIGIN');
    const authorization = (text: string): Partial<Question> => ({
      headers: { authorization: `Basic ${Buffer.from(text).toString('base64')}` },
    });
    assert.equal((await get('/private/', authorization('ann:wrong'))).status, 401);
    assert.equal((await get('/private/', authorization('ann:open sesame'))).status, 200);
  });

  it('protects a route whose realm is called off, and one that has no server', async () => {
    const { status, headers } = await get('/empty/private/');
    assert.equal(status, 401);
    assert.equal(headers['www-authenticate'], 'Basic realm="Off"');
  });

  it('keeps addresses out, of a redirect too', async () => {
    assert.equal((await get('/nobody/')).status, 403);
    const denied = await get('/denied/x');
    assert.equal(denied.status, 403);
    assert.equal(denied.headers.location, undefined);
    assert.equal((await get('/denied')).status, 403);
  });

  it('redirects a route to what it says', async () => {
    for (const path of ['/old/', '/old/x?y', '/old']) {
      const { status, headers } = await get(path);
      assert.deepEqual([status, headers.location], [301, 'https://example.org/$new?a=1#b']);
    }
  });

  it('lets the rate and the burst through, and answers 429 to the rest', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => get('/limited/')));
    const passed = answers.filter(({ status }) => status === 200).length;
    assert.equal(passed, 3);
    assert.equal(answers.filter(({ status }) => status === 429).length, 7);
  });

  it('refuses a body above its limit with 413', async () => {
    assert.equal(echoOf(await get('/small/', { method: 'POST', body: '0123456789' })).bodyLength, 10);
    assert.equal((await get('/small/', { method: 'POST', body: '01234567890' })).status, 413);
    assert.equal(
      echoOf(await get('/app1/', { method: 'POST', body: 'x'.repeat(1_000_000) })).bodyLength,
      1_000_000,
    );
  });

  it('passes events on as they come, where buffering is off', async () => {
    const { body, piecesAtMs } = await get('/stream/events');
    assert.equal(body, 'data: one\n\ndata: two\n\n');
    assert.ok((piecesAtMs[0] ?? Infinity) < 1000, `the first event came after ${piecesAtMs[0]} ms`);
    assert.ok((piecesAtMs.at(-1) ?? 0) >= 1400);
  });

  it('passes an upload on as it comes, where buffering is off', async () => {
    const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
    const head =
      'POST /stream/upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n';
    // The rest of the body is never sent: only an upload that is passed on gets an answer.
    const seen = await rawExchange(open.port(8080), head + chunk('begin'), (text) => text.includes('first'));
    assert.match(seen, /200 OK/);
  });

  it('compresses text for whoever takes it', async () => {
    const plain = await get('/app1/big');
    const packed = await get('/app1/big', { headers: { 'accept-encoding': 'gzip', via: '1.1 another' } });
    assert.equal(plain.headers['content-encoding'], undefined);
    assert.equal(packed.headers['content-encoding'], 'gzip');
    assert.ok(packed.body.length < plain.body.length / 10);
    assert.match(String(packed.headers.vary), /Accept-Encoding/);
  });

  it('adds headers exactly as written, once each, to every answer', async () => {
    for (const path of [
      '/',
      '/app1/',
      '/nothing',
      '/app1',
      '/empty/',
      '/old/',
      '/nobody/',
      '/app1/headers',
    ]) {
      const { rawHeaders, headers } = await get(path);
      assert.equal(headers['x-price'], '$5 "off"; {x} \\ #', path);
      assert.equal(rawHeaders.filter((each) => each.toLowerCase() === 'x-frame-options').length, 1, path);
      assert.equal(headers['x-frame-options'], 'DENY', path);
      assert.equal(rawHeaders.filter((each) => each.toLowerCase() === 'x-request-id').length, 1, path);
    }
    assert.deepEqual((await get('/app1/headers')).headers['set-cookie'], ['a=b']);
  });

  it('says neither its version nor the server of an app', async () => {
    assert.equal((await get('/app1/headers')).headers.server, 'nginx');
    assert.doesNotMatch((await get('/nothing')).body, /nginx\/\d/);
  });

  it('does not let an app send visitors to another route from inside', async () => {
    assert.equal((await get('/app1/accel?to=/private/')).body, 'direct');
  });

  it('logs each request as one line of JSON, whatever a request holds', async () => {
    await get('/app1/logged?"\\', { headers: { 'user-agent': 'quote " and \\ backslash' } });
    // Lines go out together, a moment later.
    const line = await eventually('the line', async () =>
      (await docker('logs', open.container)).split('\n').find((each) => each.includes('/app1/logged')),
    );
    const entry = JSON.parse(line) as Record<string, unknown>;
    assert.equal(entry['status'], 200);
    assert.equal(entry['userAgent'], 'quote " and \\ backslash');
    assert.equal(entry['upstream'], app1);
    assert.match(String(entry['requestId']), /^[0-9a-f]{32}$/);
  });

  it('answers 404 to other hosts and shows them nothing', async () => {
    for (const host of ['evil.com', '10.0.0.1', 'sub.myserver.org', 'a.b.tenants.org', 'tenants.org']) {
      for (const path of ['/', '/app1/x', '/app1']) {
        const { status, headers, body } = await getNamed(host, path);
        assert.equal(status, 404, `${host}${path}`);
        assert.equal(headers.location, undefined);
        assert.doesNotMatch(body, /app|myserver|Welcome/);
      }
    }
  });

  it('knows its hosts in any case and with any port', async () => {
    for (const host of ['myserver.org', 'MyServer.ORG:8080', 'two.org', 'myserver.org.']) {
      assert.equal(echoOf(await getNamed(host)).app, 'app1', host);
    }
  });

  it("prefers a route of the request's own host, and has the routes of every host there too", async () => {
    assert.equal(echoOf(await getNamed('api.myserver.org')).app, 'app2');
    assert.equal(echoOf(await getNamed('x.tenants.org', '/y')).app, 'app2');
    assert.equal(echoOf(await getNamed('first.tenants.org', '/y')).app, 'app1');
    assert.equal(echoOf(await getNamed('x.tenants.org', '/app1/y')).url, '/y');
    assert.equal(echoOf(await getNamed('x.tenants.org', '/app1/y')).app, 'app1');
  });

  it('is reached by nobody outside on its status port', async () => {
    await assert.rejects(async () =>
      docker('exec', sandbox.nameOf('app1'), 'node', '-e', connectTo(open.container, 9998)),
    );
  });

  it('redirects to HTTPS with the public port, and serves HTTP/1.1 over TLS', async () => {
    const secure = await startNginx(
      sandbox,
      sampleNginx({
        revision: 'c3',
        tls: {
          port: 8443,
          publicPort: 4443,
          certificatePath: '/etc/plumbstack/tls/certificate.pem',
          keyPath: '/etc/plumbstack/tls/key.pem',
          hosts: {},
          redirect: true,
          minVersion: '1.2',
        },
        serverNames: ['myserver.org'],
        headers: { 'Strict-Transport-Security': 'max-age=60' },
        routes: [sampleRoute('/app1/', upstream('app1', app1))],
      }),
      await certificate(),
    );
    const host = { host: 'myserver.org:8080' };
    const plain = await ask({ port: secure.port(8080), path: '/app1/a?b=c', method: 'POST', headers: host });
    assert.deepEqual([plain.status, plain.headers.location], [308, 'https://myserver.org:4443/app1/a?b=c']);
    assert.equal(
      (await ask({ port: secure.port(8080), path: '/', headers: { host: 'evil.com' } })).status,
      404,
    );
    const answer = await ask({ port: secure.port(8443), path: '/app1/a', headers: host, tls: true });
    assert.equal(echoOf(answer).headers['x-forwarded-proto'], 'https');
    assert.equal(answer.headers['strict-transport-security'], 'max-age=60');
    assert.equal(
      (await ask({ port: secure.port(8443), headers: { host: 'evil.com' }, tls: true })).status,
      404,
    );
  });
});

function connectTo(host: string, port: number): string {
  return `require('node:net').connect(${port}, '${host}').on('connect', () => process.exit(0)).on('error', () => process.exit(1))`;
}
