import assert from 'node:assert/strict';
import type { AppOptions, PoolOptions, Stack } from '@plumbstack/core';
import type { LifecycleDeployment } from '@plumbstack/events';
import { docker } from '../../support/docker-cli';
import { ask, eventually, Lab } from '../../support/lab';
import { lightAppOf } from '../../support/light-app';
import { repeated } from '../../support/repeated';
import { startVisitors, type Visit } from '../../support/visitors';

describe('a pool under visitors', function () {
  this.timeout(180_000);
  const lab = new Lab();
  afterEach(() => lab.clear());

  function stackOf(stack: Stack, version: string, pool: Partial<PoolOptions> = {}): Stack {
    const next = lab.again(stack);
    const workers = next.pool('workers', {
      app: next.app('app', tellingApp(version)),
      replicas: 3,
      publish: 0,
      ...pool,
    });
    next.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/', workers);
    return next;
  }

  async function visitedWhile(deployment: LifecycleDeployment, work: () => Promise<unknown>): Promise<Visit> {
    const visitors = startVisitors([deployment.endpoint('web'), deployment.endpoint('workers')]);
    try {
      await work();
    } finally {
      await visitors.settle(20);
    }
    return visitors.leave();
  }

  const upIn = async (deployment: LifecycleDeployment): Promise<readonly string[]> => {
    const { workers } = await deployment.stats('workers');
    return workers.filter(({ state }) => state === 'up').map(({ name }) => name);
  };

  /**
   * Nothing was lost but POSTs that were inside this worker, at most one of each visitor, and no POST was asked a second
   * time. The number of them goes into the test's title.
   */
  async function assertOnlyInside(test: Mocha.Context, stack: Stack, visit: Visit, worker: string) {
    assert.deepEqual(
      visit.lost.filter(({ method }) => method === 'GET'),
      [],
    );
    const lost = visit.lost.map((each) => each.visit);
    const visitors = lost.map((each) => each.split('-')[0]);
    assert.equal(new Set(visitors).size, visitors.length, visit.failures.join('; '));
    // It logs none that it lost on a connection to a worker that it had used before: its client is to ask again.
    const places = placesIn(await docker('logs', `${stack.name}-workers`));
    assert.deepEqual(
      lost.flatMap((each) => places.get(each) ?? []).filter((place) => place !== worker),
      [],
    );
    const begunBy = async (number: number): Promise<readonly string[]> => {
      const log = await docker('logs', `${stack.name}-workers-${number}`);
      return [...log.matchAll(/^POST .*[?&]visit=(\d+-\d+)/gm)].map(([, each = '']) => each);
    };
    const begun = await Promise.all([1, 2, 3].map(begunBy));
    const elsewhere = begun.filter((_, index) => `w${index + 1}` !== worker).flat();
    assert.deepEqual(
      lost.filter((each) => elsewhere.includes(each)),
      [],
    );
    assert.ok(elsewhere.length > 0);
    assert.equal(new Set(begun.flat()).size, begun.flat().length);
    if (test.test) test.test.title += ` (${lost.length} lost)`;
  }

  repeated('loses no request from 3 workers to 10 and back', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(stackOf(stack, '1'));
    const visit = await visitedWhile(deployment, async () => {
      await deployment.scale('workers', 10);
      assert.equal((await upIn(deployment)).length, 10);
      await deployment.scale('workers', 3);
    });
    assert.deepEqual(visit.failures, []);
    assert.ok(visit.answered > 100, `${visit.answered} answers`);
  });

  repeated('loses no request to an update of its workers', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(stackOf(stack, '1'));
    const visit = await visitedWhile(deployment, () => lab.runtime.up(stackOf(stack, '2')));
    assert.deepEqual(visit.failures, []);
    assert.equal((await ask(deployment.endpoint('web'), '/')).version, '2');
  });

  repeated('loses no GET to a worker that is killed, and of POSTs what was inside it', async function () {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(stackOf(stack, '1'));
    const visit = await visitedWhile(deployment, () => docker('kill', `${stack.name}-workers-1`));
    await assertOnlyInside(this, stack, visit, 'w1');
  });

  repeated('loses one POST at most to a worker of one request at a time that is killed', async function () {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(stackOf(stack, '1', { maxConcurrency: 1 }));
    const visit = await visitedWhile(deployment, () => docker('kill', `${stack.name}-workers-1`));
    await assertOnlyInside(this, stack, visit, 'w1');
    assert.ok(visit.lost.length <= 1, visit.failures.join('; '));
  });

  repeated('loses no GET to a worker that hangs, and of POSTs what was inside it', async function () {
    const stack = lab.stack();
    const health = { http: '/', intervalMs: 200, timeoutMs: 300, retries: 2 };
    const deployment = await lab.runtime.up(stackOf(stack, '1', { health, timeoutMs: 5000 }));
    const worker = `${stack.name}-workers-1`;
    const visit = await visitedWhile(deployment, async () => {
      await docker('pause', worker);
      await eventually('it is out', async () => ((await upIn(deployment)).includes('w1') ? undefined : true));
    });
    await docker('unpause', worker);
    await assertOnlyInside(this, stack, visit, 'w1');
    await eventually('it is in again', async () =>
      (await upIn(deployment)).includes('w1') ? true : undefined,
    );
  });

  repeated(
    'loses no GET to a worker that is cut off from the network, and of POSTs what was inside it; it comes back with it',
    async function () {
      const stack = lab.stack();
      const deployment = await lab.runtime.up(stackOf(stack, '1', { timeoutMs: 3000 }));
      const worker = `${stack.name}-workers-1`;
      const network = `${stack.name}_workers.pool`;
      const [{ address = '' } = assert.fail('it is missing')] = (await deployment.status()).resources
        .flatMap(({ containers }) => containers)
        .filter(({ name }) => name === worker);
      const visit = await visitedWhile(deployment, async () => {
        await docker('network', 'disconnect', network, worker);
        await eventually('it is out', async () =>
          (await upIn(deployment)).includes('w1') ? undefined : true,
        );
      });
      await assertOnlyInside(this, stack, visit, 'w1');
      await docker('network', 'connect', '--ip', address, network, worker);
      await eventually('it is in again', async () =>
        (await upIn(deployment)).includes('w1') ? true : undefined,
      );
    },
  );

  repeated('has all of its workers again after HAProxy was restarted, and its clients theirs', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(stackOf(stack, '1', { sticky: 'cookie' }));
    const url = deployment.endpoint('web');
    const first = await fetch(url);
    const cookie = first.headers.get('set-cookie')?.split(';')[0] ?? '';
    const { host } = (await first.json()) as { host: string };
    await docker('restart', `${stack.name}-workers`);
    await eventually('all are in', async () => ((await upIn(deployment)).length === 3 ? true : undefined));
    const visit = await visitedWhile(deployment, async () => {
      for (let each = 0; each < 5; each++)
        assert.equal((await ask(url, '/', { headers: { cookie } })).host, host);
    });
    assert.deepEqual(visit.failures, []);
  });

  it('gives a client whose worker leaves another one, where it stays', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(
      stackOf(stack, '1', { sticky: { cookie: { name: 'shop', ttlMs: 3_600_000 } }, balance: 'roundrobin' }),
    );
    const url = deployment.endpoint('web');
    const visitor = async (cookie: string): Promise<{ cookie: string; host: string }> => {
      const response = await fetch(url, { headers: { cookie } });
      assert.equal(response.status, 200);
      const given = response.headers.get('set-cookie')?.split(';')[0];
      return { cookie: given ?? cookie, host: ((await response.json()) as { host: string }).host };
    };
    const three = await Promise.all([visitor(''), visitor(''), visitor('')]);
    const leaver = three.find(({ host }) => host === 'workers-3') ?? assert.fail('nobody is on the third');
    await deployment.scale('workers', 2);
    const moved = await visitor(leaver.cookie);
    assert.notEqual(moved.host, 'workers-3');
    assert.notEqual(moved.cookie, leaver.cookie);
    for (let each = 0; each < 4; each++) assert.equal((await visitor(moved.cookie)).host, moved.host);
    for (const { cookie, host } of three.filter((each) => each.host !== 'workers-3'))
      assert.equal((await visitor(cookie)).host, host);
  });

  it('answers 503 with Retry-After without workers, by the router and by its own port', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(stackOf(stack, '1'));
    await deployment.scale('workers', 0);
    for (const url of [deployment.endpoint('web'), deployment.endpoint('workers')]) {
      const { status, headers } = await fetch(url);
      assert.equal(status, 503);
      assert.match(headers.get('retry-after') ?? '', /^\d+$/);
    }
    await deployment.scale('workers', 3);
    assert.equal((await ask(deployment.endpoint('web'), '/')).version, '1');
  });

  it('counts anew after a reload', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(stackOf(stack, '1'));
    for (let each = 0; each < 5; each++) await ask(deployment.endpoint('web'), '/');
    const counted = async (): Promise<number> => {
      const { workers } = await deployment.stats('workers');
      return workers.reduce((sum, { requestsTotal }) => sum + requestsTotal, 0);
    };
    assert.equal(await counted(), 5);
    await lab.runtime.up(stackOf(stack, '1', { balance: 'roundrobin' }));
    assert.equal(await counted(), 0);
  });

  it('that is without its HAProxy loses what was in it, and is asked to come back until that is there', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(stackOf(stack, '1'));
    const url = deployment.endpoint('web');
    const inside = fetch(new URL('/?ms=20000', url));
    await eventually('it is inside', async () =>
      (await deployment.stats('workers')).sessions === 1 ? true : undefined,
    );
    await docker('kill', `${stack.name}-workers`);
    assert.equal((await inside).status, 502);
    const { status, headers } = await fetch(url);
    assert.equal(status, 503);
    assert.match(headers.get('retry-after') ?? '', /^\d+$/);
    await docker('start', `${stack.name}-workers`);
    await eventually('it answers', () => ask(url, '/'));
  });

  it('tells by its statistics what is in it, what waits, and how long its workers take', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(stackOf(stack, '1', { replicas: 2, maxConcurrency: 1 }));
    const before = await deployment.stats('workers');
    const slow = Array.from({ length: 5 }, () => ask(deployment.endpoint('web'), '/?ms=1500'));
    const busy = await eventually('all are in it', async () => {
      const stats = await deployment.stats('workers');
      return stats.sessions === 5 ? stats : undefined;
    });
    assert.equal(busy.queued, 3);
    assert.deepEqual(
      busy.workers.map(({ name, state, sessions }) => [name, state, sessions]),
      [
        ['w1', 'up', 1],
        ['w2', 'up', 1],
      ],
    );
    await Promise.all(slow);
    const { sessions, queued, requestsTotal, workers } = await deployment.stats('workers');
    assert.deepEqual([sessions, queued, requestsTotal - before.requestsTotal], [0, 0, 5]);
    assert.equal(
      workers.reduce((sum, each) => sum + each.requestsTotal, 0),
      5,
    );
    for (const each of workers) assert.ok(each.responseTimeMs > 700, JSON.stringify(each));
    assert.ok(workers.some(({ queueTimeMs }) => queueTimeMs > 300));
    const visit = await visitedWhile(deployment, async () => {
      const rate = await eventually('a rate is told', async () => {
        const { requestsPerSecond } = await deployment.stats('workers');
        return requestsPerSecond > 0 ? requestsPerSecond : undefined;
      });
      assert.ok(rate > 0);
      await fetch(new URL('/crash', deployment.endpoint('web')), { method: 'POST' });
    });
    assert.ok(visit.answered > 0);
    const after = await deployment.stats('workers');
    assert.ok(after.workers.some(({ failedResponses }) => failedResponses > 0));
  });
});

/** The light app, which writes each request down before it does anything with it. */
function tellingApp(version: string): AppOptions {
  const { command, ...app } = lightAppOf(version);
  const tell = `require('node:diagnostics_channel').subscribe('http.server.request.start', ({ request }) => console.log(request.method, request.url));`;
  return { ...app, command: ['node', '-e', `${tell}${command?.[2]}`] };
}

/** The worker that each request was in which HAProxy has logged, because it failed. */
function placesIn(log: string): ReadonlyMap<string, string> {
  const lines = log.matchAll(/ pool\/(\S+) .*"[A-Z]+ [^"]*[?&]visit=(\d+-\d+) HTTP/g);
  return new Map([...lines].map(([, server = '', visit = '']) => [visit, server]));
}
