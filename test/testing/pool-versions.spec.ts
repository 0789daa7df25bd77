import assert from 'node:assert/strict';
import { isPlumbstackError, Stack, type PoolOptions, type Version } from '@plumbstack/core';
import type { LifecycleDeployment } from '@plumbstack/events';
import { InMemoryRuntime } from '@plumbstack/testing';
import { ContextFolder } from '../docker/client/context-folder';

interface Shape extends Partial<Omit<PoolOptions, 'app'>> {
  readonly image?: string;
  readonly isBroken?: boolean;
  readonly mountsData?: boolean;
}

const configVolume = 'shop-workers.balancer';
const secretOf = (version: number): string => `the secret of version ${version}`;

describe('the versions of a pool', () => {
  let runtime: InMemoryRuntime;

  beforeEach(() => {
    runtime = new InMemoryRuntime();
    runtime.engine.onStart(({ env }) =>
      env['BROKEN'] === 'yes' ? { answersAfterMs: Infinity, exit: { code: 1 } } : undefined,
    );
  });
  afterEach(() => runtime[Symbol.asyncDispose]());

  function described(version: number, shape: Shape = {}): Stack {
    const { image = 'example/api:1', isBroken = false, mountsData = false, ...pool } = shape;
    const stack = new Stack('shop');
    const app = stack.app('api', {
      image,
      restart: 'no',
      env: { VERSION: String(version), BROKEN: isBroken ? 'yes' : 'no' },
      secrets: [stack.secret('key', { value: secretOf(version) })],
      ...(mountsData && { mounts: [{ volume: stack.volume('data'), target: '/data' }] }),
    });
    stack.router('web', { publish: 8300 }).route('/', stack.pool('workers', { app, replicas: 2, ...pool }));
    return stack;
  }
  /** Brings one version after the other. */
  async function brought(count: number, shape: Shape = {}): Promise<LifecycleDeployment> {
    let deployment = await runtime.up(described(1, shape));
    for (let version = 2; version <= count; version++)
      deployment = await runtime.up(described(version, shape));
    return deployment;
  }
  const running = (): readonly (string | undefined)[] =>
    runtime.engine.containers.flatMap(({ role, env }) => (role === 'worker' ? [env['VERSION']] : []));
  const digestsOf = async (deployment: LifecycleDeployment): Promise<readonly string[]> =>
    (await deployment.versions('workers')).map(({ digest }) => digest);
  const isNotFound = (says: RegExp) => (error: unknown) =>
    isPlumbstackError(error, 'NOT_FOUND') &&
    error.resource === 'shop/workers' &&
    says.test(`${error.message} ${error.hint ?? ''}`);
  const kept = (): number =>
    (runtime.engine.objects.find(({ name }) => name === configVolume)?.facts ?? '')
      .split(' ')
      .filter((path) => path.startsWith('contents/')).length;
  /** Workers by name and start: another one shows. */
  const workers = (): readonly string[] =>
    runtime.engine.objects.flatMap(({ kind, labels, facts }) =>
      kind === 'container' && labels['io.plumbstack.role'] === 'worker' ? [facts] : [],
    );

  it('are the one that serves, of a pool that was never updated', async () => {
    const deployment = await brought(1);
    const versions = await deployment.versions('workers');
    assert.deepEqual(
      versions.map(({ isCurrent, source, image }) => [isCurrent, source, /^sha256:/.test(image)]),
      [[true, 'example/api:1', true]],
    );
    assert.ok(Object.isFrozen(versions) && Object.isFrozen(versions[0]));
    await assert.rejects(deployment.rollback('workers'), isNotFound(/keepVersions/));
    const [{ digest } = assert.fail('none')] = versions;
    await deployment.rollback('workers', { to: digest });
    assert.deepEqual(running(), ['1', '1']);
  });

  it('are as many as are to be kept, with what they take, and each can be gone back to', async () => {
    const deployment = await brought(8);
    const known = await digestsOf(deployment);
    assert.equal(new Set(known).size, 4);
    assert.equal(kept(), 4);
    for (const [index, to] of known.entries()) {
      await deployment.rollback('workers', { to });
      assert.deepEqual(running(), [String(8 - index), String(8 - index)]);
      const [{ name } = assert.fail('nobody')] = runtime.engine.containers.filter(
        ({ role }) => role === 'worker',
      );
      assert.equal(runtime.engine.readFile(name, '/run/secrets/key'), secretOf(8 - index));
    }
    assert.deepEqual(await digestsOf(deployment), [...known].reverse());
    await assert.rejects(
      deployment.rollback('workers', { to: 'f'.repeat(64) }),
      isNotFound(
        new RegExp(
          known
            .map((each) => each.slice(0, 12))
            .reverse()
            .join('.*'),
        ),
      ),
    );
  });

  it('are given by who knows nothing but the name, the same after each run that changes nothing', async () => {
    await brought(3);
    const other = new InMemoryRuntime({ engine: runtime.engine });
    const attached = await other.attach('shop');
    const versions = await attached.versions('workers');
    assert.equal(versions.length, 3);
    await runtime.up(described(3));
    await attached.scale('workers', 3);
    await attached.restart('workers');
    runtime.engine.remove('shop-workers-1');
    await attached.repair();
    await runtime.up(described(3, { balance: 'roundrobin', replicas: 1 }));
    assert.deepEqual(await attached.versions('workers'), versions);
    await attached.rollback('workers', { to: versions[2] as Version });
    assert.deepEqual(running(), ['1']);
  });

  it('have each version once, whatever it was brought by', async () => {
    const deployment = await brought(2);
    const [two, one] = await digestsOf(deployment);
    await runtime.up(described(1));
    assert.deepEqual(await digestsOf(deployment), [one, two]);
    assert.ok((await runtime.plan(described(1))).isEmpty);
    await deployment.rollback('workers');
    assert.deepEqual(await digestsOf(deployment), [two, one]);
    await deployment.rollback('workers');
    assert.deepEqual(await digestsOf(deployment), [one, two]);
  });

  it('that are not to be kept go at once, and no worker with them', async () => {
    const deployment = await brought(4);
    const before = workers();
    const fewer = described(4, { keepVersions: 1 });
    assert.match((await runtime.plan(fewer)).toString(), /keepVersions/);
    await runtime.up(fewer);
    assert.deepEqual(workers(), before);
    assert.equal((await digestsOf(deployment)).length, 2);
    assert.equal(kept(), 2);
    await runtime.up(described(4, { keepVersions: 0 }));
    assert.equal((await digestsOf(deployment)).length, 1);
    assert.equal(kept(), 1);
    await assert.rejects(deployment.rollback('workers'), isNotFound(/no version before/));
    assert.deepEqual(workers(), before);
    assert.ok((await runtime.plan(described(4, { keepVersions: 0 }))).isEmpty);
  });

  it('are without one that never came up, and the pool is back at the one before, remembered or not', async () => {
    for (const keepVersions of [0, 3]) {
      const deployment = await brought(2, { keepVersions });
      const known = await deployment.versions('workers');
      await assert.rejects(runtime.up(described(3, { keepVersions, isBroken: true })));
      assert.deepEqual(running(), ['2', '2']);
      assert.deepEqual(await deployment.versions('workers'), known);
      assert.ok((await runtime.plan(described(2, { keepVersions }))).isEmpty);
    }
  });

  it('are without one that an update was interrupted over, which a rollback leaves', async () => {
    const deployment = await brought(2);
    const [two, one] = await digestsOf(deployment);
    const abort = new AbortController();
    let joined = 0;
    using _heard = deployment.events.on('worker:joined', () => {
      if (++joined === 1) abort.abort(new Error('enough'));
    });
    await assert.rejects(runtime.up(described(3), { signal: abort.signal }), /enough/);
    assert.deepEqual([...running()].sort().slice(-1), ['3']);
    const versions = await deployment.versions('workers');
    assert.deepEqual(
      versions.map(({ digest, isCurrent }) => [digest, isCurrent]),
      [
        [two, false],
        [one, false],
      ],
    );
    await deployment.rollback('workers');
    assert.deepEqual(running(), ['2', '2']);
    assert.deepEqual(await digestsOf(deployment), [two, one]);
  });

  it('say which folder they were built from, and a copy of it is no other version', async () => {
    using folder = new ContextFolder({ Dockerfile: 'FROM scratch', 'app.R': 'one' });
    using copy = new ContextFolder({ Dockerfile: 'FROM scratch', 'app.R': 'one' });
    const built = (path: string): Stack => {
      const stack = new Stack('shop');
      stack.pool('workers', { app: stack.app('api', { build: path }) });
      return stack;
    };
    const deployment = await runtime.up(built(folder.path));
    assert.ok((await runtime.plan(built(copy.path))).isEmpty);
    const [first] = await deployment.versions('workers');
    assert.equal(first?.source, folder.path);
    copy.write('app.R', 'two');
    await runtime.up(built(copy.path));
    assert.deepEqual(
      (await deployment.versions('workers')).map(({ source }) => source),
      [copy.path, folder.path],
    );
    await deployment.rollback('workers');
    assert.equal((await deployment.versions('workers'))[0]?.source, folder.path);
  });

  it('show no secret', async () => {
    const deployment = await brought(3);
    const shown = JSON.stringify([
      await deployment.versions('workers'),
      runtime.engine.objects.map(({ labels, facts }) => [labels, facts]),
      (await runtime.plan(described(4))).toString(),
    ]);
    for (const version of [1, 2, 3]) assert.ok(!shown.includes(secretOf(version)));
  });

  it('whose image, or whose volume, is gone are told before anything is changed', async () => {
    await runtime.up(described(1, { image: 'example/old:1', mountsData: true }));
    const deployment = await runtime.up(described(2));
    const { client } = runtime.engine;
    await client.removeVolume('shop-data');
    const before = workers();
    await assert.rejects(
      deployment.rollback('workers'),
      isNotFound(/the volume shop-data of that version is gone/),
    );
    await client.removeImage('example/old:1');
    await assert.rejects(
      deployment.rollback('workers'),
      isNotFound(/the image, the volume shop-data .* are gone/),
    );
    assert.deepEqual(workers(), before);
    assert.ok((await runtime.plan(described(2))).isEmpty);
  });

  it('whose network is gone are told before anything is changed', async () => {
    const calling = new Stack('shop');
    const other = calling.app('other', { image: 'example/other:1' });
    const app = calling.app('api', { image: 'example/api:1', dependsOn: [other] });
    calling.pool('workers', { app, replicas: 2 });
    await runtime.up(calling);
    const deployment = await runtime.up(described(2));
    const before = workers();
    await assert.rejects(
      deployment.rollback('workers'),
      isNotFound(/the network shop_.* of that version is gone/),
    );
    assert.deepEqual(workers(), before);
  });

  it('keep the images that were built for them, and no others', async () => {
    await using keepsNone = new InMemoryRuntime({ engine: runtime.engine, keepImages: 0 });
    const built = (version: number): Stack => {
      const stack = new Stack('shop');
      const app = stack.app('api', { build: { inline: `FROM scratch\nENV V=${version}` } });
      stack.pool('workers', { app, keepVersions: 2 });
      return stack;
    };
    for (let version = 1; version <= 5; version++) await keepsNone.up(built(version));
    const images = (): number =>
      runtime.engine.objects.filter(({ kind, facts }) => kind === 'image' && facts.includes('shop-api'))
        .length;
    assert.equal(images(), 3);
    const deployment = await keepsNone.attach('shop');
    const oldest = (await deployment.versions('workers')).at(-1) as Version;
    assert.match(oldest.source, /^plumbstack\/shop-api:[0-9a-f]{12}$/);
    await deployment.rollback('workers', { to: oldest });
    await keepsNone.down('shop', { images: true });
    assert.equal(images(), 0);
    assert.deepEqual(
      runtime.engine.objects.filter(({ kind }) => kind === 'volume'),
      [],
    );
  });
});
