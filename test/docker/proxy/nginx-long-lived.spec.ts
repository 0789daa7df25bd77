import assert from 'node:assert/strict';
import { Sandbox, until } from '../../support/docker-cli';
import { anySubnet, hostOf } from '../../support/free-subnet';
import { HeldConnection } from './held-connection';
import { ask, hashed, startApp, startNginx } from './proxy-lab';
import { sampleNginx, sampleRoute, upstream } from './sample-models';

const subnet = anySubnet();
const app = `${hostOf(subnet, 11)}:8000`;

describe('what lives long behind nginx', function () {
  this.timeout(180_000);
  let sandbox: Sandbox;

  before(async () => {
    sandbox = await Sandbox.create('px-long', subnet);
    await startApp(sandbox, 'one', hostOf(subnet, 11));
  });
  after(() => sandbox?.[Symbol.asyncDispose]());

  type Model = Parameters<typeof startNginx>[1];
  const model = (revision: string, more: Partial<Model> = {}): Model =>
    sampleNginx({
      revision,
      accessLog: 'off',
      headers: { 'X-Revision': revision },
      routes: [sampleRoute('/app/', upstream('app', app))],
      ...more,
    });

  it('goes on over reloads: a WebSocket with traffic, a silent one, and a download', async () => {
    const nginx = await startNginx(sandbox, model('a0'));
    const port = nginx.port(8080);
    using busy = await HeldConnection.webSocket(port, '/app/');
    using silent = await HeldConnection.webSocket(port, '/app/');
    using download = await HeldConnection.request(port, '/app/stream?id=1');
    for (const revision of ['a1', 'a2', 'a3']) {
      await nginx.apply(model(revision));
      assert.ok(await busy.echoes(`after ${revision}`));
      const { length } = download.seen;
      await until('the download goes on', async () => download.seen.length > length);
    }
    assert.ok(await silent.echoes('still here'));
    await ask({ port, path: '/app/end-stream?id=1' });
    await until('the download is whole', async () => download.seen.endsWith('end\n\r\n0\r\n\r\n'));
  });

  it('ends by the limit that was in force before the reload', async () => {
    const nginx = await startNginx(sandbox, model('b0', { drainTimeoutMs: 1500 }));
    const port = nginx.port(8080);
    using held = await HeldConnection.webSocket(port, '/app/');
    using download = await HeldConnection.request(port, '/app/stream?id=2');
    await nginx.apply(model('b1'));
    using later = await HeldConnection.webSocket(port, '/app/');
    await Promise.all([held.closed(), download.closed()]);
    assert.doesNotMatch(download.seen, /end\n/);
    await nginx.apply(model('b2', { drainTimeoutMs: 1500 }));
    assert.ok(await later.echoes('an hour is left'));
  });

  it('ends earlier where eight reloads have left something, the oldest first', async () => {
    const nginx = await startNginx(sandbox, model('c0'));
    const port = nginx.port(8080);
    const held: HeldConnection[] = [];
    try {
      for (let reload = 1; reload <= 12; reload++) {
        held.push(await HeldConnection.webSocket(port, '/app/'));
        await nginx.apply(model(`c${reload}`));
      }
      await Promise.all(held.slice(0, 4).map((each) => each.closed()));
      for (const each of held.slice(4)) assert.ok(await each.echoes('hello'));
    } finally {
      for (const each of held) each[Symbol.dispose]();
    }
  });

  it('is a WebSocket as long as its own limit of silence says, and an answer as long as its', async () => {
    const route = (prefix: string, webSocketTimeoutMs: number): ReturnType<typeof sampleRoute> =>
      sampleRoute(prefix, upstream('app', app), { timeoutMs: 1000, webSocketTimeoutMs });
    const routes = [route('/long/', 60_000), route('/short/', 1000)];
    const nginx = await startNginx(sandbox, model('d0', { routes }));
    const port = nginx.port(8080);
    using long = await HeldConnection.webSocket(port, '/long/');
    using short = await HeldConnection.webSocket(port, '/short/');
    const [silent] = await Promise.all([ask({ port, path: '/long/slow?ms=20000' }), short.closed()]);
    assert.equal(silent.status, 504);
    assert.ok(await long.echoes('still here'));
  });

  for (const [title, path, options, url] of [
    ['below its prefix', '/app/', {}, '/a/b?c=d'],
    ['with its prefix', '/app/', { stripPrefix: false }, '/app/a/b?c=d'],
    ['at the root', '/', {}, '/a/b?c=d'],
  ] as const) {
    it(`is led to the app's path ${title}, whatever its limits are`, async () => {
      for (const webSocketTimeoutMs of [60_000, 5000]) {
        const route = sampleRoute(path, upstream('app', app), { ...options, webSocketTimeoutMs });
        const nginx = await startNginx(
          sandbox,
          model(webSocketTimeoutMs === 5000 ? 'e1' : 'e0', { routes: [route] }),
        );
        using held = await HeldConnection.webSocket(nginx.port(8080), `${path}a/b?c=d`);
        assert.deepEqual([held.status, /^X-Url: (.*)$/im.exec(held.head)?.[1]], [101, url]);
        await sandbox.remove(nginx.container);
      }
    });
  }

  it('is let in by the guards of its route alone', async () => {
    const to = upstream('app', app);
    const closed = { retryAfterSeconds: 60, except: [] };
    const nginx = await startNginx(
      sandbox,
      model('f0', {
        routes: [
          sampleRoute('/secret/', to, { auth: { realm: 'r', users: { ada: await hashed('pass') } } }),
          sampleRoute('/denied/', to, { deny: ['0.0.0.0/0'] }),
          sampleRoute('/elsewhere/', to, { allow: ['192.0.2.1'] }),
          sampleRoute('/few/', to, { rateLimit: { requestsPerSecond: 1 / 60, burst: 0 } }),
          sampleRoute('/closed/', to, { maintenance: closed }),
          sampleRoute('/nobody/', upstream('none')),
          sampleRoute('/gone/', upstream('gone', `${hostOf(subnet, 99)}:8000`)),
        ],
      }),
    );
    const statusOf = async (
      path: string,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<number> => {
      using held = await HeldConnection.webSocket(nginx.port(8080), path, headers);
      return held.status;
    };
    const basic = (password: string): Readonly<Record<string, string>> => ({
      Authorization: `Basic ${Buffer.from(`ada:${password}`).toString('base64')}`,
    });
    assert.equal(await statusOf('/secret/'), 401);
    assert.equal(await statusOf('/secret/', basic('wrong')), 401);
    assert.equal(await statusOf('/secret/', basic('pass')), 101);
    assert.equal(await statusOf('/denied/'), 403);
    assert.equal(await statusOf('/elsewhere/'), 403);
    assert.equal(await statusOf('/few/'), 101);
    assert.equal(await statusOf('/few/'), 429);
    assert.equal(await statusOf('/closed/'), 503);
    assert.equal(await statusOf('/nobody/'), 503);
    assert.equal(await statusOf('/gone/'), 503);
  });
});
