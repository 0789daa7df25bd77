import assert from 'node:assert/strict';
import { DockerRuntime } from '@plumbstack/docker';
import type { AppOptions, Stack } from '@plumbstack/core';
import { FaultProxy } from '../../support/fault-proxy';
import { ask, Lab } from '../../support/lab';
import { lightAppOf } from '../../support/light-app';

const loopback = { port: 0, host: '127.0.0.1' };

describe('an update that was interrupted while its new version ran and did not answer', function () {
  this.timeout(180_000);
  const lab = new Lab();
  afterEach(() => lab.clear());
  after(() => lab.runtime[Symbol.asyncDispose]());

  /** A process that dies there does nothing more: neither is the new one removed, nor the old one started. */
  async function interrupted(stack: Stack): Promise<void> {
    await using proxy = await FaultProxy.start();
    await using runtime = new DockerRuntime({ host: proxy.host });
    const controller = new AbortController();
    proxy.watch({
      aboutToSend: ({ name }) =>
        controller.signal.aborted && / \/containers\/\{stack\}-app/.test(name) && !name.startsWith('GET')
          ? 500
          : undefined,
      answered: ({ name }) => {
        if (name === 'POST /containers/{stack}-app.next/start') controller.abort(new Error('killed'));
      },
    });
    await assert.rejects(runtime.up(stack, { signal: controller.signal }));
  }

  for (const [title, options] of [
    ['beside the old one', {}],
    ['in its place', { publish: loopback }],
  ] as readonly [string, AppOptions][]) {
    it(`gives the new one no request and brings the old one back: ${title}`, async () => {
      const name = lab.stack().name;
      const version = (tag: string, more: AppOptions = {}): Stack => {
        const stack = lab.again({ name } as Stack);
        const app = stack.app('app', { ...lightAppOf(tag, { stopGraceMs: 1000, ...options }), ...more });
        stack.router('web', { publish: loopback }).route('/', app);
        return stack;
      };
      const silent = { command: ['node', '-e', 'setInterval(() => {}, 1000)'], startTimeoutMs: 4000 };
      const deployment = await lab.runtime.up(version('1'));
      await interrupted(version('2', silent));
      const plan = await lab.runtime.plan(version('2', silent));
      assert.ok(!plan.isEmpty);
      await assert.rejects(lab.runtime.up(version('2', silent)), { code: 'UNHEALTHY' });
      assert.equal((await ask(deployment.endpoint('web'), '/')).version, '1');
      await interrupted(version('2', silent));
      await lab.runtime.up(version('1'));
      assert.equal((await ask(deployment.endpoint('web'), '/')).version, '1');
      await interrupted(version('2', silent));
      await lab.runtime.up(version('3'));
      assert.equal((await ask(deployment.endpoint('web'), '/')).version, '3');
      assert.ok((await lab.runtime.plan(version('3'))).isEmpty);
    });
  }
});
