import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { docker, putFiles, Sandbox, tryDocker, until } from '../../support/docker-cli';
import { anySubnet, hostOf } from '../../support/free-subnet';
import { httpGetCommand, nginxRevisionCommand, renderNginx } from '@plumbstack/docker/proxy';
import { certificateAt } from '../../support/tls-client';
import { certificate } from './check-configs';
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

  it('says the new revision only when no worker of before takes connections any more', async () => {
    const nginx = await startNginx(sandbox, model('b6', host(11)));
    const inside = (script: string, ...args: readonly string[]): ReturnType<typeof tryDocker> =>
      tryDocker('exec', nginx.container, 'sh', '-c', script, 'sh', ...args);
    const { stdout } = await inside('grep -ls "nginx: worker[ ]process" /proc/[0-9]*/cmdline | head -n 1');
    const old = /\d+/.exec(stdout)?.[0] ?? assert.fail('no worker');
    const revision = (): ReturnType<typeof tryDocker> =>
      tryDocker('exec', nginx.container, ...nginxRevisionCommand(9998));
    assert.equal((await revision()).stdout.trim(), 'b6');
    // One that is stopped cannot be told to end, while all others are.
    assert.equal((await inside('kill -STOP "$1"', old)).code, 0);
    await putFiles(nginx.container, '/etc/plumbstack', renderNginx(model('c7', host(12))));
    await nginx.reload();
    await until('the others have been told', async () => /\b5 workers/.test((await revision()).stderr));
    assert.equal((await revision()).code, 1);
    assert.equal((await inside('kill -CONT "$1"', old)).code, 0);
    await until('it has been told too', async () => (await revision()).code === 0);
    assert.equal((await revision()).stdout.trim(), 'c7');
  });

  it('shows a renewed certificate, though its file is as old as the one before and on its inode', async () => {
    const [before, after] = await Promise.all([certificate('localhost'), certificate('localhost')]);
    const described = sampleNginx({
      revision: 'd8',
      tls: {
        port: 8443,
        publicPort: 443,
        certificatePath: '/etc/plumbstack/tls/certificate.pem',
        keyPath: '/etc/plumbstack/tls/key.pem',
        hosts: {},
        redirect: true,
        minVersion: '1.2',
      },
    });
    const nginx = await startNginx(sandbox, described, before);
    const url = new URL(`https://127.0.0.1:${nginx.port(8443)}`);
    assert.equal((await certificateAt(url)).toString(), new X509Certificate(before[0].content).toString());
    const overwrite = 'at=$(stat -c %Y "$1"); printf %s "$2" > "$1"; touch -d "@$at" "$1"';
    for (const { path, content } of after) {
      const file = `/etc/plumbstack/${path}`;
      await docker('exec', '--user', '0', nginx.container, 'sh', '-c', overwrite, 'sh', file, content);
    }
    await nginx.apply({ ...described, revision: 'e9' });
    assert.equal((await certificateAt(url)).toString(), new X509Certificate(after[0].content).toString());
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
