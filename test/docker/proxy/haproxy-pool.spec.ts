import assert from 'node:assert/strict';
import { Agent } from 'node:http';
import {
  adminCommand,
  admitCommands,
  drainCommands,
  holdCommands,
  moveCommand,
  parseServersState,
  parseStat,
  poolStats,
  readyCommands,
  renderHaproxy,
  saveStateCommand,
  showServersState,
  showStat,
  type HaproxyModel,
  type StatTable,
} from '@plumbstack/docker/proxy';
import { docker, putFiles, Sandbox, until } from '../../support/docker-cli';
import { eventually } from '../../support/lab';
import { anySubnet, hostOf } from '../../support/free-subnet';
import {
  ask,
  ConstantLoad,
  echoOf,
  revisionOf,
  startApp,
  startHaproxy,
  type Answer,
  type RunningProxy,
} from './proxy-lab';
import { sampleHaproxy } from './sample-models';

const subnet = anySubnet();
const host = (number: number): string => hostOf(subnet, number);

const adminPort = 9999;
// Five slots with four workers: one is always empty.
const slots = [11, 12, 13, 14, 99].map((last, index) => ({
  number: index + 1,
  address: `${host(last)}:8000`,
}));
const byCookie = { type: 'cookie', name: 'plumbstack-workers', secure: false, sameSite: 'lax' } as const;
const health = { type: 'tcp', intervalMs: 500, timeoutMs: 1000, retries: 2 } as const;

describe('HAProxy in front of a pool', function () {
  this.timeout(120_000);
  let sandbox: Sandbox;
  let revision = 0xa0;

  before(async () => {
    sandbox = await Sandbox.create('px-pool', subnet);
    await Promise.all([1, 2, 3, 4].map((worker) => startApp(sandbox, `w${worker}`, host(10 + worker))));
  });
  after(() => sandbox?.[Symbol.asyncDispose]());

  async function startPool(
    more: Partial<HaproxyModel> = {},
  ): Promise<RunningProxy & { model: HaproxyModel }> {
    const model = sampleHaproxy({ slots, health, revision: (revision++).toString(16), ...more });
    const proxy = await startHaproxy(sandbox, model);
    const wanted = model.slots.filter(({ address }) => !address.includes('.99:')).length;
    await until('its workers are up', async () => (await upIn(proxy)).length === wanted);
    return { ...proxy, model };
  }

  const admin = (proxy: RunningProxy, commands: readonly string[]): Promise<string> =>
    docker('exec', proxy.container, ...adminCommand(adminPort, commands));
  const stats = async (proxy: RunningProxy): Promise<StatTable> => parseStat(await admin(proxy, [showStat]));
  const upIn = async (proxy: RunningProxy): Promise<readonly string[]> =>
    (await stats(proxy)).servers.filter(({ state }) => state === 'up').map(({ name }) => name);
  const get = (proxy: RunningProxy, path = '/', headers: Record<string, string> = {}): Promise<Answer> =>
    ask({ port: proxy.port(8080), path, headers });
  const appOf = async (proxy: RunningProxy, headers: Record<string, string> = {}): Promise<string> =>
    echoOf(await get(proxy, '/', headers)).app;

  it('spreads requests over the workers, and never asks an empty slot', async () => {
    const proxy = await startPool({ balance: { algorithm: 'roundrobin' } });
    const apps = await Promise.all(Array.from({ length: 40 }, () => appOf(proxy)));
    assert.deepEqual([...new Set(apps)].sort(), ['w1', 'w2', 'w3', 'w4']);
    const { servers } = await stats(proxy);
    assert.deepEqual(
      servers.map(({ name, state }) => [name, state]),
      [
        ['w1', 'up'],
        ['w2', 'up'],
        ['w3', 'up'],
        ['w4', 'up'],
        ['w5', 'down'],
      ],
    );
    assert.equal(servers[4]?.requestsTotal, 0);
  });

  it('adds what a router would have said, and leaves what one said', async () => {
    const proxy = await startPool({ believed: ['0.0.0.0/0'] });
    const { headers } = echoOf(await get(proxy, '/', { host: 'direct.org:81' }));
    assert.equal(headers.host, 'direct.org:81');
    assert.equal(headers['x-forwarded-host'], 'direct.org:81');
    assert.equal(headers['x-forwarded-proto'], 'http');
    assert.match(String(headers['x-forwarded-for']), /^\d+\.\d+\.\d+\.\d+$/);
    const routed = {
      'x-forwarded-for': '192.0.2.7',
      'x-forwarded-host': 'router.org',
      'x-forwarded-proto': 'https',
      'x-forwarded-prefix': '/app1',
    };
    const behind = echoOf(await get(proxy, '/', routed)).headers;
    assert.deepEqual({ ...behind, ...routed }, behind);
  });

  it('believes nobody but routers about a visitor', async () => {
    for (const maxConcurrency of [undefined, 1]) {
      const proxy = await startPool({
        believed: ['192.0.2.0/24'],
        ...(maxConcurrency !== undefined && { maxConcurrency }),
      });
      const forged = {
        host: 'pool.org',
        'x-forwarded-for': '192.0.2.7',
        'x-forwarded-host': 'forged.org',
        'x-forwarded-proto': 'https',
      };
      const { headers } = echoOf(await get(proxy, '/', forged));
      assert.notEqual(headers['x-forwarded-for'], '192.0.2.7');
      assert.match(String(headers['x-forwarded-for']), /^\d+\.\d+\.\d+\.\d+$/);
      assert.deepEqual([headers['x-forwarded-host'], headers['x-forwarded-proto']], ['pool.org', 'http']);
    }
  });

  it('answers 503 with Retry-After while no worker runs', async () => {
    const proxy = await startPool({ slots: slots.slice(4) });
    const answer = await get(proxy);
    assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '5']);
    assert.match(answer.body, /No worker is free/);
  });

  it('gives a worker one request at a time, and lets the others wait their turn', async () => {
    const proxy = await startPool({ slots: slots.slice(0, 2), maxConcurrency: 1 });
    const started = Date.now();
    const finished: number[] = [];
    // In order of arrival: each connection is opened before the next request is sent.
    const waiting: Promise<Answer>[] = [];
    for (let index = 0; index < 8; index++) {
      waiting.push(get(proxy, '/slow?ms=400').then((answer) => (finished.push(index), answer)));
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    const whileWaiting = poolStats('workers', await stats(proxy));
    const answers = await Promise.all(waiting);
    assert.ok(answers.every(({ status }) => status === 200));
    assert.ok(Date.now() - started >= 1500, 'eight requests of 400 ms at two workers take four rounds');
    // Two come out of each round, so that neighbours may change places, but nobody is overtaken by a later round.
    finished.forEach((index, place) => assert.ok(Math.abs(index - place) <= 1, `order: ${finished.join()}`));
    assert.ok(whileWaiting.queued > 0, JSON.stringify(whileWaiting));
    assert.ok(whileWaiting.sessions > whileWaiting.queued);
    for (const worker of ['w1', 'w2']) assert.equal(await mostAtOnce(worker), 1);
  });

  async function mostAtOnce(worker: string): Promise<number> {
    return (await countsOf(worker)).mostAtOnce;
  }

  async function countsOf(worker: string): Promise<{ readonly mostAtOnce: number; readonly seen: number }> {
    const program = `fetch('http://127.0.0.1:8000/counts').then(async (r) => console.log(await r.text()))`;
    return JSON.parse(await docker('exec', sandbox.nameOf(worker), 'node', '-e', program)) as {
      mostAtOnce: number;
      seen: number;
    };
  }

  it('does not let an idle connection hold the only place of a worker', async () => {
    const proxy = await startPool({ slots: slots.slice(0, 1), maxConcurrency: 1 });
    const agent = new Agent({ keepAlive: true });
    assert.equal((await ask({ port: proxy.port(8080), path: '/', agent })).status, 200);
    const started = Date.now();
    assert.equal((await get(proxy)).status, 200);
    // It would be held for 10 s.
    assert.ok(Date.now() - started < 5000);
    agent.destroy();
  });

  it('refuses what would wait beyond the limit at once, with Retry-After', async () => {
    const proxy = await startPool({
      slots: slots.slice(0, 1),
      maxConcurrency: 1,
      queue: { limit: 2, timeoutMs: 10_000 },
    });
    const answers = await oneByOne(6, () => get(proxy, '/slow?ms=700'));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 503, 503, 503],
    );
    assert.equal(answers[5]?.headers['retry-after'], '5');
    assert.equal((await stats(proxy)).frontend?.denied, 3);
  });

  it('lets nobody wait where the limit is 0, and has every place used', async () => {
    const proxy = await startPool({
      slots: slots.slice(0, 2),
      maxConcurrency: 1,
      queue: { limit: 0, timeoutMs: 10_000 },
    });
    const answers = await oneByOne(4, () => get(proxy, '/slow?ms=700'));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 503, 503],
    );
  });

  it('hangs up on a wait that takes too long, without a byte: a router makes it 503', async () => {
    const proxy = await startPool({
      slots: slots.slice(0, 1),
      maxConcurrency: 1,
      queue: { limit: 10, timeoutMs: 200 },
    });
    const answers = await oneByOne(2, () =>
      get(proxy, '/slow?ms=1000').then(
        ({ status }) => status,
        (error: NodeJS.ErrnoException) => error.code,
      ),
    );
    assert.deepEqual(answers, [200, 'ECONNRESET']);
  });

  it('computes nothing for those who left while they waited, and keeps the place of what is computed', async () => {
    for (const sticky of [{ type: 'none' }, byCookie] as const) {
      // An empty slot has no turns to give.
      const proxy = await startPool({
        slots: slots.filter(({ number }) => number === 1 || number === 5),
        maxConcurrency: 1,
        sticky,
      });
      const leaving = Array.from({ length: 8 }, () => new AbortController());
      const sent: Promise<unknown>[] = [];
      for (const { signal } of leaving) {
        sent.push(
          fetch(`http://127.0.0.1:${proxy.port(8080)}/slow?ms=6000`, {
            signal,
            headers: { cookie: 'plumbstack-workers=w1' },
          }).catch(() => undefined),
        );
        const known = sent.length;
        await eventually('all of them are there', async () => {
          const { sessions } = poolStats('workers', await stats(proxy));
          return sessions === known || undefined;
        });
      }
      const [computed, ...waiting] = leaving;
      const before = await countsOf('w1');
      waiting.forEach((each) => each.abort());
      computed?.abort();
      await Promise.all(sent);
      await eventually('those who waited are dropped', async () => {
        const { queued } = poolStats('workers', await stats(proxy));
        return queued === 0 || undefined;
      });
      // The worker is still at the first one: its place is taken until it has answered.
      const held = poolStats('workers', await stats(proxy));
      assert.deepEqual([held.sessions, held.workers[0]?.sessions], [1, 1]);
      assert.equal((await get(proxy)).status, 200);
      const after = await countsOf('w1');
      // The last request, and this question.
      assert.equal(after.seen - before.seen, 2);
      assert.equal(after.mostAtOnce, 1);
    }
  });

  async function oneByOne<T>(count: number, start: () => Promise<T>): Promise<readonly T[]> {
    const started: Promise<T>[] = [];
    for (let index = 0; index < count; index++) {
      started.push(start());
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    return Promise.all(started);
  }

  for (const [where, few] of [
    ['', {}],
    [', where places are few', { maxConcurrency: 1 }],
  ] as const) {
    it(`keeps a client with a cookie on its worker, and moves it when the worker drains${where}`, async () => {
      const proxy = await startPool({ ...few, sticky: byCookie, balance: { algorithm: 'roundrobin' } });
      const first = await get(proxy);
      const { app } = echoOf(first);
      const [given = ''] = first.headers['set-cookie'] ?? [];
      assert.equal(given, `plumbstack-workers=${app}; path=/; HttpOnly; SameSite=Lax`);
      const cookie = given.split(';')[0] ?? '';
      for (let round = 0; round < 6; round++) assert.equal(await appOf(proxy, { cookie }), app);
      // The app does not see the cookie: it is HAProxy's own.
      assert.equal(echoOf(await get(proxy, '/', { cookie })).headers.cookie, undefined);

      const worker = Number(app.slice(1));
      assert.equal((await admin(proxy, drainCommands(worker))).trim(), '');
      const moved = await get(proxy, '/', { cookie });
      assert.notEqual(echoOf(moved).app, app);
      assert.match(String(moved.headers['set-cookie']), /^plumbstack-workers=w\d;/);

      assert.equal((await admin(proxy, readyCommands(worker))).trim(), '');
      await until('it is up again', async () => (await upIn(proxy)).includes(app));
      assert.equal(await appOf(proxy, { cookie }), app);
    });

    it(`tells a browser how to keep the cookie, and forgets a client whose time is over${where}`, async () => {
      const name = 'shop.v2';
      const proxy = await startPool({
        ...few,
        sticky: { type: 'cookie', name, secure: true, sameSite: 'strict', ttlMs: 2500 },
        balance: { algorithm: 'roundrobin' },
      });
      const first = await get(proxy);
      const { app } = echoOf(first);
      const [given = ''] = first.headers['set-cookie'] ?? [];
      const [pair = '', ...attributes] = given.split('; ');
      assert.match(pair, new RegExp(`^shop\\.v2=${app}\\|`));
      assert.deepEqual(attributes.sort(), ['HttpOnly', 'Max-Age=3', 'SameSite=Strict', 'Secure', 'path=/']);
      for (let round = 0; round < 6; round++) assert.equal(await appOf(proxy, { cookie: pair }), app);
      // Of several cookies, only its own is taken away from a worker that leaves.
      await admin(proxy, drainCommands(Number(app.slice(1))));
      const cookie = `my${pair}; ${pair}; z=1`;
      const moved = await get(proxy, '/', { cookie });
      assert.notEqual(echoOf(moved).app, app);
      assert.equal(moved.headers['set-cookie']?.length, 1);
      assert.match(String(echoOf(moved).headers.cookie), /^myshop\.v2=w\d\|[^;]*;.*z=1$/);
      await admin(proxy, readyCommands(Number(app.slice(1))));
      await until('it is up again', async () => (await upIn(proxy)).includes(app));
      await until('a new cookie is given', async () => {
        const answer = await get(proxy, '/', { cookie: pair });
        return answer.headers['set-cookie'] !== undefined;
      });
    });
  }

  it('gives a worker that joins its share little by little', async () => {
    const proxy = await startPool({
      slots: slots.slice(0, 2),
      balance: { algorithm: 'roundrobin' },
      sticky: byCookie,
      slowStartMs: 20_000,
    });
    // Both have just come up. One has its full share by the time that the other comes again.
    await new Promise((resolve) => setTimeout(resolve, 21_000));
    await admin(proxy, holdCommands(2));
    await admin(proxy, admitCommands(2));
    const weights = parseServersState(await admin(proxy, [showServersState])).map(({ weight }) => weight);
    assert.deepEqual(weights, [1, 1]);
    // Who has its cookie is no stranger to it: a small share is not none.
    assert.equal(await appOf(proxy, { cookie: 'plumbstack-workers=w2' }), 'w2');
    const apps = await Promise.all(Array.from({ length: 60 }, () => appOf(proxy)));
    const share = apps.filter((app) => app === 'w2').length;
    assert.ok(share < 20, `${share} of 60`);
  });

  it('holds a slot until its worker is admitted, over a reload too, and not over a restart', async () => {
    const proxy = await startPool({ slots: slots.slice(0, 2) });
    assert.equal((await admin(proxy, holdCommands(1))).trim(), '');
    const stateOf = async (): Promise<string | undefined> => (await stats(proxy)).servers[0]?.state;
    assert.equal(await stateOf(), 'maintenance');
    await reloadAs(proxy, 'c1');
    assert.equal(await stateOf(), 'maintenance');
    for (let round = 0; round < 6; round++) assert.equal(await appOf(proxy), 'w2');
    // In the same moment, not at its next check.
    const answer = await admin(proxy, [...admitCommands(1), showStat]);
    assert.equal(parseStat(answer.trimStart()).servers[0]?.state, 'up');
    await admin(proxy, holdCommands(1));
    await docker('restart', proxy.container);
    await until('all are in again', async () =>
      admin(proxy, [showStat]).then(
        (told) => parseStat(told).servers.every(({ state }) => state === 'up'),
        () => false,
      ),
    );
  });

  it('asks a slot at the port that a new configuration has, once it is moved there', async () => {
    const proxy = await startPool({ slots: slots.slice(0, 2) });
    const elsewhere = slots.slice(0, 2).map(({ number, address }) => ({
      number,
      address: address.replace(':8000', ':8001'),
    }));
    const portsOf = async (): Promise<readonly number[]> =>
      parseServersState(await admin(proxy, [showServersState])).map(({ port }) => port);
    await admin(proxy, [moveCommand(1, elsewhere[0]?.address ?? '')]);
    assert.deepEqual(await portsOf(), [8001, 8000]);
    await reloadAs(proxy, 'c2', elsewhere);
    // The second was not moved, and what HAProxy remembered of it wins over the configuration.
    assert.deepEqual(await portsOf(), [8001, 8000]);
  });

  async function reloadAs(
    proxy: RunningProxy & { model: HaproxyModel },
    next: string,
    to: HaproxyModel['slots'] = proxy.model.slots,
  ): Promise<void> {
    const files = renderHaproxy({ ...proxy.model, slots: to, revision: next });
    await putFiles(proxy.container, '/etc/plumbstack', files);
    await docker('exec', proxy.container, ...saveStateCommand(adminPort));
    await proxy.reload();
    await until(
      'the new configuration is in force',
      async () => (await revisionOf(proxy.container, adminPort)) === next,
    );
  }

  it('uses a connection to a worker again only where its app says so, and places are not few', async () => {
    for (const [keepAlive, maxConcurrency, isKept] of [
      [true, undefined, true],
      [false, undefined, false],
      [true, 1, false],
    ] as const) {
      const proxy = await startPool({
        slots: slots.slice(0, 1),
        keepAlive,
        ...(maxConcurrency !== undefined && { maxConcurrency }),
      });
      const idle = async (): Promise<number> => {
        const answer = await admin(proxy, ['show servers conn pool']);
        // The 13th column: https://docs.haproxy.org/3.2/management.html#9.3-show%20servers%20conn
        return Number(
          answer
            .split('\n')
            .find((each) => each.startsWith('pool/w1 '))
            ?.split(' ')[12],
        );
      };
      await get(proxy);
      assert.equal(await idle(), isKept ? 1 : 0);
    }
  });

  it('gives a GET that a wedged worker holds to another, and takes the worker out where it is asked', async () => {
    const http = {
      type: 'http',
      path: '/',
      minStatus: 200,
      maxStatus: 399,
      intervalMs: 200,
      timeoutMs: 300,
      retries: 2,
    } as const;
    for (const maxConcurrency of [undefined, 1]) {
      const proxy = await startPool({
        slots: slots.slice(0, 2),
        health: http,
        timeoutMs: 700,
        balance: { algorithm: 'roundrobin' },
        ...(maxConcurrency !== undefined && { maxConcurrency }),
      });
      await docker('pause', sandbox.nameOf('w1'));
      try {
        const answers = await Promise.all([get(proxy), get(proxy)]);
        assert.deepEqual(
          answers.map((answer) => echoOf(answer).app),
          ['w2', 'w2'],
        );
        await until('it is out', async () => (await upIn(proxy)).join() === 'w2');
      } finally {
        await docker('unpause', sandbox.nameOf('w1'));
      }
      await until('it is in again', async () => (await upIn(proxy)).length === 2);
    }
  });

  it('tells who sent what may not be repeated to a wedged worker, and nobody else', async () => {
    const proxy = await startPool({ slots: slots.slice(0, 2), timeoutMs: 700 });
    await docker('pause', sandbox.nameOf('w1'));
    try {
      const post = (): Promise<Answer> => ask({ port: proxy.port(8080), method: 'POST', body: 'x' });
      const statuses = (await Promise.all([post(), post()])).map(({ status }) => status);
      assert.deepEqual(statuses.sort(), [200, 504]);
    } finally {
      await docker('unpause', sandbox.nameOf('w1'));
    }
  });

  it('lets a draining worker finish what it has, and gives it nothing more', async () => {
    const proxy = await startPool({ slots: slots.slice(0, 2) });
    const slow = await Promise.all([startSlow(proxy), startSlow(proxy)]);
    await admin(proxy, drainCommands(1));
    const during = (await stats(proxy)).servers[0];
    assert.deepEqual([during?.state, during?.sessions], ['drain', 1]);
    for (let round = 0; round < 6; round++) assert.equal(await appOf(proxy), 'w2');
    const answers = await Promise.all(slow.map(({ answer }) => answer));
    assert.deepEqual(answers.map(({ body }) => body).sort(), ['w1', 'w2']);
    await until('its sessions are over', async () => (await stats(proxy)).servers[0]?.sessions === 0);
    assert.deepEqual(
      parseServersState(await admin(proxy, [showServersState])).map(
        ({ name, draining, weight, operational }) => [name, draining, weight, operational],
      ),
      [
        ['w1', true, 0, 'running'],
        ['w2', false, 1, 'running'],
      ],
    );
  });

  async function startSlow(proxy: RunningProxy): Promise<{ answer: Promise<Answer> }> {
    const before = (await stats(proxy)).backend?.sessions ?? 0;
    const answer = get(proxy, '/slow?ms=2500');
    await until('it is at a worker', async () => ((await stats(proxy)).backend?.sessions ?? 0) > before);
    return { answer };
  }

  it('gives all requests of one header value to one worker, and few move when a worker leaves', async () => {
    const proxy = await startPool({ balance: { algorithm: 'header', header: 'X-User' } });
    const users = Array.from({ length: 30 }, (_, index) => `user-${index}`);
    const workersOf = async (): Promise<readonly string[]> =>
      Promise.all(users.map((user) => appOf(proxy, { 'x-user': user })));
    const before = await workersOf();
    assert.deepEqual(await workersOf(), before);
    assert.ok(new Set(before).size > 1);
    await admin(proxy, drainCommands(1));
    const after = await workersOf();
    after.forEach((app, index) => assert.equal(app === before[index], before[index] !== 'w1', users[index]));
  });

  it('tells visitors apart by their address behind a router', async () => {
    for (const more of [
      { sticky: { type: 'source' } },
      { balance: { algorithm: 'source' } },
      { sticky: { type: 'source' }, maxConcurrency: 1 },
    ] as const) {
      const proxy = await startPool({ ...more, believed: ['0.0.0.0/0'] });
      const visitors = Array.from({ length: 20 }, (_, index) => `192.0.2.${index + 1}`);
      const workersOf = (): Promise<readonly string[]> =>
        Promise.all(visitors.map((visitor) => appOf(proxy, { 'x-forwarded-for': visitor })));
      const before = await workersOf();
      assert.ok(new Set(before).size > 1, 'all visitors are at one worker');
      assert.deepEqual(await workersOf(), before);
    }
  });

  it('gives a GET whose worker is killed to another, and never a POST', async () => {
    const proxy = await startPool({ slots: slots.slice(0, 2) });
    const victim = get(proxy, '/slow?ms=1500');
    await until('it is at a worker', async () =>
      (await stats(proxy)).servers.some(({ sessions }) => sessions === 1),
    );
    const worker = (await stats(proxy)).servers.find(({ sessions }) => sessions === 1)?.name ?? '';
    await docker('kill', sandbox.nameOf(worker));
    const answer = await victim;
    assert.equal(answer.status, 200);
    assert.notEqual(answer.body, worker);
    await docker('start', sandbox.nameOf(worker));
    await until('it is up again', async () => (await upIn(proxy)).length === 2);

    // A request that kills its worker: sent twice, it would kill the second worker too.
    const post = await ask({ port: proxy.port(8080), path: '/crash', method: 'POST', body: 'x' });
    assert.equal(post.status, 502);
    const running = await Promise.all(
      ['w1', 'w2'].map((each) => docker('inspect', '--format', '{{.State.Running}}', sandbox.nameOf(each))),
    );
    assert.deepEqual(running.sort(), ['false', 'true']);
    await Promise.all(['w1', 'w2'].map((each) => docker('start', sandbox.nameOf(each))));
    await until('both are up again', async () => (await upIn(proxy)).length === 2);
  });

  it('gives what may not be repeated a connection of its own, and an answer where it is lost', async () => {
    const proxy = await startPool({ slots: slots.slice(0, 1) });
    const kept = new Agent({ keepAlive: true });
    for (const own of [{}, { agent: kept }]) {
      // Its connection to the worker stays open.
      assert.equal((await ask({ port: proxy.port(8080), ...own })).status, 200);
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const lost = await ask({ port: proxy.port(8080), path: '/hang-up', method, body: 'x', ...own });
        assert.equal(lost.status, 502, method);
      }
    }
    kept.destroy();
  });

  it('fails no GET while a worker is killed and comes back', async () => {
    const proxy = await startPool({ slots: slots.slice(0, 3) });
    await using load = new ConstantLoad({ port: proxy.port(8080), path: '/' }, 4);
    await docker('kill', sandbox.nameOf('w2'));
    await until('it is down', async () => !(await upIn(proxy)).includes('w2'));
    await docker('start', sandbox.nameOf('w2'));
    await until('it is up', async () => (await upIn(proxy)).includes('w2'));
    const { sent, failed } = await load.stop();
    assert.ok(sent > 100, `only ${sent} requests`);
    assert.deepEqual(failed, []);
  });

  it('fails no request while it reloads with more slots, and remembers who drains', async () => {
    const proxy = await startPool({ slots: slots.slice(0, 2) });
    await admin(proxy, drainCommands(1));
    await using gets = new ConstantLoad({ port: proxy.port(8080), path: '/' }, 4);
    await using posts = new ConstantLoad({ port: proxy.port(8080), path: '/', method: 'POST', body: 'x' }, 2);
    for (const next of ['d1', 'd2', 'd3']) {
      await putFiles(
        proxy.container,
        '/etc/plumbstack',
        renderHaproxy({ ...proxy.model, slots, revision: next }),
      );
      await docker('exec', proxy.container, ...saveStateCommand(adminPort));
      await proxy.reload();
      await until(
        'the new configuration is in force',
        async () => (await revisionOf(proxy.container, adminPort)) === next,
      );
      assert.equal((await stats(proxy)).servers[0]?.state, 'drain');
    }
    await until('the new slots are up', async () => (await upIn(proxy)).length === 3);
    for (const load of [gets, posts]) {
      const { sent, failed } = await load.stop();
      assert.ok(sent > 50, `only ${sent} requests`);
      assert.deepEqual(failed, []);
    }
  });

  it('stops softly: what it has begun, it finishes', async () => {
    const proxy = await startPool({ slots: slots.slice(0, 1) });
    const { answer } = await startSlow(proxy);
    const stopped = docker('stop', '--time', '20', proxy.container);
    assert.equal((await answer).body, 'w1');
    await stopped;
    // 128 + SIGKILL would be 137.
    assert.equal(await docker('inspect', '--format', '{{.State.ExitCode}}', proxy.container), '0');
  });

  it('does not take a busy worker for a dead one', async () => {
    const http = {
      type: 'http',
      path: '/blocked?ms=1',
      minStatus: 200,
      maxStatus: 399,
      intervalMs: 200,
      timeoutMs: 200,
      retries: 2,
    } as const;
    const proxy = await startPool({ slots: slots.slice(0, 1), maxConcurrency: 1, health: http });
    const answer = get(proxy, '/block?ms=2500');
    await until('it works on it', async () => (await stats(proxy)).servers[0]?.sessions === 1);
    const states = new Set<string | undefined>();
    await until('it is done', async () => {
      const [server] = (await stats(proxy)).servers;
      states.add(server?.state);
      return server?.sessions === 0;
    });
    assert.equal((await answer).status, 200);
    assert.deepEqual([...states], ['up']);
  });

  it('shows statistics that change nothing', async () => {
    const proxy = await startPool({ statsPort: 8404 });
    const page = await ask({ port: proxy.port(8404) });
    assert.match(page.body, /pool/);
    assert.doesNotMatch(page.body, /method="?post|name="?action/i);
    assert.equal(
      (await ask({ port: proxy.port(8404), method: 'POST', body: 's=w1&action=drain&b=pool' })).status,
      403,
    );
    assert.match(
      (await ask({ port: proxy.port(8404), path: '/metrics' })).body,
      /haproxy_backend_current_queue/,
    );
  });

  it('is told what to do by nobody outside', async () => {
    const proxy = await startPool();
    const program = `require('node:net').connect(9999, '${proxy.container}').on('connect', () => console.log('in')).on('error', () => console.log('out'))`;
    assert.equal(await docker('exec', sandbox.nameOf('w1'), 'node', '-e', program), 'out');
  });
});
