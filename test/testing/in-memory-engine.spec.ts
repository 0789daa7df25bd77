import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import { isPlumbstackError, Stack, type PlumbstackErrorCode } from '@plumbstack/core';
import {
  InMemoryEngine,
  InMemoryRuntime,
  pooledStack,
  recordEvents,
  singleAppStack,
} from '@plumbstack/testing';

const app = { image: 'example/api:1' };
/** Until so many feeds and counters are read: what happens before is told as a difference at most. */
async function watching(engine: InMemoryEngine, readers: number): Promise<void> {
  while (engine.readers < readers) await setImmediate();
}

const hasCode = (code: PlumbstackErrorCode) => (error: unknown) => isPlumbstackError(error, code);

describe('InMemoryEngine', () => {
  it('starts a container that crashes again, and tells every runtime', async () => {
    const engine = new InMemoryEngine();
    const [one, two] = [new InMemoryRuntime({ engine }), new InMemoryRuntime({ engine })];
    const deployment = await one.up(pooledStack({ name: 'demo', app }));
    await two.attach('demo');
    const recorders = [one, two].map(({ events }) => recordEvents(events));
    await watching(engine, 4);
    engine.crash('demo-workers-2', { oomKilled: true });
    for (const recorder of recorders) {
      await recorder.waitFor('worker:recovered');
      assert.deepEqual([...recorder.names()].sort(), [
        'container:exited',
        'container:started',
        'worker:recovered',
        'worker:unhealthy',
      ]);
      const [exited] = recorder.of('container:exited');
      assert.deepEqual([exited?.exitCode, exited?.oomKilled, exited?.resource], [137, true, 'demo/workers']);
      recorder[Symbol.dispose]();
    }
    assert.ok((await deployment.status()).healthy);
  });

  it('leaves a crashed container down where its restart policy or the test says so', async () => {
    const runtime = new InMemoryRuntime();
    const stack = new Stack('demo');
    stack.app('stays', { ...app, restart: 'no' });
    stack.app('ends', { ...app, restart: 'on-failure' });
    stack.app('told', app);
    const deployment = await runtime.up(stack);
    runtime.engine.crash('demo-stays');
    runtime.engine.crash('demo-ends', { exitCode: 0 });
    runtime.engine.crash('demo-told', { staysDown: true });
    const { healthy, resources } = await deployment.status();
    assert.equal(healthy, false);
    assert.deepEqual(
      resources.map(({ resource, running, containers }) => [
        resource,
        running,
        containers[0]?.state,
        containers[0]?.exitCode,
      ]),
      [
        ['demo/ends', 0, 'exited', 0],
        ['demo/stays', 0, 'exited', 1],
        ['demo/told', 0, 'exited', 1],
      ],
    );
  });

  it('has what somebody stopped, started again by the next up', async () => {
    const runtime = new InMemoryRuntime();
    const stack = pooledStack({ name: 'demo', app });
    const deployment = await runtime.up(stack);
    runtime.engine.stop('demo-workers-1');
    assert.equal(
      (await deployment.stats('workers')).workers.filter(({ state }) => state === 'down').length,
      1,
    );
    const [step] = (await runtime.plan(stack)).steps.filter(({ action }) => action !== 'keep');
    assert.equal(step?.action, 'update');
    assert.deepEqual(step.reasons, [{ path: 'demo-workers-1.state', from: 'exited', to: 'running' }]);
    await runtime.up(stack);
    assert.ok((await deployment.status()).healthy);
    assert.ok((await runtime.plan(stack)).isEmpty);
  });

  it('has what somebody removed, made again by the next up', async () => {
    const runtime = new InMemoryRuntime();
    const stack = new Stack('demo');
    const workers = stack.pool('workers', { app: stack.app('api', app), replicas: 3 });
    stack.router('web', { publish: 80 }).route('/', workers);
    const deployment = await runtime.up(stack);
    for (const name of ['demo-workers-2', 'demo-workers', 'demo-web']) runtime.engine.remove(name);
    assert.ok(!(await deployment.status()).healthy);
    await runtime.up(stack);
    assert.deepEqual(runtime.engine.containers.map(({ name }) => name).sort(), [
      'demo-web',
      'demo-workers',
      'demo-workers-1',
      'demo-workers-2',
      'demo-workers-3',
    ]);
    assert.ok((await deployment.status()).healthy);
    assert.ok((await runtime.plan(stack)).isEmpty);
  });

  it('tells of a health that changes, once for each change', async () => {
    const runtime = new InMemoryRuntime();
    const deployment = await runtime.up(singleAppStack({ name: 'demo', app }));
    using recorder = recordEvents(deployment.events);
    await watching(runtime.engine, 1);
    for (const health of ['unhealthy', 'unhealthy', 'healthy'] as const)
      runtime.engine.setHealth('demo-api', health);
    await recorder.waitFor('app:healthy');
    assert.deepEqual(recorder.names().slice(-2), ['app:unhealthy', 'app:healthy']);
  });

  it('fails the next change to a resource, once, with the code that was asked for', async () => {
    const runtime = new InMemoryRuntime();
    const stack = singleAppStack({ name: 'demo', app });
    runtime.engine.failNext({ resource: 'demo/api', code: 'START_FAILED', details: { exitCode: 3 } });
    using recorder = recordEvents(runtime.events);
    await assert.rejects(
      runtime.up(stack),
      (error) =>
        isPlumbstackError(error, 'START_FAILED') &&
        error.resource === 'demo/api' &&
        error.details.exitCode === 3,
    );
    assert.equal(recorder.of('step:failed')[0]?.code, 'START_FAILED');
    assert.equal(recorder.of('stack:up:failed')[0]?.code, 'START_FAILED');
    await runtime.up(stack);
    assert.ok((await runtime.plan(stack)).isEmpty);
  });

  it('fails scale, restart and down too', async () => {
    const runtime = new InMemoryRuntime();
    const deployment = await runtime.up(pooledStack({ name: 'demo', app }));
    const verbs = [
      () => deployment.scale('workers', 3),
      () => deployment.restart('workers'),
      () => deployment.down(),
    ];
    for (const verb of verbs) {
      runtime.engine.failNext({ resource: 'demo/workers', code: 'ENGINE_UNREACHABLE' });
      await assert.rejects(verb, hasCode('ENGINE_UNREACHABLE'));
    }
    await deployment.down();
    assert.deepEqual(runtime.engine.containers, []);
  });

  it('refuses a port that a stranger holds, until the stranger lets it go', async () => {
    const runtime = new InMemoryRuntime();
    const stack = new Stack('demo');
    stack.app('api', { ...app, publish: 8080 });
    const held = runtime.engine.holdPort(8080);
    await assert.rejects(
      runtime.up(stack),
      (error) => isPlumbstackError(error, 'PORT_IN_USE') && error.details.port === 8080,
    );
    held[Symbol.dispose]();
    assert.equal((await runtime.up(stack)).endpoint('api').href, 'http://127.0.0.1:8080/');
  });

  it('makes a verb wait for whoever has the turn, and tells for whom', async () => {
    const runtime = new InMemoryRuntime();
    const stack = singleAppStack({ name: 'demo', app });
    const turn = runtime.engine.holdTurn('demo', 'a deploy in CI');
    using recorder = recordEvents(runtime.events);
    const up = runtime.up(stack);
    assert.equal((await recorder.waitFor('lock:waiting')).holder, 'a deploy in CI');
    assert.deepEqual(runtime.engine.containers, []);
    turn[Symbol.dispose]();
    await up;
    assert.deepEqual(recorder.names().filter((name) => name === 'lock:acquired').length, 1);
    assert.equal(runtime.engine.containers.length, 1);
  });

  it('lets the next one in after one that gave up waiting', async () => {
    const runtime = new InMemoryRuntime();
    const stack = singleAppStack({ name: 'demo', app });
    const turn = runtime.engine.holdTurn('demo');
    const controller = new AbortController();
    const impatient = runtime.up(stack, { signal: controller.signal });
    const patient = runtime.up(stack);
    controller.abort(new Error('enough'));
    await assert.rejects(impatient, /enough/);
    turn[Symbol.dispose]();
    assert.ok((await (await patient).status()).healthy);
  });

  it('keeps the lines of a container until the container is gone', async () => {
    const since = new Date('2031-05-06T07:08:09.000Z');
    const engine = new InMemoryEngine({ now: () => since });
    const runtime = new InMemoryRuntime({ engine });
    const deployment = await runtime.up(pooledStack({ name: 'demo', app }));
    engine.log('demo-workers-1', 'one');
    engine.log('demo-workers-2', 'two', { stream: 'stderr' });
    const lines = async (): Promise<readonly object[]> => {
      const all: object[] = [];
      for await (const { at, ...line } of deployment.logs('workers', { since })) {
        assert.ok(at.startsWith('2031-05-06T07:08:09.0'), at);
        all.push(line);
      }
      return all;
    };
    const one = { resource: 'demo/workers', container: 'demo-workers-1', stream: 'stdout', text: 'one' };
    const two = { resource: 'demo/workers', container: 'demo-workers-2', stream: 'stderr', text: 'two' };
    assert.deepEqual(await lines(), [one, two]);
    await deployment.scale('workers', 1);
    assert.deepEqual(await lines(), [one]);
  });

  it('gives lines that are written later to who follows', async () => {
    const engine = new InMemoryEngine();
    const deployment = await new InMemoryRuntime({ engine }).up(singleAppStack({ name: 'demo', app }));
    const controller = new AbortController();
    const texts: string[] = [];
    engine.log('demo-api', 'before');
    for await (const { text } of deployment.logs('api', { follow: true, signal: controller.signal })) {
      texts.push(text);
      if (text === 'before') void setImmediate().then(() => engine.log('demo-api', 'after'));
      else controller.abort();
    }
    assert.deepEqual(texts, ['before', 'after']);
  });

  it('says that no command runs here, until a test says what one answers', async () => {
    const runtime = new InMemoryRuntime();
    const deployment = await runtime.up(pooledStack({ name: 'demo', app }));
    await assert.rejects(deployment.exec('workers', ['date']), hasCode('ENGINE_FAILED'));
    runtime.engine.onExec(({ container, command }) => ({
      exitCode: 0,
      stdout: `${container}: ${command.join(' ')}`,
      stderr: '',
    }));
    runtime.engine.stop('demo-workers-1');
    assert.equal((await deployment.exec('workers', ['date', '-u'])).stdout, 'demo-workers-2: date -u');
    await deployment.scale('workers', 0);
    await assert.rejects(deployment.exec('workers', ['date']), hasCode('NOT_FOUND'));
  });

  it('ends a command that does not end, at its deadline', async () => {
    const runtime = new InMemoryRuntime();
    const deployment = await runtime.up(singleAppStack({ name: 'demo', app }));
    runtime.engine.onExec(() => new Promise(() => undefined));
    await assert.rejects(
      deployment.exec('api', ['sleep', 'infinity'], { timeoutMs: 50 }),
      hasCode('TIMEOUT'),
    );
  });

  it('counts for a pool what the test set, and tells of a queue', async () => {
    const runtime = new InMemoryRuntime();
    const deployment = await runtime.up(pooledStack({ name: 'demo', app }));
    using recorder = recordEvents(deployment.events);
    runtime.engine.setStats('demo/workers', { sessions: 5, queued: 3 });
    runtime.engine.setStats('demo/workers', { sessions: 6 });
    await recorder.waitFor('pool:queue');
    const { sessions, queued, requestsTotal } = await deployment.stats('workers');
    assert.deepEqual([sessions, queued, requestsTotal], [6, 3, 0]);
    assert.deepEqual(
      recorder.of('pool:queue').map((event) => event.queued),
      [3],
    );
  });

  it('names the containers there are where one is not found', () => {
    const { engine } = new InMemoryRuntime();
    assert.throws(() => engine.crash('demo-api'), hasCode('NOT_FOUND'));
    assert.throws(() => engine.log('demo-api', 'text'), hasCode('NOT_FOUND'));
  });
});
