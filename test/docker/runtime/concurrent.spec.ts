import assert from 'node:assert/strict';
import { DockerRuntime } from '@plumbstack/docker';
import { isIPv4Subnet, planAddresses } from '@plumbstack/docker/internal';
import { assertServes, smallStack, versions } from '../../faults/small-stack';
import { runVerb, VerbProcess } from '../../faults/verb-process';
import { docker } from '../../support/docker-cli';
import { FaultProxy } from '../../support/fault-proxy';
import { Lab, leftovers } from '../../support/lab';
import {
  assertSameState,
  settledState,
  type SettledState,
  withoutHistory,
} from '../../support/settled-state';

describe('runs at the same time', function () {
  this.timeout(180_000);
  const lab = new Lab();
  let alone: SettledState;
  before(async () => {
    const { name } = lab.stack();
    await lab.runtime.up(smallStack(name));
    alone = await settledState(name);
  });
  afterEach(() => lab.clear());
  after(() => lab.runtime[Symbol.asyncDispose]());

  const web = async (stack: string): Promise<URL> => (await lab.runtime.attach(stack)).endpoint('web');

  const inOneProcess = async (stack: string): Promise<void> => {
    await using runtime = new DockerRuntime();
    await runtime.up(smallStack(stack));
  };
  const inItsOwn = (stack: string): Promise<unknown> => runVerb({ verb: 'up', stack });
  for (const [where, up] of [
    ['in one process', inOneProcess],
    ['in processes of their own', inItsOwn],
  ] as const) {
    for (const count of [2, 8]) {
      it(`make one stack together as one run alone does: ${count} ${where}`, async () => {
        const { name } = lab.stack();
        await Promise.all(Array.from({ length: count }, () => up(name)));
        await assertServes(await web(name), '1');
        assertSameState(await settledState(name), alone);
        assert.ok((await lab.runtime.plan(smallStack(name))).isEmpty);
      });
    }
  }

  it('of different versions leave one of them, and not a mixture', async () => {
    const { name } = lab.stack();
    await lab.runtime.up(smallStack(name, '1'));
    await Promise.all(['2', '3'].map((version) => runVerb({ verb: 'up', stack: name, version })));
    const [version = '', other] = await versions(await web(name));
    assert.ok(['2', '3'].includes(version));
    assert.equal(other, version);
    assert.ok((await lab.runtime.plan(smallStack(name, version))).isEmpty);
  });

  it('of up, scale and restart leave a stack that the next up makes what it should be', async () => {
    const { name } = lab.stack();
    await lab.runtime.up(smallStack(name));
    await Promise.all([
      runVerb({ verb: 'up', stack: name, version: '2' }),
      runVerb({ verb: 'scale', stack: name, replicas: [3] }),
      runVerb({ verb: 'restart', stack: name }),
    ]);
    await lab.runtime.up(smallStack(name));
    await assertServes(await web(name), '1');
    assertSameState(withoutHistory(await settledState(name)), withoutHistory(alone));
  });

  it('of up and down leave all of the stack or nothing of it', async () => {
    const { name } = lab.stack();
    await lab.runtime.up(smallStack(name));
    await Promise.all([
      runVerb({ verb: 'down', stack: name, volumes: true }),
      runVerb({ verb: 'up', stack: name, version: '2' }),
    ]);
    const left = await leftovers(name);
    if (left.length > 0) await assertServes(await web(name), '2');
    await lab.runtime.up(smallStack(name));
    assertSameState(withoutHistory(await settledState(name)), withoutHistory(alone));
  });

  it('of different stacks clash neither in their networks nor in anything else', async () => {
    const names = Array.from({ length: 4 }, () => lab.stack().name);
    const processes = names.map((stack) => new VerbProcess({ verb: 'up', stack }));
    const ends = await Promise.all(processes.map(({ ended }) => ended));
    assert.deepEqual(
      ends.map(({ exitCode }) => exitCode),
      [0, 0, 0, 0],
      JSON.stringify(ends.map(({ events }) => events.at(-1))),
    );
    const subnets = await docker(
      'network',
      'inspect',
      '--format',
      '{{(index .IPAM.Config 0).Subnet}}',
      ...names.flatMap((each) => [each, `${each}_single`, `${each}_workers.pool`]),
    );
    assert.equal(new Set(subnets.split('\n')).size, 3 * names.length);
    for (const name of names) {
      await assertServes(await web(name), '1');
      assertSameState(await settledState(name), alone);
    }
  });

  it('find addresses however often somebody else is faster', async () => {
    const { name } = lab.stack();
    await using proxy = await FaultProxy.start();
    await using runtime = new DockerRuntime({ host: proxy.host, addressPool: '10.254.0.0/16' });
    const taken: string[] = [];
    // A run makes more than one at once: the strangers take turns.
    let last: Promise<unknown> = Promise.resolve();
    const takeNext = async (): Promise<undefined> => {
      if (taken.length === 8) return;
      const subnet = await nextSubnet(name, '10.254.0.0/16');
      const stranger = `ft-${name}-${taken.length}`;
      await docker('network', 'create', '--subnet', subnet, stranger);
      taken.push(stranger);
    };
    proxy.watch({
      aboutToSend: async (call) => {
        if (call.name !== 'POST /networks/create') return undefined;
        last = last.then(takeNext);
        await last;
        return undefined;
      },
    });
    try {
      const deployment = await runtime.up(smallStack(name));
      await assertServes(deployment.endpoint('web'), '1');
      assert.equal(taken.length, 8);
      assertSameState(await settledState(name), alone);
    } finally {
      await docker('network', 'rm', ...taken);
    }
  });
});

/** The subnet of the network that a run for a stack would make next. */
async function nextSubnet(stack: string, pool: string): Promise<string> {
  const ids = (await docker('network', 'ls', '--quiet')).split('\n');
  const format = '{{.Name}} {{range .IPAM.Config}}{{.Subnet}}{{end}}';
  const seen = (await docker('network', 'inspect', '--format', format, ...ids))
    .split('\n')
    .map((line) => line.split(' ') as [name: string, subnet?: string])
    .filter((each): each is [string, string] => isIPv4Subnet(each[1] ?? ''));
  const isOurs = ([name]: readonly [string, string]): boolean => new RegExp(`^${stack}(?:$|[._])`).test(name);
  const { networks } = planAddresses(
    smallStack(stack).toSpec(),
    { subnets: Object.fromEntries(seen.filter(isOurs)), addresses: {}, slots: {}, guests: {} },
    { pool, others: seen.filter((each) => !isOurs(each)).map(([, subnet]) => subnet) },
  );
  const next = networks.find((each) => seen.every(([name]) => name !== each.name));
  return next?.subnet ?? assert.fail('nothing is left to make');
}
