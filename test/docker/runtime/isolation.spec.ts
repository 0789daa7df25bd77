import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Stack, StackOptions } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import type { LifecycleDeployment } from '@plumbstack/events';
import { docker } from '../../support/docker-cli';
import { ask, eventually, Lab, leftovers } from '../../support/lab';
import { lightApp } from '../../support/light-app';
import { startVisitors } from '../../support/visitors';

const lab = new Lab();
const router = { publish: { port: 0, host: '127.0.0.1' } };

/** Two neighbours and a caller, a pool, a database that one of the apps and the pool depend on, all but it routed. */
function describeStack(stack: Stack): Stack {
  const { command } = lightApp();
  const db = stack.service('db', { image: 'node:24-slim', ...(command !== undefined && { command }) });
  const one = stack.app('one', lightApp({ dependsOn: [db] }));
  const two = stack.app('two', lightApp());
  const caller = stack.app('caller', lightApp({ dependsOn: [one] }));
  const pool = stack.pool('pool', { app: stack.app('pooled', lightApp({ dependsOn: [db] })), replicas: 2 });
  const others = stack.pool('others', { app: stack.app('other', lightApp()), replicas: 1 });
  const web = stack.router('web', router);
  for (const each of [one, two, caller, pool, others]) web.route(`/${each.name}/`, each);
  return stack;
}

/** Addresses of a container in every network that it is in. */
async function addressesOf(container: string): Promise<readonly string[]> {
  const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}';
  return (await docker('inspect', '--format', format, container)).trim().split(' ');
}

/** Which of these hosts take a connection from a container, by address or by name. */
async function reachable(from: string, hosts: readonly string[], port: number): Promise<readonly string[]> {
  const script = `
    const { connect } = require('node:net');
    for (const host of process.argv.slice(2)) {
      const socket = connect({ host, port: Number(process.argv[1]), timeout: 1500 });
      socket.once('connect', () => { console.log(host); socket.destroy(); });
      socket.once('timeout', () => socket.destroy()).once('error', () => {});
    }`;
  const output = await docker('exec', from, 'node', '-e', script, String(port), ...hosts);
  return output.split('\n').filter((line) => line !== '');
}

async function idsOf(stack: string): Promise<string> {
  const filter = `label=io.plumbstack.stack=${stack}`;
  const lines = await docker('ps', '--filter', filter, '--format', '{{.ID}} {{.Names}} {{.State}}');
  return lines.split('\n').sort().join('\n');
}

describe('a stack that is isolated', function () {
  this.timeout(120_000);
  let stack: Stack;
  let deployment: LifecycleDeployment;

  before(async () => {
    stack = describeStack(lab.stack());
    deployment = await lab.runtime.up(stack);
  });
  after(() => lab.clear());

  /** Whether a container reaches another by any of its addresses, and by its name. */
  async function reaches(
    from: string,
    to: string,
    name = to,
    port = 8000,
  ): Promise<{ byAddress: boolean; byName: boolean }> {
    const addresses = await addressesOf(`${stack.name}-${to}`);
    assert.ok(addresses.length > 0 && addresses.every((each) => /^[\d.]+$/.test(each)), addresses.join());
    const names = [name, `${stack.name}-${to}`];
    const found = await reachable(`${stack.name}-${from}`, [...addresses, ...names], port);
    return {
      byAddress: addresses.some((each) => found.includes(each)),
      byName: names.some((each) => found.includes(each)),
    };
  }

  it('answers on every route', async () => {
    const web = deployment.endpoint('web');
    for (const each of ['one', 'two', 'caller']) assert.equal((await ask(web, `/${each}/`)).host, each);
    assert.match((await ask(web, '/pool/')).host, /^pool-\d$/);
    assert.match((await ask(web, '/others/')).host, /^others-1$/);
  });

  for (const [from, to] of [
    ['one', 'db'],
    ['pool-1', 'db'],
    ['pool-2', 'db'],
    ['caller', 'one'],
  ] as const) {
    it(`lets ${from} reach ${to}, which it depends on`, async () => {
      assert.deepEqual(await reaches(from, to), { byAddress: true, byName: true });
    });
  }

  for (const [from, to, name, port] of [
    ['one', 'two'],
    ['two', 'one'],
    ['two', 'db'],
    ['two', 'caller'],
    ['caller', 'db'],
    ['caller', 'two'],
    ['one', 'pool-1'],
    ['one', 'pool', 'pool', 8080],
    ['pool-1', 'one'],
    ['pool-1', 'others-1'],
    ['others-1', 'pool-2'],
    ['others-1', 'pool', 'pool', 8080],
    ['others-1', 'db'],
  ] as const) {
    it(`keeps ${from} from ${to}, by every address and name`, async () => {
      assert.deepEqual(await reaches(from, to, name, port), { byAddress: false, byName: false });
    });
  }

  it('lets everybody out, as before', async () => {
    const outside = Object.entries(networkInterfaces())
      .filter(([name]) => !/^(?:lo|br-|docker|veth)/.test(name))
      .flatMap(([, list]) => list ?? [])
      .find(({ family }) => family === 'IPv4')?.address;
    assert.ok(outside !== undefined, 'this machine has no address but those of bridges');
    const server = createServer((socket) => socket.end()).listen(0, '0.0.0.0');
    try {
      await new Promise((resolve) => server.once('listening', resolve));
      const { port } = server.address() as AddressInfo;
      for (const each of ['one', 'two', 'caller', 'db', 'pool-1'])
        assert.deepEqual(await reachable(`${stack.name}-${each}`, [outside], port), [outside], each);
    } finally {
      server.close();
    }
  });

  it('gives a worker that joins by scale what the others have', async () => {
    await using runtime = new DockerRuntime();
    const attached = await runtime.attach(stack.name);
    await attached.scale('pool', 3);
    assert.deepEqual(await reaches('pool-3', 'db'), { byAddress: true, byName: true });
    assert.deepEqual(await reaches('pool-3', 'two'), { byAddress: false, byName: false });
    await attached.scale('pool', 2);
    assert.ok((await lab.runtime.plan(stack)).isEmpty);
  });

  it('finds a database at the same address again after both have been restarted', async () => {
    const lookUp = async (): Promise<string> =>
      (
        await deployment.exec('one', ['node', '-e', 'require("dns").lookup("db", (e, a) => console.log(a))'])
      ).stdout.trim();
    const before = await lookUp();
    assert.match(before, /^[\d.]+$/);
    await docker('stop', '--time', '1', `${stack.name}-db`, `${stack.name}-one`);
    await docker('start', `${stack.name}-one`);
    await docker('start', `${stack.name}-db`);
    assert.equal(await eventually('the name is known', async () => (await lookUp()) || undefined), before);
  });
});

describe("a stack's networks", function () {
  this.timeout(120_000);
  afterEach(() => lab.clear());
  after(() => lab.runtime[Symbol.asyncDispose]());

  const version = (of: Stack, options: StackOptions, ...names: readonly string[]): Stack => {
    const stack = lab.again(of, options);
    const db = stack.service('db', { image: 'node:24-slim', ...lightCommand });
    const web = stack.router('web', router);
    for (const name of names) web.route(`/${name}/`, stack.app(name, lightApp({ dependsOn: [db] })));
    return stack;
  };
  const { command } = lightApp();
  const lightCommand = command === undefined ? {} : { command };

  it('come and go with apps, while visitors notice nothing and nothing else is started anew', async () => {
    const first = version(lab.stack(), {}, 'kept');
    const deployment = await lab.runtime.up(first);
    const before = await idsOf(first.name);
    const visitors = startVisitors([new URL('/kept/', deployment.endpoint('web'))]);
    // Its name sorts before all others: it would be the router's gateway if that went by the names of resources.
    const more = version(first, {}, 'kept', 'a');
    assert.match((await lab.runtime.plan(more)).toString(), /create +network \S+_a\n/);
    await lab.runtime.up(more);
    assert.equal((await ask(deployment.endpoint('web'), '/a/')).host, 'a');
    const fewer = (await lab.runtime.plan(first)).toString();
    assert.match(fewer, /delete +network \S+_a\n +network: unset -> removed/);
    await lab.runtime.up(first);
    const { answered, failures } = await visitors.leave();
    assert.deepEqual(failures, []);
    assert.ok(answered > 50, String(answered));
    assert.equal(await idsOf(first.name), before);
    assert.deepEqual(
      (await leftovers(first.name)).filter((each) => each.endsWith('_a')),
      [],
    );
    assert.ok((await lab.runtime.plan(first)).isEmpty);
  });

  for (const options of [{}, { subnet: '10.235.16.0/24' }]) {
    it(`are made of one, and one of them, where the program says so${'subnet' in options ? ', in the same subnet' : ''}`, async () => {
      const shared = version(lab.stack(), { ...options, isolation: false }, 'one', 'two');
      const networks = async (): Promise<readonly string[]> =>
        (await leftovers(shared.name))
          .filter((each) => /^test-[0-9a-f]+(?:$|[._](?!inventory))/.test(each))
          .sort();
      const deployment = await lab.runtime.up(shared);
      assert.deepEqual(await networks(), [shared.name]);
      const { stdout } = await deployment.exec('one', [
        'node',
        '-e',
        'fetch("http://two:8000/").then((r) => console.log(r.status))',
      ]);
      assert.equal(stdout.trim(), '200');
      const isolated = version(shared, options, 'one', 'two');
      const again = await lab.runtime.up(isolated);
      assert.equal((await ask(again.endpoint('web'), '/two/')).host, 'two');
      const { name } = shared;
      assert.deepEqual(await networks(), [name, `${name}.db`, `${name}_one`, `${name}_two`]);
      assert.ok((await lab.runtime.plan(isolated)).isEmpty);
      const back = await lab.runtime.up(shared);
      assert.equal((await ask(back.endpoint('web'), '/one/')).host, 'one');
      assert.deepEqual(await networks(), [name]);
      assert.ok((await lab.runtime.plan(shared)).isEmpty);
    });
  }

  it('of a stack that is taken down are all gone', async () => {
    const stack = describeStack(lab.stack());
    await lab.runtime.up(stack);
    await lab.runtime.down(stack);
    assert.deepEqual(await leftovers(stack.name), []);
  });
});
