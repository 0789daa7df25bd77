import assert from 'node:assert/strict';
import { isPlumbstackError, readPlan, Stack, type AppOptions, type PlumbstackError } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import type { LifecycleEvent } from '@plumbstack/events';
import { assertServes, smallStack } from '../../faults/small-stack';
import { docker } from '../../support/docker-cli';
import { FaultProxy } from '../../support/fault-proxy';
import { ask, Lab, leftovers } from '../../support/lab';
import { lightApp, lightAppOf } from '../../support/light-app';

describe('a plan', function () {
  this.timeout(120_000);
  const lab = new Lab();
  let proxy: FaultProxy;
  let runtime: DockerRuntime;
  before(async () => {
    proxy = await FaultProxy.start();
    runtime = new DockerRuntime({ host: proxy.host });
  });
  afterEach(async () => {
    proxy.watch();
    await lab.clear();
  });
  after(async () => {
    await runtime[Symbol.asyncDispose]();
    await lab.runtime[Symbol.asyncDispose]();
    await proxy[Symbol.asyncDispose]();
  });

  it('changes nothing on the engine, whatever there is to do', async function () {
    const { name } = lab.stack();
    proxy.watch();
    assert.equal(
      (await runtime.plan(smallStack(name))).steps.filter(({ action }) => action === 'create').length,
      8,
    );
    await lab.runtime.up(smallStack(name));
    assert.ok((await runtime.plan(smallStack(name))).isEmpty);
    assert.equal((await runtime.plan(smallStack(name, '2'))).isEmpty, false);
    await docker('rm', '--force', `${name}-single`, `${name}-workers`);
    assert.equal((await runtime.plan(smallStack(name))).isEmpty, false);
    assert.deepEqual(proxy.writes, []);
    if (this.test) this.test.title += ` (${proxy.calls.length} calls that read, none that writes)`;
  });

  it('is applied as it was made, also when it was written down in between', async () => {
    const { name } = lab.stack();
    const plan = readPlan(JSON.parse(JSON.stringify(await runtime.plan(smallStack(name)))));
    const deployment = await runtime.up(smallStack(name), { plan });
    await assertServes(deployment.endpoint('web'), '1');
    const update = await runtime.plan(smallStack(name, '2'));
    await runtime.up(smallStack(name, '2'), { plan: update });
    await assertServes(deployment.endpoint('web'), '2');
  });

  it('is stale when its program has changed, when the engine has, and when it was applied', async () => {
    const { name } = lab.stack();
    const plan = await runtime.plan(smallStack(name));
    const isStale = async (stack: Stack): Promise<void> => {
      proxy.watch();
      await assert.rejects(runtime.up(stack, { plan }), (error) => isPlumbstackError(error, 'PLAN_STALE'));
      assert.deepEqual(proxy.writes, []);
    };
    await isStale(smallStack(name, '2'));
    await runtime.up(smallStack(name), { plan });
    await isStale(smallStack(name));
  });

  it('is stale when somebody changes the engine at the last moment before it is applied', async () => {
    const { name } = lab.stack();
    await lab.runtime.up(smallStack(name));
    const plan = await runtime.plan(smallStack(name, '2'));
    proxy.watch({
      aboutToSend: async (call) => {
        if (call.name === 'POST /containers/create {stack}.lease')
          await docker('stop', '--time', '1', `${name}-single`);
        return undefined;
      },
    });
    await assert.rejects(runtime.up(smallStack(name, '2'), { plan }), (error) =>
      isPlumbstackError(error, 'PLAN_STALE'),
    );
    assert.deepEqual(
      proxy.writes.filter((call) => !call.name.includes('{stack}.lease')),
      [],
    );
  });

  it('shows what an older program has left as deletions with their owner, and nothing else goes', async () => {
    const { name } = lab.stack();
    const older = smallStack(name);
    older.app('old', lightApp({ mounts: [{ volume: older.volume('kept'), target: '/data' }] }));
    older.pool('crowd', { app: older.app('member', lightApp()), replicas: 2 });
    await lab.runtime.up(older);
    // Somebody else's, with a name as ours.
    const stranger = `ft-${name}-old`;
    await docker(
      'run',
      '--detach',
      '--name',
      stranger,
      '--network',
      `${name}_workers.pool`,
      'debian:forky-slim',
      'sleep',
      '600',
    );
    try {
      const plan = await runtime.plan(smallStack(name));
      const deletions = plan.steps.filter(({ action }) => action === 'delete');
      const removed = `removed (owner: plumbstack, stack ${name})`;
      assert.deepEqual(
        Object.fromEntries(
          deletions.map(({ kind, resource, reasons }) => [
            `${kind} ${resource}`,
            reasons.map(({ from, to }) => `${String(from)}: ${String(to)}`).sort(),
          ]),
        ),
        {
          [`network ${name}_old`]: ['undefined: removed'],
          [`network ${name}_crowd.pool`]: ['undefined: removed'],
          [`app ${name}/old`]: [`${name}-old: ${removed}`],
          [`pool ${name}/crowd`]: ['crowd-1', 'crowd-2', 'crowd'].map(
            (each) => `${name}-${each}: ${removed}`,
          ),
        },
      );
      await lab.runtime.up(smallStack(name));
      const containers = async (filter: string): Promise<readonly string[]> =>
        (await docker('ps', '--all', '--format', '{{.Names}}', '--filter', filter)).split('\n').sort();
      const pool = ['workers', 'workers-1', 'workers-2'].map((each) => `${name}-${each}`);
      assert.deepEqual(
        await containers(`network=${name}_workers.pool`),
        [stranger, `${name}-web`, ...pool].sort(),
      );
      assert.deepEqual(
        await containers(`label=io.plumbstack.stack=${name}`),
        [...['single', 'token.secret', 'web'].map((each) => `${name}-${each}`), ...pool].sort(),
      );
      assert.deepEqual(
        (await leftovers(name)).filter((each) => /_(?:old|crowd\.pool)$/.test(each)),
        [],
      );
      const volumes = (
        await docker('volume', 'ls', '--quiet', '--filter', `label=io.plumbstack.stack=${name}`)
      ).split('\n');
      assert.ok(volumes.includes(`${name}-kept`));
      assert.ok(!volumes.includes(`${name}-crowd.balancer`));
      assert.ok((await lab.runtime.plan(smallStack(name))).isEmpty);
    } finally {
      await docker('rm', '--force', stranger);
    }
  });
});

describe('a failure inside a run', function () {
  this.timeout(120_000);
  const lab = new Lab();
  afterEach(() => lab.clear());
  after(() => lab.runtime[Symbol.asyncDispose]());

  /** Three apps that are independent of one another, and one that needs two of them. */
  function described(name: string, version: string, broken: readonly string[]): Stack {
    const stack = new Stack(name);
    const app = (
      each: string,
      dependsOn: NonNullable<AppOptions['dependsOn']> = [],
    ): ReturnType<Stack['app']> =>
      stack.app(each, {
        ...lightAppOf(version, { dependsOn }),
        ...(broken.includes(each) && {
          command: ['node', '-e', 'console.error("no such table"); process.exit(3)'],
        }),
      });
    const one = app('one');
    const two = app('two');
    const three = app('three');
    const needy = app('needy', [one]);
    const needier = app('needier', [needy]);
    const router = stack.router('web', { publish: { port: 0, host: '127.0.0.1' } });
    for (const each of [one, two, three, needy, needier]) router.route(`/${each.name}/`, each);
    return stack;
  }

  it('lets what is independent finish, skips and names what needs it, lists all failures, and what served still serves', async () => {
    const { name } = lab.stack();
    const deployment = await lab.runtime.up(described(name, '1', []));
    const events: LifecycleEvent[] = [];
    using _ = lab.runtime.events.on('*', (event) => events.push(event));
    const failure = await lab.runtime.up(described(name, '2', ['one', 'two'])).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(isPlumbstackError(failure, 'RUN_FAILED'), String(failure));
    const errors = failure.details['errors'] as readonly PlumbstackError[];
    assert.deepEqual(errors.map(({ code, resource }) => [code, resource]).sort(), [
      ['START_FAILED', `${name}/one`],
      ['START_FAILED', `${name}/two`],
    ]);
    for (const each of ['one', 'two'])
      assert.match(failure.message, new RegExp(`${name}/${each}: .*exit code 3.*no such table`, 's'));
    const skipped = events.flatMap((event) =>
      event.type === 'step:skipped' ? [[event.resource, event.because]] : [],
    );
    assert.deepEqual(skipped.sort(), [
      [`${name}/needier`, `${name}/needy`],
      [`${name}/needy`, `${name}/one`],
    ]);
    const finished = events.flatMap((event) => (event.type === 'step:finished' ? [event.resource] : []));
    assert.ok(finished.includes(`${name}/three`));
    const web = deployment.endpoint('web');
    for (const each of ['one', 'two', 'needy', 'needier'])
      assert.equal((await ask(web, `/${each}/`)).version, '1');
    assert.equal((await ask(web, '/three/')).version, '2');
    await lab.runtime.up(described(name, '2', []));
    for (const each of ['one', 'two', 'three', 'needy', 'needier'])
      assert.equal((await ask(web, `/${each}/`)).version, '2');
    assert.ok((await lab.runtime.plan(described(name, '2', []))).isEmpty);
  });
});
