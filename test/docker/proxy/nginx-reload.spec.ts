import assert from 'node:assert/strict';
import { docker, Sandbox, tryDocker, until } from '../../support/docker-cli';
import { anySubnet, hostOf } from '../../support/free-subnet';
import { httpGetCommand } from '@plumbstack/docker/proxy';
import { ask, ConstantLoad, echoOf, startApp, startNginx } from './proxy-lab';
import { sampleNginx, sampleRoute, upstream } from './sample-models';

const subnet = anySubnet();
const host = (number: number): string => hostOf(subnet, number);

describe('nginx when its configuration or its apps change', function () {
  this.timeout(120_000);
  let sandbox: Sandbox;

  before(async () => {
    sandbox = await Sandbox.create('px-reload', subnet);
    await Promise.all([startApp(sandbox, 'one', host(11)), startApp(sandbox, 'two', host(12))]);
  });
  after(() => sandbox?.[Symbol.asyncDispose]());

  const model = (revision: string, address: string): Parameters<typeof startNginx>[1] =>
    sampleNginx({
      revision,
      accessLog: 'off',
      routes: [
        sampleRoute('/app/', upstream('app', `${address}:8000`)),
        sampleRoute('/two/', upstream('two', `${host(12)}:8000`)),
      ],
    });

  it('fails no request while it reloads, and has moved when the revision says so', async () => {
    const nginx = await startNginx(sandbox, model('a1', host(11)));
    const port = nginx.port(8080);
    await using gets = new ConstantLoad({ port, path: '/app/' }, 4);
    await using posts = new ConstantLoad({ port, path: '/app/', method: 'POST', body: 'x' }, 2);
    for (let round = 0; round < 4; round++) {
      const [revision, ip, app] = round % 2 === 0 ? ['b2', host(12), 'two'] : ['a1', host(11), 'one'];
      await nginx.apply(model(revision ?? '', ip ?? ''));
      assert.equal(echoOf(await ask({ port, path: '/app/' })).app, app);
    }
    const results = await Promise.all([gets.stop(), posts.stop()]);
    for (const { sent, failed } of results) {
      assert.ok(sent > 50, `only ${sent} requests`);
      assert.deepEqual(failed, []);
    }
  });

  it('starts without any of its apps, and answers 503 for the missing one alone', async () => {
    await tryDocker('stop', sandbox.nameOf('one'));
    const nginx = await startNginx(sandbox, model('c3', host(11)));
    const port = nginx.port(8080);
    const down = await ask({ port, path: '/app/' });
    assert.deepEqual([down.status, down.headers['retry-after']], [503, '5']);
    assert.equal(echoOf(await ask({ port, path: '/two/' })).app, 'two');
    await docker('start', sandbox.nameOf('one'));
    await until('the app is back', async () => (await ask({ port, path: '/app/' })).status === 200);
  });

  it('answers 502 without Retry-After where an app dies over a request', async () => {
    const nginx = await startNginx(sandbox, model('d4', host(11)));
    const answer = await ask({ port: nginx.port(8080), path: '/app/crash', method: 'POST', body: 'x' });
    assert.deepEqual([answer.status, answer.headers['retry-after']], [502, undefined]);
    await docker('start', sandbox.nameOf('one'));
  });

  it('counts its connections for whoever is inside', async () => {
    const nginx = await startNginx(sandbox, model('e5', host(12)));
    const { stdout } = await tryDocker('exec', nginx.container, ...httpGetCommand(9998, '/stub_status'));
    assert.match(stdout, /^Active connections: \d+/);
    const { code, stderr } = await tryDocker('exec', nginx.container, ...httpGetCommand(9998, '/nothing'));
    assert.deepEqual([code, stderr.trim()], [1, 'status 404']);
  });
});
