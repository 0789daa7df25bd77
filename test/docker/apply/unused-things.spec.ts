import assert from 'node:assert/strict';
import { DockerRuntime } from '@plumbstack/docker';
import type { Stack } from '@plumbstack/core';
import { docker } from '../../support/docker-cli';
import { FaultProxy, type EngineCall } from '../../support/fault-proxy';
import { ask, Lab } from '../../support/lab';
import { lightAppOf } from '../../support/light-app';

/** Longer than a lease without a sign of life is its holder's. */
const standsStillMs = 5000;

describe('an engine that stands still, or loses what does not run, during an update with a stop', function () {
  this.timeout(240_000);
  const lab = new Lab();
  let proxy: FaultProxy;
  let runtime: DockerRuntime;
  let stack: Stack;
  beforeEach(async () => {
    proxy = await FaultProxy.start();
    runtime = new DockerRuntime({ host: proxy.host });
    stack = lab.stack();
    version('1');
    await lab.runtime.up(stack);
  });
  afterEach(async () => {
    await runtime[Symbol.asyncDispose]();
    await lab.clear();
    await proxy[Symbol.asyncDispose]();
  });
  after(() => lab.runtime[Symbol.asyncDispose]());

  /** It holds a port, so the one before goes first. */
  function version(tag: string, command?: readonly string[]): void {
    stack = lab.again(stack);
    const publish = { port: 0, host: '127.0.0.1' };
    stack.app('app', { ...lightAppOf(tag, { publish, stopGraceMs: 1000 }), ...(command && { command }) });
  }

  async function assertServes(tag: string): Promise<void> {
    const deployment = await lab.runtime.attach(stack.name);
    assert.equal((await ask(deployment.endpoint('app'), '/')).version, tag);
  }

  /** The engine answers nobody for a while, from this call on. */
  function standStillAt(where: string): void {
    let still: Promise<void> | undefined;
    proxy.watch({
      aboutToSend: async ({ name }: EngineCall) => {
        if (name === where) still ??= new Promise((resolve) => setTimeout(resolve, standsStillMs));
        await still;
        return undefined;
      },
    });
  }

  /** What `docker container prune` does, to this stack alone, each time that the engine has answered one of these calls. */
  function pruneAfter(...where: readonly string[]): void {
    proxy.watch({
      answered: async ({ name, nth }: EngineCall) => {
        if (!where.includes(name) || nth > 1) return;
        const states = ['created', 'exited'].flatMap((state) => ['--filter', `status=${state}`]);
        const own = ['--filter', `label=io.plumbstack.stack=${stack.name}`];
        const found = await docker('ps', '-aq', ...own, ...states);
        const ids = found.split('\n').filter((id) => id !== '');
        if (ids.length > 0) await docker('rm', ...ids);
      },
    });
  }

  const create = 'POST /containers/create {stack}-app.next';
  const stop = 'POST /containers/{stack}-app/stop';
  const start = 'POST /containers/{stack}-app.next/start';

  for (const where of [create, stop, start]) {
    it(`goes on where it was when it answers again: ${where}`, async () => {
      version('2');
      standStillAt(where);
      await runtime.up(stack);
      await assertServes('2');
      assert.ok((await lab.runtime.plan(stack)).isEmpty);
    });
  }

  it('brings the version before back, where the new one does not come up', async () => {
    version('2', ['sh', '-c', 'exit 3']);
    standStillAt(start);
    await assert.rejects(runtime.up(stack), { code: 'START_FAILED' });
    await assertServes('1');
  });

  it('makes what was removed again, and its lease, and goes on', async () => {
    version('2');
    pruneAfter(create, stop, start);
    await runtime.up(stack);
    await assertServes('2');
    assert.ok((await lab.runtime.plan(stack)).isEmpty);
  });

  it('makes networks again that were removed before anybody was in them', async () => {
    const first = lab.stack();
    first.app('app', lightAppOf('1', { publish: { port: 0, host: '127.0.0.1' } }));
    proxy.watch({
      answered: async ({ name, nth }: EngineCall) => {
        if (name === 'POST /containers/create {stack}-app' && nth === 1)
          await docker('network', 'rm', `${first.name}_app`);
      },
    });
    const deployment = await runtime.up(first);
    assert.equal((await ask(deployment.endpoint('app'), '/')).version, '1');
  });
});
