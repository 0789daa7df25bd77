import assert from 'node:assert/strict';
import { renderHaproxy, type HaproxyModel } from '@plumbstack/docker/proxy';
import { putFiles, Sandbox, until } from '../../support/docker-cli';
import { anySubnet, hostOf } from '../../support/free-subnet';
import { HeldConnection } from './held-connection';
import { ask, revisionOf, startApp, startHaproxy, type RunningProxy } from './proxy-lab';
import { sampleHaproxy } from './sample-models';

const subnet = anySubnet();
const slots = [{ number: 1, address: `${hostOf(subnet, 11)}:8000` }];
const health = { type: 'tcp', intervalMs: 500, timeoutMs: 1000, retries: 2 } as const;

describe('what lives long behind HAProxy', function () {
  this.timeout(180_000);
  let sandbox: Sandbox;
  let revision = 0xb0;

  before(async () => {
    sandbox = await Sandbox.create('px-held', subnet);
    await startApp(sandbox, 'w1', hostOf(subnet, 11));
  });
  after(() => sandbox?.[Symbol.asyncDispose]());

  const model = (more: Partial<HaproxyModel> = {}): HaproxyModel =>
    sampleHaproxy({ slots, health, revision: (revision++).toString(16), ...more });

  const isUp = async (proxy: RunningProxy): Promise<boolean> =>
    (await ask({ port: proxy.port(8080) })).status === 200;

  async function start(more: Partial<HaproxyModel> = {}): Promise<RunningProxy> {
    const proxy = await startHaproxy(sandbox, model(more));
    await until('its worker is up', () => isUp(proxy));
    return proxy;
  }

  async function apply(proxy: RunningProxy, next: HaproxyModel): Promise<void> {
    await putFiles(proxy.container, '/etc/plumbstack', renderHaproxy(next));
    await proxy.reload();
    await until('the new configuration is in force', async () => {
      return (await revisionOf(proxy.container, next.adminPort)) === next.revision;
    });
    await until('its worker is up again', () => isUp(proxy));
  }

  const places = [undefined, 5];
  for (const maxConcurrency of places) {
    const few = maxConcurrency === undefined ? {} : { maxConcurrency };
    const where = maxConcurrency === undefined ? '' : ', where places are few';
    it(`goes on over reloads: a WebSocket with traffic, a silent one, and a download${where}`, async () => {
      const proxy = await start(few);
      const port = proxy.port(8080);
      using busy = await HeldConnection.webSocket(port, '/');
      using silent = await HeldConnection.webSocket(port, '/');
      using download = await HeldConnection.request(port, '/stream?id=1');
      for (let reload = 1; reload <= 3; reload++) {
        await apply(proxy, model(few));
        assert.ok(await busy.echoes(`after ${reload}`));
        const { length } = download.seen;
        await until('the download goes on', async () => download.seen.length > length);
      }
      assert.ok(await silent.echoes('still here'));
      await ask({ port, path: '/end-stream?id=1' });
      await until('the download is whole', async () => download.seen.endsWith('end\n\r\n0\r\n\r\n'));
    });
  }

  it('ends by the limit that was in force before the reload', async () => {
    const proxy = await start({ drainTimeoutMs: 1500 });
    using held = await HeldConnection.webSocket(proxy.port(8080), '/');
    using download = await HeldConnection.request(proxy.port(8080), '/stream?id=2');
    await apply(proxy, model());
    await Promise.all([held.closed(), download.closed()]);
    assert.doesNotMatch(download.seen, /end\n/);
  });

  it('ends earlier where eight reloads have left something, the oldest first', async () => {
    const proxy = await start();
    const held: HeldConnection[] = [];
    try {
      for (let reload = 1; reload <= 12; reload++) {
        held.push(await HeldConnection.webSocket(proxy.port(8080), '/'));
        await apply(proxy, model());
      }
      await Promise.all(held.slice(0, 4).map((each) => each.closed()));
      for (const each of held.slice(4)) assert.ok(await each.echoes('hello'));
    } finally {
      for (const each of held) each[Symbol.dispose]();
    }
  });

  for (const maxConcurrency of places) {
    const few = maxConcurrency === undefined ? {} : { maxConcurrency };
    const where = maxConcurrency === undefined ? '' : ', where places are few';
    it(`is a WebSocket as long as its own limit of silence says, whatever that of an answer is${where}`, async () => {
      const long = await start({ ...few, timeoutMs: 1000, webSocketTimeoutMs: 60_000 });
      using lives = await HeldConnection.webSocket(long.port(8080), '/');
      const short = await start({ ...few, timeoutMs: 60_000, webSocketTimeoutMs: 1000 });
      using ends = await HeldConnection.webSocket(short.port(8080), '/');
      const silent = ask({ port: long.port(8080), path: '/slow?ms=20000', method: 'POST' });
      await ends.closed();
      assert.equal((await silent).status, 504);
      assert.ok(await lives.echoes('still here'));
    });
  }
});
