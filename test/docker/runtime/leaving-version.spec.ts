import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { AppOptions, Stack } from '@plumbstack/core';
import { docker, until } from '../../support/docker-cli';
import { Lab } from '../../support/lab';
import { HeldConnection } from '../proxy/held-connection';
import { ask, echoOf, type Echo } from '../proxy/proxy-lab';

const content = readFileSync(join(__dirname, '../proxy/echo-app.js'), 'utf8');

type Kind = 'app' | 'pool' | 'pool with few places';

/** How long a version that leaves may take where nobody says otherwise. */
const defaultMs = 30_000;

const echoApp = (version: string): AppOptions => ({
  image: 'node:24-slim',
  command: ['node', '/srv/echo-app.js'],
  files: [{ target: '/srv/echo-app.js', content }],
  env: { APP_NAME: version },
  // It waits for its connections when it is to stop; what is left of them is cut.
  stopGraceMs: 500,
});

function described(stack: Stack, kind: Kind, version: string, drainTimeoutMs?: number): Stack {
  const app = stack.app('site', {
    ...echoApp(version),
    ...(drainTimeoutMs !== undefined && { drainTimeoutMs }),
  });
  const places = kind === 'pool' ? {} : { maxConcurrency: 3 };
  const target = kind === 'app' ? app : stack.pool('workers', { app, replicas: 1, ...places });
  stack
    .router('web', { publish: { port: 0, host: '127.0.0.1' } })
    .route('/site/', target, { buffering: false });
  return stack;
}

describe('a version that leaves', function () {
  this.timeout(180_000);
  const lab = new Lab();
  afterEach(() => lab.clear());

  for (const kind of ['app', 'pool', 'pool with few places'] as const) {
    it(`of ${kind === 'app' ? 'an' : 'a'} ${kind} finishes what it has, where it may take long enough`, async () => {
      const stack = lab.stack();
      const deployment = await lab.runtime.up(described(stack, kind, 'one', 60_000));
      const port = Number(deployment.endpoint('web').port);
      // Five seconds by the app's own clock.
      using download = await HeldConnection.request(port, '/site/stream?pieces=100');
      using held = await HeldConnection.webSocket(port, '/site/');
      let isUp = false;
      const up = lab.runtime
        .up(described(lab.again(stack), kind, 'two', 60_000))
        .finally(() => (isUp = true));
      await until('the new version answers', async () => {
        return echoOf(await ask({ port, path: '/site/' })).app === 'two';
      });
      await until('the download is whole', async () => download.seen.endsWith('end\n\r\n0\r\n\r\n'));
      assert.ok(await held.echoes('still here'));
      assert.equal(isUp, false);
      held[Symbol.dispose]();
      download[Symbol.dispose]();
      await up;
    });

    it(`of ${kind === 'app' ? 'an' : 'a'} ${kind} is cut soon after its time`, async () => {
      const stack = lab.stack();
      const deployment = await lab.runtime.up(described(stack, kind, 'one', 2000));
      const port = Number(deployment.endpoint('web').port);
      using download = await HeldConnection.request(port, '/site/stream?id=1');
      using held = await HeldConnection.webSocket(port, '/site/');
      const begin = Date.now();
      await lab.runtime.up(described(lab.again(stack), kind, 'two', 2000));
      await Promise.all([download.closed(), held.closed()]);
      assert.doesNotMatch(download.seen, /end\n/);
      const tookMs = Date.now() - begin;
      assert.ok(tookMs > 2000 && tookMs < defaultMs, `${tookMs} ms`);
    });

    it(`of ${kind === 'app' ? 'an' : 'a'} ${kind} ends with the verb that waits for it`, async () => {
      const stack = lab.stack();
      const deployment = await lab.runtime.up(described(stack, kind, 'one', 600_000));
      const port = Number(deployment.endpoint('web').port);
      using held = await HeldConnection.webSocket(port, '/site/');
      const controller = new AbortController();
      const reason = new Error('enough');
      const up = lab.runtime.up(described(lab.again(stack), kind, 'two', 600_000), {
        signal: controller.signal,
      });
      const rejected = assert.rejects(up, reason);
      await until('the new version answers', async () => {
        return echoOf(await ask({ port, path: '/site/' })).app === 'two';
      });
      controller.abort(reason);
      await rejected;
      assert.ok(await held.echoes('still here'));
    });
  }

  const withoutCat = ['sh', '-c', 'rm "$(command -v cat)" && exec node /srv/echo-app.js'];
  for (const [title, before, after] of [
    ['whose image cannot tell who is connected', { command: withoutCat }, { command: withoutCat }],
    ['that listened on another port', {}, { port: 9000, env: { APP_NAME: 'two', PORT: '9000' } }],
  ] as const) {
    it(`of an app ${title} finishes what it has`, async () => {
      const stack = lab.stack();
      const route = (version: string, more: Partial<AppOptions>): Stack => {
        const next = version === 'one' ? stack : lab.again(stack);
        const app = next.app('site', { ...echoApp(version), drainTimeoutMs: 60_000, ...more });
        next
          .router('web', { publish: { port: 0, host: '127.0.0.1' } })
          .route('/site/', app, { buffering: false });
        return next;
      };
      const deployment = await lab.runtime.up(route('one', before));
      const port = Number(deployment.endpoint('web').port);
      // Longer than anybody waits for idle connections.
      using download = await HeldConnection.request(port, '/site/stream?pieces=200');
      let isUp = false;
      const up = lab.runtime.up(route('two', after)).finally(() => (isUp = true));
      await until('the download is whole', async () => download.seen.endsWith('end\n\r\n0\r\n\r\n'));
      assert.equal(isUp, false);
      download[Symbol.dispose]();
      await up;
      assert.equal(echoOf(await ask({ port, path: '/site/' })).app, 'two');
    });
  }

  it('of an app gets an upload that was still coming in when its successor came', async () => {
    const stack = lab.stack();
    const described = (version: string): Stack => {
      const next = version === 'one' ? stack : lab.again(stack);
      const app = next.app('site', { ...echoApp(version), drainTimeoutMs: 60_000 });
      next.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/site/', app);
      return next;
    };
    const deployment = await lab.runtime.up(described('one'));
    const port = Number(deployment.endpoint('web').port);
    const upload = request({ host: '127.0.0.1', port, path: '/site/', method: 'POST' });
    const answer = once(upload, 'response') as Promise<[IncomingMessage]>;
    const piece = 'x'.repeat(100_000);
    upload.setHeader('Content-Length', 2 * piece.length);
    upload.write(piece);
    await until('the upload has begun', async () => upload.socket?.bytesWritten !== undefined);
    let isUp = false;
    const up = lab.runtime.up(described('two')).finally(() => (isUp = true));
    await until('the new version answers', async () => {
      return echoOf(await ask({ port, path: '/site/' })).app === 'two';
    });
    // Eight seconds by an app's clock: longer than anybody waits for idle connections.
    await ask({ port, path: '/site/stream?pieces=160' });
    assert.equal(isUp, false);
    upload.end(piece);
    const [response] = await answer;
    const { app, bodyLength } = JSON.parse(await text(response)) as Echo;
    assert.deepEqual([response.statusCode, app, bodyLength], [200, 'one', 2 * piece.length]);
    await up;
  });

  it('of an app has another time without another container', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(described(stack, 'app', 'one'));
    const ids = async (): Promise<string> =>
      docker('ps', '--quiet', '--filter', `label=io.plumbstack.stack=${stack.name}`);
    const before = await ids();
    const next = described(lab.again(stack), 'app', 'one', 120_000);
    const { steps } = await lab.runtime.plan(next);
    assert.deepEqual(
      steps.filter(({ action }) => action !== 'keep'),
      [
        {
          action: 'update',
          kind: 'app',
          resource: `${stack.name}/site`,
          reasons: [{ path: 'drainTimeoutMs', from: 30_000, to: 120_000 }],
        },
      ],
    );
    await lab.runtime.up(next);
    assert.equal(await ids(), before);
    assert.ok((await lab.runtime.plan(next)).isEmpty);
    assert.equal(
      echoOf(await ask({ port: Number(deployment.endpoint('web').port), path: '/site/' })).app,
      'one',
    );
  });
});
