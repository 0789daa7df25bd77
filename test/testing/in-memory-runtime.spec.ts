import assert from 'node:assert/strict';
import {
  isPlumbstackError,
  Stack,
  type AppOptions,
  type PlumbstackErrorCode,
  type Plan,
  type PoolOptions,
} from '@plumbstack/core';
import {
  articleStack,
  dataStack,
  InMemoryRuntime,
  pooledStack,
  recordEvents,
  singleAppStack,
} from '@plumbstack/testing';

const app: AppOptions = { image: 'example/api:1' };
const hasCode = (code: PlumbstackErrorCode) => (error: unknown) => isPlumbstackError(error, code);
const changes = ({ steps }: Plan): readonly (readonly string[])[] =>
  steps.filter(({ action }) => action !== 'keep').map(({ action, resource }) => [action, resource]);

describe('InMemoryRuntime', () => {
  it('names containers and workers as a real engine has them', async () => {
    const runtime = new InMemoryRuntime();
    const deployment = await runtime.up(articleStack({ name: 'demo', app }));
    using recorder = recordEvents(runtime.events);
    await deployment.scale('workers', 4);
    await deployment.scale('workers', 1);
    assert.deepEqual(
      recorder.of('worker:joined').map(({ worker, container }) => [worker, container]),
      [
        ['w3', 'demo-workers-3'],
        ['w4', 'demo-workers-4'],
      ],
    );
    assert.deepEqual(
      recorder
        .of('worker:left')
        .map(({ worker }) => worker)
        .sort(),
      ['w2', 'w3', 'w4'],
    );
    assert.deepEqual(Object.fromEntries(runtime.engine.containers.map(({ name, role }) => [name, role])), {
      'demo-app2': 'app',
      'demo-workers': 'balancer',
      'demo-workers-1': 'worker',
      'demo-web': 'router',
    });
  });

  it('keeps built images over down, until it is asked for them', async () => {
    const runtime = new InMemoryRuntime();
    const stack = new Stack('demo');
    stack.app('api', { build: { inline: 'FROM scratch' } });
    stack.service('db', { image: 'example/db:1' });
    using recorder = recordEvents(runtime.events);
    const builds = (): number => recorder.of('image:build:started').length;
    await runtime.up(stack);
    await runtime.down(stack);
    await runtime.up(stack);
    assert.equal(builds(), 1);
    await runtime.down(stack, { images: true });
    assert.deepEqual(
      recorder.of('image:removed').map(({ resource }) => resource),
      ['demo/api'],
    );
    await runtime.up(stack);
    assert.equal(builds(), 2);
    assert.equal(recorder.of('image:pull:started').length, 1);
  });

  it('refuses to scale to what is no number of workers', async () => {
    const deployment = await new InMemoryRuntime().up(pooledStack({ name: 'demo', app }));
    for (const replicas of [-1, 1.5, Number.NaN, 1001]) {
      await assert.rejects(deployment.scale('workers', replicas), hasCode('INVALID_OPTION'));
    }
  });

  it('changes limits and the restart policy without a new container', async () => {
    const runtime = new InMemoryRuntime();
    const before = await (await runtime.up(singleAppStack({ name: 'demo', app }))).status();
    const changed = singleAppStack({ name: 'demo', app: { ...app, restart: 'no', resources: { pids: 50 } } });
    const plan = await runtime.plan(changed);
    assert.deepEqual(changes(plan), [['update', 'demo/api']]);
    const [step] = plan.steps.filter(({ action }) => action !== 'keep');
    assert.deepEqual(step?.reasons.map(({ path }) => path).sort(), ['resources.pids', 'restart']);
    assert.deepEqual(await (await runtime.up(changed)).status(), before);
    assert.ok((await runtime.plan(changed)).isEmpty);
  });

  it('lets two apps swap their ports in one up', async () => {
    const runtime = new InMemoryRuntime();
    const stack = (one: number, two: number): Stack => {
      const made = new Stack('demo');
      made.app('one', { ...app, publish: one });
      made.app('two', { ...app, publish: two });
      return made;
    };
    await runtime.up(stack(8001, 8002));
    const deployment = await runtime.up(stack(8002, 8001));
    assert.deepEqual([deployment.endpoint('one').port, deployment.endpoint('two').port], ['8002', '8001']);
  });

  it('gives the port of a removed app to the one that wants it now', async () => {
    const runtime = new InMemoryRuntime();
    const stack = (name: string): Stack => {
      const made = new Stack('demo');
      made.app(name, { ...app, publish: 8001 });
      return made;
    };
    await runtime.up(stack('old'));
    assert.equal((await runtime.up(stack('new'))).endpoint('new').port, '8001');
  });

  it('makes another kind of resource under the same name', async () => {
    const runtime = new InMemoryRuntime();
    const single = new Stack('demo');
    single.app('api', { ...app, publish: 8001 });
    await runtime.up(single);
    const pooled = new Stack('demo');
    pooled.pool('api', { app: pooled.app('worker', app), replicas: 2, publish: 8001 });
    const plan = await runtime.plan(pooled);
    const step = plan.steps.find(({ resource, kind }) => resource === 'demo/api' && kind === 'pool');
    assert.deepEqual(step?.reasons, [{ path: 'kind', from: 'app', to: 'pool' }]);
    const deployment = await runtime.up(pooled);
    assert.deepEqual(runtime.engine.containers.map(({ name }) => name).sort(), [
      'demo-api',
      'demo-api-1',
      'demo-api-2',
      'demo-api.front',
    ]);
    assert.equal(deployment.endpoint('api').port, '8001');
    assert.ok((await runtime.plan(pooled)).isEmpty);
  });

  it('does not begin what needs something that failed, and does all the rest', async () => {
    const runtime = new InMemoryRuntime();
    const stack = new Stack('demo');
    const store = stack.service('store', app);
    const needs = stack.app('needs', { ...app, dependsOn: [store] });
    stack.app('other', app);
    stack.router('web').route('/', needs);
    runtime.engine.failNext({ resource: 'demo/store', code: 'UNHEALTHY' });
    using recorder = recordEvents(runtime.events);
    await assert.rejects(runtime.up(stack), hasCode('UNHEALTHY'));
    assert.deepEqual(
      recorder.of('step:skipped').map(({ resource, because }) => [resource, because]),
      [['demo/needs', 'demo/store']],
    );
    assert.deepEqual(runtime.engine.containers.map(({ name }) => name).sort(), ['demo-other', 'demo-web']);
    const status = await (await runtime.attach('demo')).status();
    assert.equal(status.healthy, false);
    assert.deepEqual(
      status.resources.map(({ desired, running }) => [desired, running]),
      [
        [1, 0],
        [1, 1],
        [1, 0],
        [1, 1],
      ],
    );
  });

  it('throws several failures of one run together', async () => {
    const runtime = new InMemoryRuntime();
    const stack = new Stack('demo');
    for (const name of ['one', 'two']) {
      stack.app(name, app);
      runtime.engine.failNext({ resource: `demo/${name}`, code: 'IMAGE_PULL_FAILED' });
    }
    await assert.rejects(runtime.up(stack), (error) => {
      assert.ok(isPlumbstackError(error, 'RUN_FAILED'));
      assert.equal(
        (error.details.errors as readonly unknown[]).filter(hasCode('IMAGE_PULL_FAILED')).length,
        2,
      );
      return true;
    });
  });

  it('keeps the old workers where new ones fail, and says that it went back', async () => {
    const runtime = new InMemoryRuntime();
    const first = await (await runtime.up(pooledStack({ name: 'demo', app }))).status();
    runtime.engine.failNext({ resource: 'demo/workers', code: 'UNHEALTHY' });
    using recorder = recordEvents(runtime.events);
    const changed = pooledStack({ name: 'demo', app: { ...app, image: 'example/api:2' } });
    await assert.rejects(runtime.up(changed), hasCode('UNHEALTHY'));
    assert.equal(recorder.of('update:rolledback')[0]?.resource, 'demo/workers');
    assert.deepEqual((await (await runtime.attach('demo')).status()).resources, first.resources);
    assert.ok(!(await runtime.plan(changed)).isEmpty);
  });

  it('starts new workers before the old ones leave, or after, as the update says', async () => {
    for (const order of ['start-first', 'stop-first'] as const) {
      const runtime = new InMemoryRuntime();
      const stack = (env: string) =>
        pooledStack({ name: 'demo', app: { ...app, env: { V: env } }, pool: { update: { order } } });
      await runtime.up(stack('1'));
      using recorder = recordEvents(runtime.events);
      await runtime.up(stack('2'));
      const [joined, left] = ['worker:joined', 'worker:left'] as const;
      const told = recorder.names().filter((name) => name === joined || name === left);
      assert.deepEqual(
        told,
        order === 'start-first' ? [joined, left, joined, left] : [left, joined, left, joined],
      );
      const workers = runtime.engine.containers.filter(({ role }) => role === 'worker');
      assert.deepEqual(
        workers.map(({ env }) => env.V),
        ['2', '2'],
      );
    }
  });

  it('goes on with an update that was aborted between two workers', async () => {
    const runtime = new InMemoryRuntime();
    const stack = (env: string) =>
      pooledStack({ name: 'demo', app: { ...app, env: { V: env } }, replicas: 3 });
    const deployment = await runtime.up(stack('1'));
    const controller = new AbortController();
    {
      using _once = runtime.events.once('worker:left', () => controller.abort(new Error('enough')));
      await assert.rejects(runtime.up(stack('2'), { signal: controller.signal }), /enough/);
    }
    const versions = (): readonly unknown[] =>
      runtime.engine.containers.filter(({ role }) => role === 'worker').map(({ env }) => env.V);
    assert.deepEqual([...versions()].sort(), ['1', '1', '2']);
    using recorder = recordEvents(runtime.events);
    await runtime.up(stack('2'));
    assert.deepEqual(versions(), ['2', '2', '2']);
    assert.equal(recorder.of('worker:joined').length, 2);
    assert.ok((await deployment.status()).healthy);
  });

  it('reads neither file nor environment for a secret, unless it is told how', async () => {
    const stack = new Stack('demo');
    const secrets = [stack.secret('one', { file: './one.txt' }), stack.secret('two', { env: 'TWO' })];
    stack.app('api', { ...app, secrets });
    const runtime = new InMemoryRuntime();
    await runtime.up(stack);
    const given = (): readonly unknown[] =>
      ['one', 'two'].map((name) => runtime.engine.readFile('demo-api', `/run/secrets/${name}`));
    assert.deepEqual(given(), ['file:./one.txt', 'env:TWO']);
    const { engine } = runtime;
    const reading = new InMemoryRuntime({ engine, readSecret: (source) => `read from ${source.type}` });
    assert.deepEqual(changes(await reading.plan(stack)), [['replace', 'demo/api']]);
    await reading.up(stack);
    assert.deepEqual(given(), ['read from file', 'read from env']);
    const nothing = new InMemoryRuntime({ engine, readSecret: () => undefined as unknown as string });
    await assert.rejects(nothing.plan(stack), hasCode('INVALID_OPTION'));
  });

  it('makes a generated secret once, and keeps it over down', async () => {
    const runtime = new InMemoryRuntime();
    const stack = dataStack({ name: 'demo', app });
    await runtime.up(stack);
    const value = runtime.engine.secret('demo/token');
    assert.match(value ?? '', /^[0-9a-f]{64}$/);
    await runtime.down('demo');
    await runtime.up(stack);
    assert.equal(runtime.engine.secret('demo/token'), value);
    await runtime.down('demo', { volumes: true });
    assert.equal(runtime.engine.secret('demo/token'), undefined);
    assert.deepEqual(runtime.engine.volumes, []);
  });

  it('replaces what was given a secret when its value changes, and removes a secret nobody has', async () => {
    const runtime = new InMemoryRuntime();
    await runtime.up(dataStack({ name: 'demo', app, token: 'first' }));
    const changed = dataStack({ name: 'demo', app, token: 'second' });
    const plan = await runtime.plan(changed);
    assert.deepEqual(changes(plan), [
      ['replace', 'demo/store'],
      ['replace', 'demo/api'],
    ]);
    assert.equal(plan.steps.at(-1)?.reasons[0]?.path, 'secrets./run/secrets/token');
    assert.doesNotMatch(JSON.stringify(plan), /first|second/);
    await runtime.up(changed);
    const given = (): unknown => runtime.engine.readFile('demo-api', '/run/secrets/token');
    assert.equal(given(), 'second');
    await runtime.up(singleAppStack({ name: 'demo', app }));
    assert.equal(given(), undefined);
    assert.equal(runtime.engine.volumes.length, 1);
  });

  it('shows no password hash in a plan', async () => {
    const runtime = new InMemoryRuntime();
    const stack = (...hashes: readonly string[]): Stack => {
      const made = new Stack('demo');
      const api = made.app('api', app);
      const web = made.router('web');
      for (const [index, hash] of hashes.entries())
        web.route(`/${index}/`, api, { auth: { users: { me: hash } } });
      return made;
    };
    await runtime.up(stack('$6$aaaa$bbbb'));
    const plan = await runtime.plan(stack('$6$cccc$dddd', '$6$eeee$ffff'));
    assert.deepEqual(changes(plan), [['update', 'demo/web']]);
    assert.doesNotMatch(`${plan.toString()}${JSON.stringify(plan)}`, /aaaa|bbbb|cccc|dddd|eeee|ffff/);
  });

  it('tells an app its public prefix where exactly one route leads to it', async () => {
    const runtime = new InMemoryRuntime();
    const stack = (...prefixes: readonly string[]): Stack => {
      const made = new Stack('demo');
      const api = made.app('api', { ...app, prefixEnv: 'API_PREFIX' });
      const web = made.router('web');
      for (const prefix of prefixes) web.route(prefix, api);
      return made;
    };
    const prefixOf = () => runtime.engine.containers.find(({ name }) => name === 'demo-api')?.env.API_PREFIX;
    await runtime.up(stack('/one/'));
    assert.equal(prefixOf(), '/one');
    await runtime.up(stack('/one/', '/two/'));
    assert.equal(prefixOf(), undefined);
    await runtime.up(stack('/'));
    assert.equal(prefixOf(), undefined);
  });

  it('says what visitors notice of a published pool: of its port, its statistics and its image', async () => {
    const runtime = new InMemoryRuntime();
    const stack = (options: Partial<PoolOptions>): Stack => {
      const made = new Stack('demo');
      made.pool('workers', { app: made.app('worker', app), publish: 8080, ...options });
      return made;
    };
    await runtime.up(stack({}));
    const impactOf = async (options: Partial<PoolOptions>): Promise<readonly unknown[]> => {
      const { steps } = await runtime.plan(stack(options));
      const noticed = steps.filter(({ action, kind }) => action !== 'keep' && kind !== 'image');
      return noticed.map(({ action, impact }) => [action, impact]);
    };
    assert.deepEqual(await impactOf({ image: 'haproxy:other' }), [
      ['replace', 'visitors have up to 30 s to finish what they have begun'],
    ]);
    assert.deepEqual(await impactOf({ trustedProxies: ['192.0.2.1'] }), [
      ['update', 'nginx is reloaded; what visitors have begun may go on for up to 1 h'],
    ]);
    assert.deepEqual(await impactOf({ publish: 8081 }), [
      [
        'replace',
        'nginx is stopped before its successor starts; connections to 127.0.0.1:8081 are refused for a moment',
      ],
    ]);
    assert.deepEqual(await impactOf({ publish: [] }), [
      ['delete', 'nothing answers at 127.0.0.1:8080 any more'],
      ['delete', undefined],
    ]);
    assert.deepEqual(await impactOf({ stats: 8404 }), [
      [
        'replace',
        'its HAProxy is stopped before its successor starts; no answer at 127.0.0.1:8404, 127.0.0.1:8080 meanwhile',
      ],
    ]);
  });

  it("gives endpoints their resource's scheme and address", async () => {
    const stack = new Stack('demo');
    const pem = (name: string) => stack.secret(name, { value: 'PEM' });
    const api = stack.app('api', { ...app, publish: { port: 8001, host: '::1' } });
    stack.service('store', { ...app, publish: 5432 });
    stack.pool('workers', { app: stack.app('worker', app), publish: 8080, stats: 8404 });
    stack
      .router('web', { publish: 8443, tls: { certificate: pem('cert'), key: pem('key') } })
      .route('/', api);
    stack.router('public', { publish: [443, 80], tls: { selfSigned: true } });
    const deployment = await new InMemoryRuntime().up(stack);
    assert.equal(deployment.endpoint('public').href, 'https://127.0.0.1/');
    assert.equal(deployment.endpoint('public', 8080).href, 'http://127.0.0.1/');
    assert.equal(deployment.endpoint('api').href, 'http://[::1]:8001/');
    assert.equal(deployment.endpoint('store').href, 'tcp://127.0.0.1:5432/');
    assert.equal(deployment.endpoint('web').href, 'https://127.0.0.1:8443/');
    assert.equal(deployment.endpoint('workers').href, 'http://127.0.0.1:8080/');
    assert.equal(deployment.endpoint('workers', 8404).href, 'http://127.0.0.1:8404/');
  });

  it('asks which of several ports is meant', async () => {
    const stack = new Stack('demo');
    stack.app('api', { ...app, publish: [8001, { port: 8002, containerPort: 9000 }] });
    const deployment = await new InMemoryRuntime().up(stack);
    assert.throws(() => deployment.endpoint('api'), hasCode('INVALID_OPTION'));
    assert.equal(deployment.endpoint('api', 9000).port, '8002');
  });

  it('pulls an image once for the whole engine', async () => {
    const runtime = new InMemoryRuntime();
    using recorder = recordEvents(runtime.events);
    await runtime.up(articleStack({ name: 'demo', app }));
    assert.deepEqual(
      recorder
        .of('image:pull:finished')
        .map(({ image }) => image)
        .sort(),
      ['example/api:1', 'haproxy:3.2', 'nginx:1.30'],
    );
  });

  it('deletes nothing more after an abort in the middle of down, and the next down removes the rest', async () => {
    const runtime = new InMemoryRuntime();
    await runtime.up(articleStack({ name: 'demo', app }));
    const controller = new AbortController();
    runtime.engine.onCall((call, proceed) => {
      if (call.method === 'removeContainer') controller.abort(new Error('enough'));
      return proceed();
    });
    await assert.rejects(runtime.down('demo', { signal: controller.signal }), /enough/);
    runtime.engine.onCall(undefined);
    assert.ok(runtime.engine.containers.length > 0);
    await runtime.down('demo');
    assert.deepEqual(runtime.engine.containers, []);
  });
});
