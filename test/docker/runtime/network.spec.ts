import assert from 'node:assert/strict';
import { isPlumbstackError, type Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { docker } from '../../support/docker-cli';
import { FaultProxy } from '../../support/fault-proxy';
import { anySubnet } from '../../support/free-subnet';
import { ask, Lab } from '../../support/lab';
import { lightApp } from '../../support/light-app';
import { settledState } from '../../support/settled-state';

describe("a stack's network", () => {
  const lab = new Lab();
  afterEach(() => lab.clear());

  const subnetOf = (network: string): Promise<string> =>
    docker('network', 'inspect', '--format', '{{(index .IPAM.Config 0).Subnet}}', network);

  const networksOf = (stack: string): readonly string[] => [stack, `${stack}_app`, `${stack}_workers.pool`];

  it('overlaps no other stack', async () => {
    const stacks = [lab.stack(), lab.stack()];
    for (const stack of stacks) stack.app('app', lightApp());
    await Promise.all(stacks.map((stack) => lab.runtime.up(stack)));
    const [first, second] = await Promise.all(stacks.map(({ name }) => subnetOf(`${name}_app`)));
    assert.notEqual(first, second);
  });

  it('can be chosen, and changed with everything in it', async () => {
    const version = (subnet: string, of = lab.stack()): ReturnType<Lab['stack']> => {
      const stack = lab.again(of, { subnet });
      const app = stack.app('app', lightApp());
      const pool = stack.pool('workers', { app: stack.app('pooled', lightApp()), replicas: 2 });
      stack
        .router('web', { publish: { port: 0, host: '127.0.0.1' } })
        .route('/app/', app)
        .route('/pool/', pool);
      return stack;
    };
    const first = version('10.234.16.0/24');
    await lab.runtime.up(first);
    for (const network of networksOf(first.name)) assert.match(await subnetOf(network), /^10\.234\.16\./);
    const second = version('10.234.32.0/24', first);
    assert.match((await lab.runtime.plan(second)).toString(), /replace network/);
    const deployment = await lab.runtime.up(second);
    for (const network of networksOf(first.name)) assert.match(await subnetOf(network), /^10\.234\.32\./);
    assert.equal((await ask(deployment.endpoint('web'), '/app/')).host, 'app');
    assert.match((await ask(deployment.endpoint('web'), '/pool/')).host, /^workers-\d$/);
    assert.equal((await lab.runtime.plan(second)).isEmpty, true);
  });

  describe('that is to be where another one is', () => {
    const theirs: string[] = [];
    afterEach(async () => {
      for (const name of theirs.splice(0)) await docker('network', 'rm', name);
    });
    const theyMake = (name: string, subnet: string): Promise<unknown> =>
      docker('network', 'create', '--subnet', subnet, name).then(() => theirs.push(name));
    const version = (subnet: string, of: Stack): Stack => {
      const stack = lab.again(of, { subnet });
      stack
        .router('web', { publish: { port: 0, host: '127.0.0.1' } })
        .route('/', stack.app('app', lightApp()));
      return stack;
    };

    it('is refused while everything serves, by the plan too', async () => {
      const stack = lab.stack();
      const [own, other] = [anySubnet(), anySubnet()];
      await lab.runtime.up(version(own, stack));
      await theyMake(`con-${stack.name}`, other);
      const before = await settledState(stack.name);
      for (const run of [lab.runtime.plan.bind(lab.runtime), lab.runtime.up.bind(lab.runtime)])
        await assert.rejects(
          run(version(other, stack)),
          (error) =>
            isPlumbstackError(error, 'ADDRESS_POOL_EXHAUSTED') &&
            error.details['network'] === `con-${stack.name}`,
        );
      assert.deepEqual(await settledState(stack.name), before);
      assert.ok((await lab.runtime.plan(version(own, stack))).isEmpty);
    });
  });

  it('is taken as it is where an aborted run had it made late', async () => {
    await using proxy = await FaultProxy.start();
    await using runtime = new DockerRuntime({ host: proxy.host });
    const stack = lab.stack();
    stack.app('app', lightApp());
    let late = 0;
    proxy.watch({
      aboutToSend: ({ name }) => {
        if (!name.startsWith('POST /networks/create')) return undefined;
        late++;
        return 'twice';
      },
    });
    await runtime.up(stack);
    assert.ok(late > 0);
    assert.equal((await runtime.plan(stack)).isEmpty, true);
  });

  it('of the same name that somebody else makes meanwhile is not taken', async () => {
    await using proxy = await FaultProxy.start();
    await using runtime = new DockerRuntime({ host: proxy.host });
    const stack = lab.stack();
    stack.app('app', lightApp());
    const network = `${stack.name}_app`;
    proxy.watch({
      aboutToSend: async ({ name }) => {
        if (name.startsWith('POST /networks/create')) await docker('network', 'create', network);
        return undefined;
      },
    });
    try {
      await assert.rejects(runtime.up(stack), isPlumbstackError);
      assert.equal(await docker('ps', '--all', '--quiet', '--filter', `network=${network}`), '');
    } finally {
      await docker('network', 'rm', network);
    }
  });

  it('that is too small is refused before anything is made, with what to do', async () => {
    const stack = lab.stack({ subnet: '10.234.48.0/26' });
    for (const name of ['a', 'b', 'c', 'd']) {
      stack.pool(`pool-${name}`, { app: stack.app(name, lightApp()), replicas: 16 });
    }
    await assert.rejects(
      lab.runtime.up(stack),
      (error) =>
        isPlumbstackError(error, 'ADDRESS_POOL_EXHAUSTED') && /larger network/.test(error.hint ?? ''),
    );
    assert.equal(
      await docker('ps', '--all', '--quiet', '--filter', `label=io.plumbstack.stack=${stack.name}`),
      '',
    );
  });
});
