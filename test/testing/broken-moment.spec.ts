import assert from 'node:assert/strict';
import {
  isPlumbstackError,
  Stack,
  type AppOptions,
  type PlumbstackError,
  type PlumbstackErrorCode,
  type WaitOptions,
} from '@plumbstack/core';
import type { ContainerCreation, NetworkCreation } from '@plumbstack/docker/client';
import { emptyImage } from '@plumbstack/docker/internal';
import { InMemoryEngine, InMemoryRuntime, recordEvents } from '@plumbstack/testing';

const app = { image: 'example/api:1' };

async function rejection(work: Promise<unknown>, code: PlumbstackErrorCode): Promise<PlumbstackError> {
  const error = await work.then(
    () => assert.fail(`it resolved, and should have rejected with ${code}`),
    (reason: unknown) => reason,
  );
  if (!isPlumbstackError(error, code)) throw error;
  return error;
}

/** The error of a verb whose time ends at the moment that the words tell of: how long it takes there is the machine's. */
async function timedOut(
  verb: (options: WaitOptions) => Promise<unknown>,
  words: RegExp,
): Promise<PlumbstackError> {
  for (let timeoutMs = 50; ; timeoutMs *= 2) {
    const error = await rejection(verb({ timeoutMs }), 'TIMEOUT');
    if (words.test(error.message) || timeoutMs > 10_000) {
      assert.match(error.message, words);
      return error;
    }
  }
}

/** A router before a pool and an app, which depends on a service. */
function shop(): Stack {
  const stack = new Stack('shop');
  const store = stack.service('store', { image: 'example/store:1' });
  const api = stack.app('api', { ...app, dependsOn: [store] });
  const workers = stack.pool('workers', { app: stack.app('worker', app), replicas: 3, publish: 0 });
  stack.router('web', { publish: 0 }).route('/', workers).route('/api/', api);
  return stack;
}

async function assertWell(runtime: InMemoryRuntime, stack: Stack): Promise<void> {
  const plan = await runtime.plan(stack);
  assert.ok(plan.isEmpty, plan.toString());
  assert.ok((await (await runtime.attach(stack.name)).status()).healthy);
  const unanswered = runtime.engine.routes.filter(({ answers }) => !answers);
  assert.deepEqual(unanswered, []);
}

/** A container of somebody else, in a network of a stack. */
async function stranger(engine: InMemoryEngine, name: string, network: string): Promise<void> {
  engine.addImage(emptyImage.reference);
  const { networks: _, ...creation } = emptyImage.creation;
  const networks = { [network]: { aliases: [] } };
  const id = await engine.client.createContainer({ ...creation, name, labels: {}, networks });
  await engine.client.startContainer(id);
}

describe('Verbs at a broken moment', () => {
  const parts = [
    ...['shop-workers', 'shop-workers.front', 'shop-workers-1', 'shop-workers-2', 'shop-workers-3'],
    ...['shop-web', 'shop-api', 'shop-store'],
  ];

  describe('repair', () => {
    it('starts again whatever was stopped, paused or crashed, one or all', async () => {
      const breaks: readonly ((engine: InMemoryEngine, name: string) => void)[] = [
        (engine, name) => engine.stop(name),
        (engine, name) => engine.pause(name),
        (engine, name) => engine.crash(name, { staysDown: true }),
      ];
      for (const broken of [...parts.map((each) => [each]), parts])
        for (const breakIt of breaks) {
          const runtime = new InMemoryRuntime();
          const deployment = await runtime.up(shop());
          for (const each of broken) breakIt(runtime.engine, each);
          await deployment.repair();
          await assertWell(runtime, shop());
        }
    });

    it('makes a removed HAProxy and removed workers again, from another process', async () => {
      const lost = [
        ['shop-workers'],
        ['shop-workers-2'],
        ['shop-workers', 'shop-workers-1', 'shop-workers-2', 'shop-workers-3'],
      ];
      for (const names of lost) {
        const engine = new InMemoryEngine();
        const runtime = new InMemoryRuntime({ engine });
        await runtime.up(shop());
        for (const each of names) engine.remove(each);
        const deployment = await new InMemoryRuntime({ engine }).attach('shop');
        await deployment.repair('workers');
        await assertWell(runtime, shop());
        assert.deepEqual(
          engine.objects.filter(({ name }) => name.endsWith('.copy')),
          [],
        );
      }
    });

    it('brings a HAProxy back to the address that routers know', async () => {
      const runtime = new InMemoryRuntime();
      const version = (image: string): Stack => {
        const stack = new Stack('shop');
        const workers = stack.pool('workers', { app: stack.app('worker', app), replicas: 1, image });
        stack.router('web', { publish: 0 }).route('/', workers);
        return stack;
      };
      await runtime.up(version('haproxy:3.2'));
      const deployment = await runtime.up(version('haproxy:3.3'));
      const before = runtime.engine.routes;
      runtime.engine.remove('shop-workers');
      await deployment.repair();
      assert.deepEqual(runtime.engine.routes, before);
      await assertWell(runtime, version('haproxy:3.3'));
    });

    it('keeps as many workers as scale has set', async () => {
      const runtime = new InMemoryRuntime();
      const deployment = await runtime.up(shop());
      await deployment.scale('workers', 5);
      for (const each of ['shop-workers', 'shop-workers-4']) runtime.engine.remove(each);
      await deployment.repair();
      const { resources } = await deployment.status();
      const { desired, healthy } = resources.find(({ kind }) => kind === 'pool') ?? assert.fail();
      assert.deepEqual([desired, healthy], [5, 5]);
    });

    it('leaves what is well alone', async () => {
      const runtime = new InMemoryRuntime();
      const deployment = await runtime.up(shop());
      const facts = (): readonly string[] =>
        runtime.engine.objects.map(({ kind, name, facts }) => `${kind} ${name} ${facts}`);
      const before = facts();
      await deployment.repair();
      assert.deepEqual(facts(), before);
    });

    it('puts a container back into its network, and a router into that of a target', async () => {
      const runtime = new InMemoryRuntime();
      const deployment = await runtime.up(shop());
      const { client } = runtime.engine;
      await client.disconnectNetwork('shop_api', 'shop-api');
      await client.disconnectNetwork('shop_api', 'shop-web');
      assert.equal((await deployment.status()).healthy, false);
      await deployment.repair();
      await assertWell(runtime, shop());
    });

    it('names what only the program brings back, and brings back the rest', async () => {
      const runtime = new InMemoryRuntime();
      const deployment = await runtime.up(shop());
      runtime.engine.remove('shop-api');
      runtime.engine.stop('shop-workers');
      const error = await rejection(deployment.repair(), 'NOT_FOUND');
      assert.equal(error.resource, 'shop/api');
      assert.match(error.hint ?? '', /\bup\b/);
      runtime.engine.remove('shop-store');
      const both = await rejection(deployment.repair(), 'RUN_FAILED');
      assert.match(both.message, /shop\/api/);
      assert.match(both.message, /shop\/store/);
      await runtime.up(shop());
      await assertWell(runtime, shop());
    });

    it('does one resource alone where it is asked for one', async () => {
      const runtime = new InMemoryRuntime();
      const deployment = await runtime.up(shop());
      for (const each of ['shop-workers.front', 'shop-workers', 'shop-api']) runtime.engine.stop(each);
      await deployment.repair('shop/workers');
      const state = (name: string): string | undefined =>
        runtime.engine.containers.find((each) => each.name === name)?.state;
      assert.deepEqual(['shop-workers.front', 'shop-workers', 'shop-api'].map(state), [
        'running',
        'running',
        'exited',
      ]);
      const error = await rejection(deployment.repair('worker'), 'NOT_FOUND');
      assert.match(error.hint ?? '', /api, store, web, workers/);
    });

    it('waits for its turn, and ends with its signal', async () => {
      const runtime = new InMemoryRuntime();
      const deployment = await runtime.up(shop());
      runtime.engine.stop('shop-workers');
      using _turn = runtime.engine.holdTurn('shop', 'a deploy');
      const words = /the lease of the stack, which a deploy has/;
      await timedOut((options) => deployment.repair(undefined, options), words);
    });
  });

  it('restarts a pool whose HAProxy is stopped, crashed or gone', async () => {
    const breaks: readonly ((engine: InMemoryEngine) => void)[] = [
      (engine) => engine.stop('shop-workers'),
      (engine) => engine.pause('shop-workers'),
      (engine) => engine.remove('shop-workers'),
    ];
    for (const breakIt of breaks) {
      const runtime = new InMemoryRuntime();
      const deployment = await runtime.up(shop());
      breakIt(runtime.engine);
      using recorder = recordEvents(deployment.events);
      await deployment.restart('workers');
      const restarted = recorder.of('worker:joined').map(({ worker }) => worker);
      assert.deepEqual([...new Set(restarted)].sort(), ['w1', 'w2', 'w3']);
      await assertWell(runtime, shop());
    }
  });

  it('removes a worker that a call of an aborted run makes late, and does not take it for one that failed', async () => {
    const engine = new InMemoryEngine();
    let isLate = false;
    const runtime = new InMemoryRuntime({
      engine,
      onCall: async ({ method, args }, proceed) => {
        const [creation] = args as readonly [ContainerCreation];
        if (method === 'createContainer' && creation.name === 'shop-workers-1' && !isLate) {
          isLate = true;
          await engine.client.createContainer({ ...creation, name: 'shop-workers-9' });
        }
        return proceed();
      },
    });
    await runtime.up(shop());
    assert.ok(isLate);
    assert.ok(engine.containers.every(({ name }) => name !== 'shop-workers-9'));
    await assertWell(runtime, shop());
  });

  it('tries a subnet before anything goes for it: of what an engine refuses, its list need not tell', async () => {
    const engine = new InMemoryEngine();
    const version = (subnet: string): Stack => {
      const stack = new Stack('shop', { subnet });
      stack.pool('workers', { app: stack.app('worker', app), replicas: 2, publish: 0 });
      return stack;
    };
    await new InMemoryRuntime({ engine }).up(version('10.8.1.0/24'));
    const before = engine.objects;
    let theirs: string | undefined;
    const runtime = new InMemoryRuntime({
      engine,
      onCall: async ({ method }, proceed) => {
        const addresses = { subnet: '10.8.2.0/24', gateway: '10.8.2.1', dynamicRange: '10.8.2.128/25' };
        if (method === 'createNetwork')
          theirs ??= await engine.client.createNetwork({ name: 'theirs', labels: {}, ...addresses });
        return proceed();
      },
    });
    await rejection(runtime.up(version('10.8.2.0/24')), 'ENGINE_FAILED');
    assert.deepEqual(
      engine.objects.filter(({ name }) => name !== 'theirs' && name !== 'shop.lease'),
      before,
    );
  });

  it('goes on with a network that a call of an aborted run makes late, with other addresses', async () => {
    const engine = new InMemoryEngine();
    const late = new Set<string>();
    const runtime = new InMemoryRuntime({
      engine,
      onCall: async ({ method, args }, proceed) => {
        const [creation] = args as readonly [NetworkCreation];
        if (method === 'createNetwork' && /_(workers|api)/.test(creation.name) && !late.has(creation.name)) {
          const at = (rest: string): string => `10.9.${late.size}.${rest}`;
          const addresses = { subnet: at('0/24'), gateway: at('1'), dynamicRange: at('128/25') };
          await engine.client.createNetwork({ ...creation, ...addresses });
          late.add(creation.name);
        }
        return proceed();
      },
    });
    await runtime.up(shop());
    assert.ok(late.size > 1);
    const networks = await engine.client.listNetworks();
    for (const each of late)
      assert.match(networks.find(({ name }) => name === each)?.subnets[0] ?? '', /^10\.9\./, each);
    await assertWell(runtime, shop());
  });

  it('says of a pool without a running HAProxy what is missing, and of no pool that it is none', async () => {
    const runtime = new InMemoryRuntime();
    const deployment = await runtime.up(shop());
    const none = await rejection(deployment.stats('api'), 'NOT_FOUND');
    assert.match(none.message, /no pool/);
    runtime.engine.stop('shop-workers');
    const stopped = await rejection(deployment.stats('workers'), 'NOT_FOUND');
    assert.match(stopped.message, /shop-workers, does not run: it is exited/);
    assert.match(stopped.hint ?? '', /repair\("workers"\)/);
    runtime.engine.remove('shop-workers');
    const gone = await rejection(deployment.stats('workers'), 'NOT_FOUND');
    assert.match(gone.message, /its HAProxy is gone/);
    assert.doesNotMatch(gone.message, /[Oo]nly a pool/);
  });

  it('shows images by name and id, also where the name has moved', async () => {
    const runtime = new InMemoryRuntime();
    const deployment = await runtime.up(shop());
    const before = runtime.engine.containers.map(({ name, image }) => [name, image]);
    runtime.engine.addImage(app.image, { id: `sha256:${'7'.repeat(64)}` });
    const { resources } = await deployment.status();
    const seen = resources.find(({ resource }) => resource === 'shop/api')?.containers[0];
    assert.equal(seen?.image, app.image);
    assert.match(seen.imageId, /^sha256:(?!7{64})[0-9a-f]{64}$/);
    // What is started again, or made again from the record, is what ran before.
    await deployment.restart('api');
    runtime.engine.remove('shop-workers-2');
    await deployment.repair();
    const after = runtime.engine.containers.map(({ name, image }) => [name, image]);
    assert.deepEqual(after.sort(), before.sort());
  });

  it('tells failures of the engine with names', async () => {
    const runtime = new InMemoryRuntime();
    const deployment = await runtime.up(shop());
    const { id } = runtime.engine.containers.find(({ name }) => name === 'shop-api') ?? assert.fail();
    runtime.engine.onCall(async ({ method, args }, proceed) => {
      // Somebody stops it in the very moment.
      if (method === 'exec' && args[0] === id) runtime.engine.stop('shop-api');
      return proceed();
    });
    const error = await rejection(deployment.exec('api', ['date']), 'ENGINE_FAILED');
    assert.match(error.message, /container shop-api is not running/);
    assert.doesNotMatch(`${error.message} ${JSON.stringify(error.details)}`, /[0-9a-f]{64}/);
  });

  describe('the end of a time', () => {
    it('says what was waited for, and what was seen last', async () => {
      const runtime = new InMemoryRuntime();
      runtime.engine.onStart(() => ({ answersAfterMs: Infinity }));
      const stack = new Stack('shop');
      stack.app('api', { ...app, port: 8000 });
      const words = /It waited for shop\/api to have an (open|answer).*port 8000 \(last: /;
      const error = await timedOut((options) => runtime.up(stack, options), words);
      assert.equal((error.details['waitedFor'] as readonly string[]).length, 1);
    });

    it('names a few of many', async () => {
      const runtime = new InMemoryRuntime();
      runtime.engine.onStart(() => ({ answersAfterMs: Infinity }));
      const stack = new Stack('shop');
      for (const index of Array(8).keys()) stack.app(`api${index}`, app);
      await timedOut((options) => runtime.up(stack, options), /; 5 more\./);
    });

    it('names the call that the engine does not answer', async () => {
      const runtime = new InMemoryRuntime();
      const deployment = await runtime.up(shop());
      runtime.engine.onCall(({ method }, proceed) =>
        method === 'restartContainer' ? new Promise(() => undefined) : proceed(),
      );
      const words = /It waited for the engine to restart container shop-api\./;
      await timedOut((options) => deployment.restart('api', options), words);
    });

    it('names who has the turn', async () => {
      const runtime = new InMemoryRuntime();
      await runtime.up(shop());
      using _turn = runtime.engine.holdTurn('shop', 'process 12 on host x');
      const words = /the lease of the stack, which process 12 on host x has/;
      await timedOut((options) => runtime.down('shop', options), words);
    });
  });

  describe("somebody else's container in a network of the stack", () => {
    const networks = (engine: InMemoryEngine): readonly string[] =>
      engine.objects.flatMap(({ kind, name }) => (kind === 'network' ? [name] : []));

    it('is named by down before anything goes, and left where it is', async () => {
      for (const count of [1, 8]) {
        const runtime = new InMemoryRuntime();
        const deployment = await runtime.up(shop());
        const names = Array.from({ length: count }, (_, index) => `guest-${index}`);
        for (const each of names) await stranger(runtime.engine, each, 'shop_api');
        const before = runtime.engine.objects.map(({ name, facts }) => `${name} ${facts}`);
        const error = await rejection(deployment.down(), 'NOT_OURS');
        for (const each of names)
          assert.ok(error.hint?.includes(`docker network disconnect shop_api ${each}`), error.hint);
        const after = runtime.engine.objects.map(({ name, facts }) => `${name} ${facts}`);
        assert.deepEqual(
          after.filter((each) => !each.startsWith('shop.lease')),
          before,
        );
        for (const each of names) await runtime.engine.client.disconnectNetwork('shop_api', each);
        await deployment.down();
        assert.deepEqual(networks(runtime.engine), []);
      }
    });

    it('is no matter while it does not run', async () => {
      const runtime = new InMemoryRuntime();
      const deployment = await runtime.up(shop());
      await stranger(runtime.engine, 'guest', 'shop_api');
      runtime.engine.stop('guest');
      await deployment.down();
      assert.deepEqual(networks(runtime.engine), []);
    });

    it('is named where it comes while the stack goes', async () => {
      const runtime = new InMemoryRuntime();
      const deployment = await runtime.up(shop());
      const { client } = runtime.engine;
      const { id } = (await client.listNetworks()).find(({ name }) => name === 'shop_api') ?? assert.fail();
      runtime.engine.onCall(async ({ method, args }, proceed) => {
        if (method === 'removeNetwork' && args[0] === id) await stranger(runtime.engine, 'guest', 'shop_api');
        return proceed();
      });
      const error = await rejection(deployment.down(), 'NOT_OURS');
      assert.match(error.message, /container guest is in shop_api/);
    });

    it('is named by an up that replaces or removes the network, before anything goes', async () => {
      const inSubnet = (subnet: string): Stack => {
        const stack = new Stack('shop', { subnet });
        stack.app('api', app);
        return stack;
      };
      const other = new Stack('shop', { subnet: '10.213.0.0/20' });
      other.app('other', app);
      for (const next of [inSubnet('10.214.0.0/20'), other]) {
        const runtime = new InMemoryRuntime();
        await runtime.up(inSubnet('10.213.0.0/20'));
        await stranger(runtime.engine, 'guest', 'shop_api');
        const before = runtime.engine.containers;
        const error = await rejection(runtime.up(next), 'NOT_OURS');
        assert.match(error.hint ?? '', /docker network disconnect shop_api guest/);
        assert.deepEqual(runtime.engine.containers, before);
        await runtime.engine.client.disconnectNetwork('shop_api', 'guest');
        await runtime.up(next);
        assert.ok((await runtime.plan(next)).isEmpty);
      }
    });
  });
});

describe('a container that was killed while it started', () => {
  const failed = async (options: AppOptions): Promise<PlumbstackError> => {
    await using runtime = new InMemoryRuntime();
    runtime.engine.onStart(() => ({ answersAfterMs: Infinity, exit: { code: 137 } }));
    const stack = new Stack('shop');
    stack.app('api', { ...app, ...options });
    return await rejection(runtime.up(stack), 'START_FAILED');
  };

  it('with a limit of memory is told to be given more, although the engine does not say why it was killed', async () => {
    const { hint, details } = await failed({ resources: { memoryBytes: 64 * 1024 * 1024 } });
    assert.match(hint ?? '', /memoryBytes/);
    assert.equal(details['oomKilled'], false);
  });

  it('without a limit is told to look at what it wrote', async () => {
    assert.match((await failed({})).hint ?? '', /last lines/);
  });
});
