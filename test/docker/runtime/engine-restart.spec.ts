import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { type Stack } from '@plumbstack/core';
import type { LifecycleDeployment } from '@plumbstack/events';
import { recordEvents } from '@plumbstack/testing';
import { docker, tryDocker } from '../../support/docker-cli';
import { EngineInContainer } from '../../support/engine-in-container';
import { anySubnet, hostOf } from '../../support/free-subnet';
import { ask, eventually, Lab } from '../../support/lab';
import { lightApp, lightAppOf } from '../../support/light-app';

const images = ['node:24-slim', 'nginx:1.30', 'haproxy:3.2'];
// Inside the other machine; of this one's networks none has it.
const stackSubnet = anySubnet(235);
const gateway = hostOf(stackSubnet, 1);
const workers = ['workers-1', 'workers-2', 'workers-3'];

describe('an engine on another machine', function () {
  this.timeout(120_000);
  let engine: EngineInContainer;
  let lab: Lab;
  let stack: Stack;
  let deployment: LifecycleDeployment;

  before(async function () {
    const refusal = await EngineInContainer.refusal();
    if (refusal !== undefined) {
      console.log(`    left out: containers of this machine may not run an engine: ${refusal}`);
      this.skip();
    }
    engine = await EngineInContainer.start(images);
    lab = new Lab({ host: engine.host });
    stack = lab.stack({ subnet: stackSubnet });
    describeStack(stack, '1');
    deployment = await lab.runtime.up(stack);
  });

  after(async () => {
    await lab?.clear();
    await engine?.[Symbol.asyncDispose]();
  });

  function describeStack(described: Stack, version: string): void {
    const app = described.app('app', lightAppOf(version, { startTimeoutMs: 15_000 }));
    const worker = described.app('worker', lightApp());
    const pool = described.pool('workers', {
      app: worker,
      replicas: 3,
      balance: 'roundrobin',
      sticky: 'cookie',
    });
    described.router('web', { publish: 0 }).route('/app/', app).route('/pool/', pool);
  }

  /** All of it, as a visitor sees it. */
  async function answersAsAWhole(): Promise<true | undefined> {
    const url = deployment.endpoint('web');
    assert.equal((await ask(url, '/app/')).host, 'app');
    const seen = new Set<string>();
    for (let each = 0; each < 9; each++) seen.add((await ask(url, '/pool/')).host);
    return seen.size === workers.length || undefined;
  }

  async function cookieOf(worker: string): Promise<string> {
    return eventually(`a cookie of ${worker}`, async () => {
      const response = await fetch(new URL('/pool/', deployment.endpoint('web')));
      const { host } = (await response.json()) as { host: string };
      return host === worker ? response.headers.get('set-cookie')?.split(';')[0] : undefined;
    });
  }

  /** When each container of the stack was started. */
  async function starts(): Promise<ReadonlyMap<string, string>> {
    const names = await engine.docker(
      'ps',
      '--filter',
      `label=io.plumbstack.stack=${stack.name}`,
      '--format',
      '{{.Names}}',
    );
    const format = '{{.Name}} {{.State.StartedAt}}';
    const lines = await engine.docker('inspect', '--format', format, ...names.split('\n'));
    return new Map(lines.split('\n').map((line) => line.split(' ') as [string, string]));
  }

  async function comesBackAfter(interruption: () => Promise<void>): Promise<void> {
    const cookie = await cookieOf('workers-2');
    const before = await starts();
    await interruption();
    await eventually('it answers as before', answersAsAWhole, 60_000);
    const url = deployment.endpoint('web');
    assert.equal((await ask(url, '/pool/', { headers: { cookie } })).host, 'workers-2');
    // Not because nothing had happened to it.
    const after = await starts();
    assert.deepEqual([...after.keys()].sort(), [...before.keys()].sort());
    assert.deepEqual(
      [...after].filter(([name, start]) => start === before.get(name)),
      [],
    );
    const plan = await lab.runtime.plan(stack);
    assert.equal(plan.isEmpty, true, plan.toString());
    assert.equal((await deployment.status()).healthy, true);
  }

  it('has a stack whose apps this machine cannot reach, and whose published port it can', async () => {
    assert.equal(addresses().includes(gateway), false);
    assert.equal(deployment.endpoint('web').hostname, engine.address);
    assert.equal(await answersAsAWhole(), true);
    assert.equal((await deployment.status()).healthy, true);
  });

  it('brings the whole stack back by itself when it was killed', async () => {
    await comesBackAfter(async () => {
      await engine.kill();
      await engine.answers();
    });
  });

  it('brings the whole stack back by itself when its machine was restarted', async () => {
    await comesBackAfter(async () => {
      await engine.restart();
      await engine.answers();
    });
  });

  it('that was killed tells its listeners what has become of each container, once, and that it may not be all', async () => {
    using recorder = recordEvents(deployment.events);
    const before = await starts();
    // The feed has begun, and there is something to know it by.
    await engine.docker('pause', `${stack.name}-app`);
    await engine.docker('unpause', `${stack.name}-app`);
    await recorder.waitFor('container:unpaused');
    await engine.kill();
    await engine.answers();
    await recorder.waitFor('stream:gap', () => true, { timeoutMs: 60_000 });
    await recorder.waitFor('stream:recovered', () => true, { timeoutMs: 60_000 });
    await eventually('it answers as before', answersAsAWhole, 60_000);
    const after = await starts();
    const again = [...after.keys()].filter((name) => after.get(name) !== before.get(name));
    assert.ok(again.length > 0, 'nothing was started again');
    await eventually('each start is told', async () =>
      Promise.resolve(recorder.of('container:started').length >= again.length || undefined),
    );
    const told = recorder.of('container:started').map(({ container }) => `/${container}`);
    assert.deepEqual([...told].sort(), [...again].sort());
    assert.equal(recorder.of('container:removed').length, 0);
  });

  it('is asked about its apps even where this machine has the same addresses', async () => {
    const name = `er-same-${stack.name}`;
    try {
      await docker('network', 'create', '--subnet', stackSubnet, name);
      // A bridge has its address while something is on it.
      await docker(
        'run',
        '--detach',
        '--init',
        '--name',
        name,
        '--network',
        name,
        'node:24-slim',
        'sleep',
        '600',
      );
      assert.ok(addresses().includes(gateway));
      const next = lab.again(stack, { subnet: stackSubnet });
      describeStack(next, '2');
      await lab.runtime.up(next);
      assert.equal((await ask(deployment.endpoint('web'), '/app/')).version, '2');
    } finally {
      await tryDocker('rm', '--force', '--volumes', name);
      await docker('network', 'rm', name);
    }
  });
});

/** IPv4 and IPv6 addresses of this machine. */
function addresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address));
}
