import assert from 'node:assert/strict';
import type { StepReason } from '@plumbstack/core';
import {
  activeAddresses,
  label,
  poolFiles,
  recordFile,
  routerFiles,
  type ProxyFiles,
} from '@plumbstack/docker/internal';
import type { InMemoryEngine } from '@plumbstack/testing';
import { poolOf, routerOf } from '../compile/compiled';
import {
  applied,
  compare,
  configure,
  doings,
  labelsOf,
  lose,
  relist,
  untouched,
  reasonsOf,
  type Compared,
} from './planned';
import { sample, type SampleOptions } from './sample';

interface Drift {
  readonly title: string;
  readonly drift: (engine: InMemoryEngine) => unknown;
  readonly doings: readonly string[];
  readonly resource: string;
  /** Each reason's path, what is and what should be. */
  readonly reasons: Readonly<Record<string, readonly [unknown, unknown]>>;
}

const withLabels = (engine: InMemoryEngine, name: string, labels: Readonly<Record<string, string>>): void =>
  void Object.assign(labelsOf(engine, name), labels);
const contentsOf = (files: ProxyFiles['files']): Readonly<Record<string, string | Buffer>> =>
  Object.fromEntries(files.map(({ path, content }) => [path, content]));
/** What somebody has done to it who did not ask. */
const drifts: readonly Drift[] = [
  {
    title: 'a stopped app',
    drift: (engine) => engine.stop('shop-site'),
    doings: ['update app site'],
    resource: 'site',
    reasons: { state: ['exited', 'running'] },
  },
  {
    title: 'a paused service',
    drift: (engine) => engine.pause('shop-db'),
    doings: ['update service db'],
    resource: 'db',
    reasons: { state: ['paused', 'running'] },
  },
  {
    title: 'a renamed container',
    drift: ({ client }) => client.renameContainer('shop-site', 'mine'),
    doings: ['update app site'],
    resource: 'site',
    reasons: { container: ['mine', 'shop-site'] },
  },
  {
    title: 'a disconnected container',
    drift: ({ client }) => client.disconnectNetwork('shop_site', 'shop-site'),
    doings: ['update app site'],
    resource: 'site',
    reasons: { network: ['disconnected', 'shop_site'] },
  },
  {
    title: 'a container in another network of the same name',
    drift: (engine) =>
      relist(engine, 'listNetworks', (all) => {
        for (const each of all) if (each.name === 'shop.db') each.id = 'another';
      }),
    doings: ['update service db'],
    resource: 'db',
    reasons: { network: ['disconnected', 'shop.db'] },
  },
  {
    title: 'a container at an address outside the network',
    drift: (engine) => withLabels(engine, 'shop-db', { [label.address]: '192.168.9.9' }),
    doings: ['replace service db'],
    resource: 'db',
    // It does hold the first.
    reasons: { address: ['192.168.9.9', '10.208.0.3'] },
  },
  {
    title: 'a container of which nobody knows the address',
    drift: (engine) => withLabels(engine, 'shop-db', { [label.address]: 'mine' }),
    doings: ['replace service db'],
    resource: 'db',
    reasons: { address: ['unknown', '10.208.0.2'] },
  },
  {
    title: 'a worker of which nobody knows the slot',
    drift: (engine) => withLabels(engine, 'shop-workers-2', { [label.worker]: 'mine' }),
    doings: ['replace pool workers'],
    resource: 'workers',
    reasons: { 'shop-workers-2.address': ['10.208.8.5', 'a slot of the pool'] },
  },
  {
    title: 'a removed app',
    drift: (engine) => engine.remove('shop-site'),
    doings: ['create app site'],
    resource: 'site',
    reasons: { app: [undefined, 'created'] },
  },
  {
    title: 'a removed worker',
    drift: (engine) => engine.remove('shop-workers-2'),
    doings: ['update pool workers'],
    resource: 'workers',
    reasons: { replicas: [2, 3] },
  },
  {
    title: 'all workers removed',
    drift: (engine) => [1, 2, 3].forEach((slot) => engine.remove(`shop-workers-${slot}`)),
    doings: ['update pool workers'],
    resource: 'workers',
    reasons: { replicas: [0, 3] },
  },
  {
    title: 'a stopped worker',
    drift: (engine) => engine.stop('shop-workers-2'),
    doings: ['update pool workers'],
    resource: 'workers',
    reasons: { 'shop-workers-2.state': ['exited', 'running'] },
  },
  {
    title: 'a renamed worker',
    drift: ({ client }) => client.renameContainer('shop-workers-2', 'mine'),
    doings: ['update pool workers'],
    resource: 'workers',
    reasons: { 'mine.container': ['mine', 'shop-workers-2'] },
  },
  {
    title: 'a worker that is on no slot',
    drift: (engine) => withLabels(engine, 'shop-workers-2', { [label.address]: '192.168.9.9' }),
    doings: ['replace pool workers'],
    resource: 'workers',
    reasons: { 'shop-workers-2.address': ['192.168.9.9', '10.208.8.5'] },
  },
  {
    title: 'two workers on one slot',
    drift: (engine) => withLabels(engine, 'shop-workers-2', { [label.worker]: '1' }),
    doings: ['replace pool workers'],
    resource: 'workers',
    reasons: { 'shop-workers-2.address': ['10.208.8.5', '10.208.8.4'] },
  },
  {
    title: 'a stopped HAProxy',
    drift: (engine) => engine.stop('shop-workers'),
    doings: ['update pool workers'],
    resource: 'workers',
    reasons: { 'haproxy.state': ['exited', 'running'] },
  },
  {
    title: 'a removed HAProxy',
    drift: (engine) => engine.remove('shop-workers'),
    doings: ['update pool workers'],
    resource: 'workers',
    reasons: { haproxy: ['missing', 'created'] },
  },
  {
    title: "an edited configuration of a pool's HAProxy",
    drift: (engine) => configure(engine, 'shop-workers', { 'haproxy.cfg': '# mine' }),
    doings: ['update pool workers'],
    resource: 'workers',
    reasons: { 'file haproxy.cfg': ['another content', 'as described'] },
  },
  {
    title: "a missing configuration of a pool's HAProxy",
    drift: (engine) => lose(engine, 'shop-workers', 'haproxy.cfg'),
    doings: ['update pool workers'],
    resource: 'workers',
    reasons: { 'file haproxy.cfg': ['missing', 'as described'] },
  },
  {
    title: "an emptied configuration volume of a pool's HAProxy",
    drift: (engine) => lose(engine, 'shop-workers'),
    doings: ['update pool workers'],
    resource: 'workers',
    reasons: {
      'file haproxy.cfg': ['missing', 'as described'],
      [`file ${recordFile}`]: ['missing', 'as described'],
    },
  },
  {
    title: "a configuration folder of a pool's HAProxy that is gone",
    drift: (engine) => lose(engine),
    doings: ['update pool workers', 'update router web'],
    resource: 'workers',
    reasons: {
      'file haproxy.cfg': ['missing', 'as described'],
      [`file ${recordFile}`]: ['missing', 'as described'],
    },
  },
  {
    title: 'a damaged record of a pool',
    drift: (engine) => configure(engine, 'shop-workers', { [recordFile]: '{' }),
    doings: ['update pool workers'],
    resource: 'workers',
    reasons: { [`file ${recordFile}`]: ['another content', 'as described'] },
  },
  {
    title: 'a stopped router',
    drift: (engine) => engine.stop('shop-web'),
    doings: ['update router web'],
    resource: 'web',
    reasons: { state: ['exited', 'running'] },
  },
  {
    title: 'an edited configuration of a router',
    drift: (engine) => configure(engine, 'shop-web', { 'nginx.conf': '# mine' }),
    doings: ['update router web'],
    resource: 'web',
    reasons: { 'file nginx.conf': ['another content', 'as described'] },
  },
  {
    title: 'a missing configuration of a router',
    drift: (engine) => lose(engine, 'shop-web', 'nginx.conf'),
    doings: ['update router web'],
    resource: 'web',
    reasons: { 'file nginx.conf': ['missing', 'as described'] },
  },
  {
    title: 'another certificate in the volume of a router',
    drift: (engine) => configure(engine, 'shop-web', { 'tls/certificate.pem': 'mine' }),
    doings: ['update router web'],
    resource: 'web',
    reasons: { 'file tls/certificate.pem': ['another content', 'as described'] },
  },
  {
    title: 'a damaged record of a router',
    drift: (engine) => configure(engine, 'shop-web', { [recordFile]: 'null' }),
    doings: ['update router web'],
    resource: 'web',
    reasons: { [`file ${recordFile}`]: ['another content', 'as described'] },
  },
  {
    title: 'a removed volume, and the service that had it',
    drift: (engine) => {
      engine.remove('shop-db');
      return engine.client.removeVolume('shop-data');
    },
    doings: ['create service db', 'create volume data'],
    resource: 'data',
    reasons: { volume: [undefined, 'created'] },
  },
  {
    title: 'a removed volume of a generated secret',
    drift: (engine) => {
      engine.remove('shop-key.secret');
      return engine.client.removeVolume('shop-key.secret');
    },
    doings: ['create secret key', 'replace pool workers', 'replace service db', 'update router web'],
    resource: 'key',
    reasons: { secret: [undefined, 'created'] },
  },
];

describe('a plan', () => {
  it('finds a generated secret again whose keeper somebody has removed', async () => {
    const engine = await applied(sample());
    engine.remove('shop-key.secret');
    assert.deepEqual(reasonsOf(await compare(engine, sample()), 'key'), {
      value: ['unreadable', 'readable'],
    });
  });

  for (const { title, drift, doings: wanted, resource, reasons } of drifts) {
    it(`mends ${title}, and says why`, async () => {
      const engine = await applied(sample());
      await drift(engine);
      const compared = await compare(engine, sample());
      assert.deepEqual([...doings(compared)].sort(), wanted, compared.plan.toString());
      assert.deepEqual(reasonsOf(compared, resource), reasons);
    });
  }

  it('removes what an interrupted update has left beside what serves', async () => {
    const engine = await applied(sample());
    const left = { [label.address]: '10.208.0.77', [label.digest]: 'older' };
    relist(engine, 'listContainers', (all) => {
      const labels = { ...labelsOf(engine, 'shop-site'), ...left };
      all.push({
        ...all.find(({ name }) => name === 'shop-site'),
        id: 'old',
        name: 'shop-site.next',
        labels,
      });
    });
    const compared = await compare(engine, sample());
    assert.deepEqual(doings(compared), ['update app site']);
    assert.deepEqual(reasonsOf(compared, 'site'), { container: ['shop-site.next', 'removed'] });
  });

  it('changes nothing once an update has moved an app and a HAProxy to their other address', async () => {
    const engine = await applied(sample());
    const { desired } = await compare(engine, sample());
    const [site, workers] = [
      desired.units.find(({ resource }) => resource === 'site'),
      poolOf(desired, 'workers'),
    ];
    withLabels(engine, 'shop-site', { [label.address]: site?.addresses[1] ?? '' });
    withLabels(engine, 'shop-workers', { [label.address]: workers.addresses[1] ?? '' });
    const moved = await compare(engine, sample());
    // nginx is still where they were.
    assert.deepEqual(doings(moved), ['update router web']);
    const { files } = routerFiles(
      routerOf(desired, 'web'),
      activeAddresses(moved.desired.units, moved.observed),
    );
    await configure(engine, 'shop-web', contentsOf(files));
    const { plan } = await compare(engine, sample());
    assert.ok(plan.isEmpty, plan.toString());
  });

  it('leaves a pool alone whose neighbours come and go', async () => {
    const engine = await applied(sample());
    const spec = sample();
    const fewer = { ...spec, resources: spec.resources.filter(({ name }) => name !== 'site') };
    const web = fewer.resources.map((each) =>
      each.kind === 'router' ? { ...each, routes: each.routes.slice(0, 1) } : each,
    );
    const compared = await compare(engine, { ...spec, resources: web });
    // The database leaves the network of the app that is gone.
    assert.deepEqual(doings(compared), [
      'update service db',
      'update router web',
      'delete app site',
      'delete network shop_site',
    ]);
    engine.remove('shop-site');
    for (const name of ['shop-db', 'shop-web']) await engine.client.disconnectNetwork('shop_site', name);
    await engine.client.removeNetwork('shop_site');
    assert.deepEqual(doings(await compare(engine, { ...spec, resources: web })), ['update router web']);
  });

  it('says of a network with other addresses that everything in it is replaced', async () => {
    const engine = await applied(sample());
    const compared = await compare(engine, sample({ subnet: '10.99.0.0/22' }));
    const all = ['service db', 'app site', 'pool workers', 'router web'];
    const networks = ['shop.db', 'shop_site', 'shop_workers.pool', 'shop'].map((each) => `network ${each}`);
    assert.deepEqual(
      [...doings(compared)].sort(),
      [...networks, ...all].map((each) => `replace ${each}`).sort(),
    );
    assert.deepEqual(reasonsOf(compared, 'db')['subnet'], ['10.208.0.0/29', '10.99.0.0/29']);
    assert.match(compared.plan.toString(), /do not answer meanwhile/);
  });

  it('leaves in place what is in the part of a network that the program narrows it to', async () => {
    const engine = await applied(sample());
    const compared = await compare(engine, sample({ subnet: '10.208.0.0/24' }));
    assert.deepEqual(doings(compared), ['replace network shop_workers.pool', 'replace pool workers']);
  });

  it('makes a network that somebody has removed, and mends what was in it where it is', async () => {
    const engine = await applied(sample());
    relist(engine, 'listNetworks', (all) => (all.length = 0));
    const compared = await compare(engine, sample());
    const created = ['shop.db', 'shop_site', 'shop_workers.pool', 'shop'].map((each) => `network ${each}`);
    const updated = ['service db', 'app site', 'pool workers', 'router web'];
    assert.deepEqual(
      [...doings(compared)].sort(),
      [...created.map((each) => `create ${each}`), ...updated.map((each) => `update ${each}`)].sort(),
    );
    assert.deepEqual(
      compared.plan.steps.find(({ resource, kind }) => resource === 'shop/site' && kind === 'app')?.reasons,
      [{ path: 'network', from: 'disconnected', to: 'shop_site' }],
    );
  });

  it('sees limits and restart policies that somebody has changed, only where it looks', async () => {
    const engine = await applied(sample());
    const spec = sample({ app: { resources: { memoryBytes: 2 ** 27 }, restart: 'on-failure' } });
    const compared = await compare(engine, spec);
    assert.deepEqual(doings(compared), ['update app site']);
    assert.deepEqual(reasonsOf(compared, 'site'), {
      'resources.memoryBytes': [undefined, 2 ** 27],
      restart: ['always', 'on-failure'],
    });
    const limits = { memoryBytes: 2 ** 27 };
    await engine.client.updateContainer('shop-site', { limits, restart: 'on-failure' });
    assert.ok((await compare(engine, spec)).plan.isEmpty);
  });

  it('replaces a container to take a limit away', async () => {
    const engine = await applied(sample({ app: { resources: { pids: 10 } } }));
    const compared = await compare(engine, sample());
    assert.deepEqual(doings(compared), ['replace app site']);
    assert.deepEqual(reasonsOf(compared, 'site'), { 'resources.pids': [10, undefined] });
  });

  it('says so where a tampered label hides the difference', async () => {
    const engine = await applied(sample());
    withLabels(engine, 'shop-site', { [label.digest]: 'mine' });
    const reasons = reasonsOf(await compare(engine, sample()), 'site');
    assert.deepEqual(Object.keys(reasons), ['digest']);
    assert.equal(reasons['digest']?.[0], 'mine');
  });
});

describe('the reasons of a plan', () => {
  const changed = async (options: SampleOptions): Promise<Compared> =>
    compare(await untouched(sample()), sample(options));

  const cases: readonly (readonly [
    title: string,
    options: SampleOptions,
    resource: string,
    reasons: object,
  ])[] = [
    ['an environment variable', { app: { env: { A: '1' } } }, 'site', { 'env.A': [undefined, '1'] }],
    [
      'a variable that every object has',
      { app: { env: { constructor: '1' } } },
      'site',
      { 'env.constructor': [undefined, '1'] },
    ],
    ['a whole command', { app: { command: ['a', 'b'] } }, 'site', { command: [undefined, ['a', 'b']] }],
    ['a worker', { pooled: { env: { A: '1' } } }, 'workers', { 'worker.env.A': [undefined, '1'] }],
    ['the number of workers', { pool: { replicas: 5 } }, 'workers', { replicas: [3, 5] }],
    [
      'the balance of a pool',
      { pool: { balance: 'random' } },
      'workers',
      { 'balance.algorithm': ['leastconn', 'random'] },
    ],
    [
      'what only the record of a pool tells',
      { pooled: { startTimeoutMs: 7 } },
      'workers',
      { startTimeoutMs: [60_000, 7] },
    ],
    [
      'how long an app may take to leave',
      { app: { drainTimeoutMs: 7 } },
      'site',
      { drainTimeoutMs: [30_000, 7] },
    ],
    [
      'how long workers may take to leave, as their app says',
      { pooled: { drainTimeoutMs: 7 } },
      'workers',
      { drainTimeoutMs: [30_000, 7] },
    ],
    [
      'how long may go on after a reload',
      { web: { drainTimeoutMs: 7 } },
      'web',
      { drainTimeoutMs: [3_600_000, 7] },
    ],
    ['the limit of bodies', { web: { maxBodyBytes: 7 } }, 'web', { maxBodyBytes: [10 * 1024 * 1024, 7] }],
  ];
  for (const [title, options, resource, reasons] of cases) {
    it(`name ${title} by its path`, async () => {
      const compared = await changed(options);
      assert.deepEqual(reasonsOf(compared, resource), reasons, compared.plan.toString());
      assert.equal(doings(compared).length, 1);
    });
  }

  it('name a route by its host and prefix', async () => {
    const spec = sample();
    const resources = spec.resources.map((each) =>
      each.kind === 'router'
        ? { ...each, routes: each.routes.map((route) => ({ ...route, host: 'a.org', buffering: false })) }
        : each,
    );
    const compared = await compare(await untouched(spec), { ...spec, resources });
    const paths = Object.keys(reasonsOf(compared, 'web'));
    assert.ok(paths.includes('routes./api/') && paths.includes('routes.a.org/api/'), paths.join(', '));
  });

  it('tell that a password has changed, and neither hash', async () => {
    const compared = await changed({ hash: '$6$salt$second' });
    const text = JSON.stringify(compared.plan);
    assert.deepEqual(Object.keys(reasonsOf(compared, 'web')), ['routes./site/.auth.users']);
    assert.ok(!text.includes('salt') && !text.includes('first') && !text.includes('second'));
  });

  it('tell that a secret has changed, and neither value', async () => {
    const engine = await applied(sample());
    const [spec, value] = [sample(), 'ab'.repeat(32)];
    await configure(engine, 'shop-key.secret', { value }, '/secret');
    const compared = await compare(engine, spec);
    assert.deepEqual(doings(compared), ['replace service db', 'replace pool workers', 'update router web']);
    assert.deepEqual(Object.keys(reasonsOf(compared, 'db')), ['secrets./run/secrets/key']);
    assert.deepEqual(Object.keys(reasonsOf(compared, 'workers')), ['worker.secrets./run/secrets/key']);
    const files: readonly StepReason[] = compared.plan.steps.flatMap(({ kind, reasons }) =>
      kind === 'router' ? reasons : [],
    );
    assert.ok(files.length > 0 && files.every(({ path }) => path.startsWith('file ')));
    assert.ok(!JSON.stringify(compared.plan).includes(value));
  });

  it('say of a pool without workers what the next ones will be', async () => {
    const none = { pool: { replicas: 0 } };
    const compared = await compare(
      await untouched(sample(none)),
      sample({ ...none, pooled: { env: { A: '1' } } }),
    );
    assert.deepEqual(doings(compared), ['update pool workers']);
    assert.deepEqual(reasonsOf(compared, 'workers'), { 'worker.env.A': [undefined, '1'] });
  });

  it('say that the record of a pool wants another number of workers than the program', async () => {
    const engine = await applied(sample());
    const scaled = poolFiles(
      poolOf((await compare(engine, sample({ pool: { replicas: 5 } }))).desired, 'workers'),
    );
    await configure(engine, 'shop-workers', contentsOf(scaled.files));
    assert.deepEqual(reasonsOf(await compare(engine, sample()), 'workers'), { replicas: [5, 3] });
  });

  const env = { A: '1' };
  const finish = (time: string): string => `visitors have up to ${time} to finish what they have begun`;
  const reloaded = (time: string): string =>
    `nginx is reloaded; what visitors have begun may go on for up to ${time}`;
  const impacts: readonly (readonly [
    title: string,
    before: SampleOptions,
    after: SampleOptions,
    impact: string | undefined,
  ])[] = [
    ['a routed app, where the old one serves until the new one does', {}, { app: { env } }, finish('30 s')],
    [
      'a routed app whose visitors may take longer',
      {},
      { app: { env, drainTimeoutMs: 90_000 } },
      finish('90 s'),
    ],
    [
      'a routed app, where its router lets nobody take as long',
      { web: { drainTimeoutMs: 1500 } },
      { app: { env }, web: { drainTimeoutMs: 1500 } },
      finish('1500 ms'),
    ],
    [
      'a routed app whose visitors may take no time',
      {},
      { app: { env, drainTimeoutMs: 0 } },
      'visitors have no time to finish what they have begun',
    ],
    ['the time alone that an app may take', {}, { app: { drainTimeoutMs: 90_000 } }, undefined],
    [
      'an app with a port of its own',
      { app: { publish: 8001 } },
      { app: { publish: 8001, env } },
      'stopped before its successor starts; no answer at 127.0.0.1:8001, /site/ of web meanwhile',
    ],
    ['workers, where new ones join first', {}, { pooled: { env } }, finish('30 s')],
    [
      'workers, whose pool says how long they may take',
      {},
      { pooled: { env, drainTimeoutMs: 5 }, pool: { drainTimeoutMs: 120_000 } },
      finish('2 min'),
    ],
    [
      'workers, where old ones leave first',
      {},
      { pooled: { env }, pool: { update: { order: 'stop-first' } } },
      `1 of 3 workers at a time leave before their successors join; ${finish('30 s')}`,
    ],
    [
      'workers, where all leave first',
      {},
      { pooled: { env }, pool: { update: { order: 'stop-first', parallelism: 5 } } },
      `all workers leave before their successors join; requests wait meanwhile; ${finish('30 s')}`,
    ],
    ['a HAProxy, which only routers reach', {}, { pool: { image: 'haproxy:other' } }, finish('30 s')],
    [
      'a HAProxy with a port of its own',
      {},
      { pool: { stats: 8404 } },
      'its HAProxy is stopped before its successor starts; no answer at 127.0.0.1:8404, /api/ of web meanwhile',
    ],
    [
      'a router',
      {},
      { web: { root: './public' } },
      'nginx is stopped before its successor starts; connections to 0.0.0.0:443 are refused for a moment',
    ],
    ['routes, which are reloaded', {}, { web: { maxBodyBytes: 7 } }, reloaded('1 h')],
    [
      'a reload, with the limit that is in force until then',
      { web: { drainTimeoutMs: 120_000 } },
      { web: { drainTimeoutMs: 5000 } },
      reloaded('2 min'),
    ],
  ];
  for (const [title, before, after, impact] of impacts) {
    it(`come with what visitors notice of another version: ${title}`, async () => {
      const { plan } = await compare(await untouched(sample(before)), sample(after));
      const changed = plan.steps.filter(({ action }) => action !== 'keep');
      assert.deepEqual(
        changed.map((step) => step.impact),
        [impact],
        plan.toString(),
      );
    });
  }

  it('come with what visitors notice of a service, and of what goes for good', async () => {
    const published = sample({ app: { publish: 8001 } });
    const engine = await untouched(published);
    const resources = published.resources
      .filter(({ name }) => name !== 'site')
      .map((each) =>
        each.kind === 'router'
          ? { ...each, routes: each.routes.filter(({ prefix }) => prefix !== '/site/') }
          : each.kind === 'service'
            ? { ...each, env }
            : each,
      );
    const { plan } = await compare(engine, { ...published, resources });
    const impactOf = (name: string): string | undefined =>
      plan.steps.find(({ resource }) => resource === `shop/${name}`)?.impact;
    assert.equal(impactOf('db'), 'stopped before its successor starts, which takes over the data in data');
    assert.equal(impactOf('site'), 'nothing answers at 127.0.0.1:8001 any more');
    assert.equal(impactOf('web'), reloaded('1 h'));
  });
});
