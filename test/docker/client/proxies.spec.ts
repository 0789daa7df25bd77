import assert from 'node:assert/strict';
import { Stack } from '@plumbstack/core';
import { proxyVariables } from '@plumbstack/docker/client';
import type { DockerSpec } from '@plumbstack/docker/internal';
import { compiled, poolOf, routerOf, unitOf } from '../compile/compiled';
import { bareMachine } from './fake-engine';
import { image, label, Objects } from './objects';

const engine = 'unix:///var/run/docker.sock';

function machineWith(proxies: unknown): ReturnType<typeof bareMachine> {
  return bareMachine({ '/home/me/.docker/config.json': JSON.stringify({ proxies }) });
}

describe('the proxies of Docker’s configuration', () => {
  it('are variables in capital and in small letters, of the engine or else of all', async () => {
    const machine = machineWith({
      default: { httpProxy: 'http://p:1', noProxy: '.corp', ftpProxy: '', allProxy: 3 },
      'tcp://10.0.0.1:2375': { httpsProxy: 'http://q:2' },
    });
    assert.deepEqual(await proxyVariables(machine, engine), {
      ...{ HTTP_PROXY: 'http://p:1', http_proxy: 'http://p:1' },
      ...{ NO_PROXY: '.corp', no_proxy: '.corp' },
    });
    assert.deepEqual(await proxyVariables(machine, 'tcp://10.0.0.1:2375'), {
      ...{ HTTPS_PROXY: 'http://q:2', https_proxy: 'http://q:2' },
    });
    assert.deepEqual(await proxyVariables(bareMachine(), engine), {});
  });

  it('reach the steps of a build, and lose to its own arguments', async () => {
    const environment = machineWith({ default: { httpProxy: 'http://p:1', httpsProxy: 'http://p:1' } });
    await using objects = await Objects.create({ host: engine, environment });
    const inline = `FROM ${image}\nRUN echo "$http_proxy $HTTPS_PROXY" > /word`;
    const args = { HTTPS_PROXY: 'http://own:2' };
    const tag = objects.imageName('proxied');
    const id = await objects.client.buildImage({
      ...{ dockerfile: 'Dockerfile', args, tag, inline },
      labels: { [label]: objects.run },
    });
    const box = await objects.container('box', { image: id });
    const files = await objects.client.readFiles(box, '/word');
    assert.equal(files?.get('word')?.toString(), 'http://p:1 http://own:2\n');
    assert.equal((await objects.client.info()).proxies?.['http_proxy'], 'http://p:1');
  });

  describe('in containers', () => {
    const proxies = { HTTP_PROXY: 'http://me:word@p:1', http_proxy: 'http://me:word@p:1' };
    const withProxies = (given = proxies): DockerSpec => {
      const stack = new Stack('shop');
      stack.app('api', { image: 'a', port: 1, env: { HTTP_PROXY: 'http://own:2' } });
      stack.service('db', { image: 'd' });
      const pool = stack.pool('workers', { app: stack.app('worker', { image: 'a', port: 1 }), replicas: 1 });
      stack.router('web', { publish: 80 }).route('/', pool);
      const spec = stack.toSpec();
      return compiled(spec, { proxies: given });
    };

    it('are in the environment of apps, services and workers, whose own variables win', () => {
      const desired = withProxies();
      assert.deepEqual(unitOf(desired, 'db').container.creation.env, proxies);
      assert.deepEqual(poolOf(desired, 'workers').worker.container.creation.env, proxies);
      assert.deepEqual(unitOf(desired, 'api').container.creation.env, {
        ...proxies,
        HTTP_PROXY: 'http://own:2',
      });
    });

    it('are not in the environment of our own nginx and HAProxy, which ask nobody outside', () => {
      const desired = withProxies();
      for (const { container } of [routerOf(desired, 'web'), poolOf(desired, 'workers')])
        assert.equal(container.creation.env['HTTP_PROXY'], undefined);
    });

    it('are part of a container’s identity, without what must be in no label', () => {
      const identities = {
        'http://me:p%40ss@p:1': 'http://***@p:1',
        'me:word@p:1': '***@p:1',
        'http://me:p/s@s@p:1': 'http://***@p:1',
        'http://p:1': 'http://p:1',
      };
      for (const [given, shown] of Object.entries(identities)) {
        const { container } = unitOf(withProxies({ HTTP_PROXY: given, http_proxy: given }), 'db');
        assert.deepEqual(container.identity['env'], { HTTP_PROXY: shown, http_proxy: shown });
        assert.equal(container.creation.env['http_proxy'], given);
        if (given !== shown) assert.ok(!JSON.stringify(container.creation.labels).includes(given));
      }
      const digests = [proxies, { ...proxies, http_proxy: 'http://q:1' }].map(
        (given) => unitOf(withProxies(given), 'db').container.digest,
      );
      assert.equal(new Set(digests).size, 2);
    });
  });
});
