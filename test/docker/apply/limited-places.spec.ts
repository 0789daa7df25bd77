import assert from 'node:assert/strict';
import { DockerRuntime } from '@plumbstack/docker';
import { FaultProxy } from '../../support/fault-proxy';
import { Lab } from '../../support/lab';
import { lightApp } from '../../support/light-app';

/** Longest time that a run which is told to end may take for it, on a machine that others use too. */
const soonMs = 5000;

describe('a run with a limited number of places', function () {
  this.timeout(180_000);
  const lab = new Lab();
  afterEach(() => lab.clear());
  after(() => lab.runtime[Symbol.asyncDispose]());

  /** Workers that wait for HAProxy before they start, as HAProxy cannot see what their check asks. */
  const health = { command: ['true'], intervalMs: 1000 };

  it('starts a pool of as many workers as there are places, which wait for its HAProxy', async () => {
    const stack = lab.stack();
    stack.pool('workers', { app: stack.app('app', lightApp({ health })), replicas: 8 });
    const deployment = await lab.runtime.up(stack, { timeoutMs: 90_000 });
    const { healthy } = await deployment.status();
    assert.ok(healthy);
  });

  it('brings up pools, what depends on them and routers through a single place', async () => {
    await using runtime = new DockerRuntime({ concurrency: 1 });
    const stack = lab.stack();
    const cache = stack.service('cache', lightApp({ health }));
    const pool = stack.pool('workers', {
      app: stack.app('app', lightApp({ health, dependsOn: [cache] })),
      replicas: 2,
    });
    const api = stack.app('api', lightApp({ dependsOn: [pool] }));
    stack
      .router('web', { publish: { port: 0, host: '127.0.0.1' } })
      .route('/api/', api)
      .route('/pool/', pool);
    const deployment = await runtime.up(stack, { timeoutMs: 120_000 });
    assert.ok((await deployment.status()).healthy);
    await runtime.down(stack, { timeoutMs: 60_000 });
  });

  it('ends soon after it is told to, whatever it waits for, and leaves nobody waiting', async () => {
    await using proxy = await FaultProxy.start();
    await using runtime = new DockerRuntime({ host: proxy.host });
    const stack = lab.stack();
    stack.pool('workers', { app: stack.app('app', lightApp({ health })), replicas: 16 });
    const reached = new Promise<void>((resolve) =>
      proxy.watch({
        aboutToSend: ({ name }) => {
          if (name !== 'POST /containers/{stack}-workers/start') return undefined;
          resolve();
          return 'hang';
        },
      }),
    );
    const controller = new AbortController();
    const reason = new Error('enough');
    const up = runtime.up(stack, { signal: controller.signal });
    await reached;
    const begin = performance.now();
    controller.abort(reason);
    await assert.rejects(up, (error) => error === reason);
    const took = performance.now() - begin;
    assert.ok(took < soonMs, `${Math.round(took)} ms`);
    await lab.runtime.down(stack, { timeoutMs: 30_000 });
  });
});
