import assert from 'node:assert/strict';
import type { Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { recordEvents } from '@plumbstack/testing';
import { docker } from '../../support/docker-cli';
import { FaultProxy } from '../../support/fault-proxy';
import { ask, Lab } from '../../support/lab';
import { lightAppOf } from '../../support/light-app';
import { startVisitors } from '../../support/visitors';

interface Options {
  readonly workers?: number;
  readonly apps?: number;
  readonly prefix?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** Some apps and a pool behind a router. */
function describeStack(
  stack: Stack,
  { workers = 1, apps = 1, prefix = '/pool/', labels = {} }: Options,
): Stack {
  const router = stack.router('web', { publish: { port: 0, host: '127.0.0.1' } });
  for (let app = 0; app < apps; app++) {
    router.route(`/app${app}/`, stack.app(`app${app}`, lightAppOf('1', { labels, stopGraceMs: 2000 })));
  }
  const worker = stack.app('worker', lightAppOf('1', { stopGraceMs: 2000 }));
  router.route(prefix, stack.pool('workers', { app: worker, replicas: workers }));
  return stack;
}

describe('an up that has nothing to do', () => {
  const lab = new Lab();
  let proxy: FaultProxy;
  before(async () => {
    proxy = await FaultProxy.start();
  });
  afterEach(() => lab.clear());
  after(() => proxy[Symbol.asyncDispose]());

  it('only reads, in so few calls that more containers need no more', async function () {
    const counts: number[] = [];
    for (const size of [
      { workers: 1, apps: 1 },
      { workers: 4, apps: 4 },
    ]) {
      const stack = describeStack(lab.stack(), size);
      await lab.runtime.up(stack);
      await using runtime = new DockerRuntime({ host: proxy.host });
      await runtime.plan(stack);
      proxy.watch();
      await runtime.up(stack);
      assert.deepEqual(proxy.writes, []);
      counts.push(proxy.calls.length);
      const unique = new Set(proxy.calls.map(({ name }) => name));
      assert.equal(unique.size, proxy.calls.length, 'nothing is asked twice');
    }
    const [few = 0, many = 0] = counts;
    // Lists of containers, networks and volumes; of the two proxies records and configurations, and certificates; the images.
    assert.ok(few <= 11, `${few} calls`);
    assert.equal(many, few);
    if (this.test) this.test.title += ` (${few} calls)`;
  });
});

describe('a change', () => {
  const lab = new Lab();
  afterEach(() => lab.clear());

  const facts = async (stack: Stack): Promise<ReadonlyMap<string, string>> => {
    const filter = ['--filter', `label=io.plumbstack.stack=${stack.name}`];
    const ids = (await docker('ps', '--quiet', ...filter)).split('\n');
    const lines = await docker('inspect', '--format', '{{.Name}} {{.Id}} {{.State.StartedAt}}', ...ids);
    return new Map(
      lines.split('\n').map((line) => {
        const [name = '', ...rest] = line.split(' ');
        return [name.slice(stack.name.length + 2), rest.join(' ')] as const;
      }),
    );
  };

  it('of routes is a reload of nginx in the container that runs, and fails no request', async () => {
    const stack = describeStack(lab.stack(), {});
    const deployment = await lab.runtime.up(stack);
    const before = await facts(stack);
    const web = deployment.endpoint('web');
    const visitors = startVisitors([new URL('/app0/', web)]);
    using events = recordEvents(lab.runtime.events);
    const next = describeStack(lab.again(stack), { prefix: '/other/' });
    const changed = (await lab.runtime.plan(next)).steps.filter(({ action }) => action !== 'keep');
    assert.deepEqual(
      changed.map(({ action, kind }) => `${action} ${kind}`),
      ['update router'],
    );
    await lab.runtime.up(next);
    assert.deepEqual((await visitors.leave()).failures, []);
    assert.equal((await ask(web, '/other/')).version, '1');
    assert.equal((await fetch(new URL('/pool/', web))).status, 404);
    assert.deepEqual(await facts(stack), before);
    assert.equal(events.of('router:reloaded').length, 1);
    assert.equal(events.of('container:started').length, 0);
  });

  it('of a label replaces the containers that have it, which no engine can give a running one, and fails no request', async () => {
    const stack = describeStack(lab.stack(), { apps: 2 });
    const deployment = await lab.runtime.up(stack);
    const before = await facts(stack);
    const web = deployment.endpoint('web');
    const labelled = describeStack(lab.again(stack), { apps: 2, labels: { 'org.example.team': 'blue' } });
    const { steps } = await lab.runtime.plan(labelled);
    const changed = steps.filter(({ action }) => action !== 'keep');
    assert.deepEqual(
      changed.map(({ action, resource, reasons, impact }) => ({ action, resource, reasons, impact })),
      ['app0', 'app1'].map((name) => ({
        action: 'replace',
        resource: `${stack.name}/${name}`,
        reasons: [{ path: 'labels.org.example.team', to: 'blue' }],
        impact: 'visitors have up to 30 s to finish what they have begun',
      })),
    );
    const visitors = startVisitors([new URL('/app0/', web), new URL('/pool/', web)]);
    await lab.runtime.up(labelled);
    assert.deepEqual((await visitors.leave()).failures, []);
    const after = await facts(stack);
    assert.deepEqual(
      [...after]
        .filter(([name, fact]) => before.get(name) !== fact)
        .map(([name]) => name)
        .sort(),
      ['app0', 'app1'],
    );
    const label = '{{index .Config.Labels "org.example.team"}}';
    assert.equal(await docker('inspect', '--format', label, `${stack.name}-app0`), 'blue');
    assert.ok((await lab.runtime.plan(labelled)).isEmpty);
  });
});
