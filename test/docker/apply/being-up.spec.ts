import assert from 'node:assert/strict';
import { isPlumbstackError } from '@plumbstack/core';
import { buildImage, docker } from '../../support/docker-cli';
import { ask, Lab } from '../../support/lab';
import { lightApp } from '../../support/light-app';

const image = 'node:24-slim';
const loopback = { port: 0, host: '127.0.0.1' };

describe('what is up', function () {
  this.timeout(180_000);
  const lab = new Lab();
  afterEach(() => lab.clear());
  after(() => lab.runtime[Symbol.asyncDispose]());

  it('has all its time to come up, however often it ends until what it depends on answers', async () => {
    const stack = lab.stack();
    const listens = "setTimeout(() => require('node:net').createServer().listen(5432), 8000)";
    const db = stack.service('db', { image, command: ['node', '-e', listens] });
    const { command = [] } = lightApp();
    const asks = `require('node:net').connect(5432, 'db').on('error', () => process.exit(1)).on('connect', () => { ${command[2]} })`;
    stack.app('app', lightApp({ command: ['node', '-e', asks], dependsOn: [db], publish: loopback }));
    const deployment = await lab.runtime.up(stack);
    assert.equal((await ask(deployment.endpoint('app'), '/')).path, '/');
  });

  it('is not what ends while others start', async () => {
    const stack = lab.stack();
    const ends = stack.service('ends', {
      image,
      command: ['node', '-e', 'setTimeout(() => process.exit(3), 2000)'],
      restart: 'no',
    });
    const late = `setTimeout(() => { ${lightApp().command?.[2]} }, 6000)`;
    stack.app('app', lightApp({ command: ['node', '-e', late], dependsOn: [ends] }));
    await assert.rejects(lab.runtime.up(stack), (error) => {
      assert.ok(isPlumbstackError(error, 'START_FAILED'), String(error));
      assert.deepEqual([error.resource, error.details['exitCode']], [`${stack.name}/ends`, 3]);
      return true;
    });
    const [ended] = (await (await lab.runtime.attach(stack.name)).status()).resources.filter(
      ({ resource }) => resource === `${stack.name}/ends`,
    );
    assert.equal(ended?.healthy, 0);
  });

  it("is not what its image's own check calls unhealthy, though its port is open", async () => {
    const tag = 'plumbstack-test/wai-unhealthy:1';
    await buildImage(tag, `FROM ${image}\nHEALTHCHECK --interval=200ms --retries=1 CMD exit 1\n`);
    try {
      const stack = lab.stack();
      stack.app('app', { ...lightApp({ startTimeoutMs: 4000 }), image: tag });
      await assert.rejects(lab.runtime.up(stack), { code: 'UNHEALTHY' });
      await lab.clear();
    } finally {
      await docker('rmi', '--force', tag);
    }
  });

  it('is not a pool without a worker that could be restarted', async () => {
    const stack = lab.stack();
    stack.pool('workers', { app: stack.app('app', lightApp()), replicas: 1 });
    const deployment = await lab.runtime.up(stack);
    await docker('stop', `${stack.name}-workers-1`);
    await deployment.restart('workers');
    assert.ok((await deployment.status()).healthy);
    await docker('rm', '--force', `${stack.name}-workers-1`);
    await assert.rejects(deployment.restart('workers'), { code: 'NOT_FOUND' });
  });
});
