import type { AppSpec, PoolSpec, ResourceSpec, RouterSpec, StackSpec } from '@plumbstack/core';
import { topologyOf, withFronts } from '@plumbstack/docker/internal';

/** One change of a program, and what a plan should say of it when the program before is up. */
export interface ProgramChange {
  readonly title: string;
  readonly spec: StackSpec;
  /** As `action kind name`. */
  readonly doings: readonly string[];
}

/** Every change of this list that is possible for a spec; some always are. */
export function changesOf(spec: StackSpec): readonly ProgramChange[] {
  return [
    ...additions(spec),
    ...spec.resources.flatMap((each) => changesOfOne(spec, each)),
    ...removals(spec),
  ];
}

/** Whom a pool's HAProxy believes: in one network the routers that lead to it, by name, else whoever comes where routers do. */
function believed({ isolation, resources }: StackSpec, pool: string): string {
  if (isolation !== false) return '';
  return resources
    .flatMap((each) =>
      each.kind === 'router' &&
      each.routes.some(({ target }) => target.type === 'resource' && target.name === pool)
        ? [each.name]
        : [],
    )
    .sort()
    .join();
}

/**
 * What else a plan says of a change: networks that come and go, who has to enter or leave one, and whom HAProxy believes of
 * visitors.
 */
export function withNetworks(
  declared: StackSpec,
  { spec: changed, doings }: ProgramChange,
): readonly string[] {
  const [before, after] = [withFronts(declared), withFronts(changed)];
  const [old, now] = [topologyOf(before), topologyOf(after)];
  const names = ({ networks }: typeof old): readonly string[] => networks.map(({ name }) => name);
  const placesOf = ({ guests }: typeof old, resource: string): string =>
    guests
      .filter((each) => each.resource === resource)
      .map(({ network, isWorker }) => `${network} ${isWorker}`)
      .sort()
      .join();
  const moved = after.resources.filter(
    ({ kind, name }) =>
      old.homes.has(name) &&
      now.homes.has(name) &&
      (placesOf(old, name) !== placesOf(now, name) ||
        (kind === 'pool' && believed(before, name) !== believed(after, name))),
  );
  const isTold = (name: string): boolean => doings.some((each) => each.endsWith(` ${name}`));
  return [
    ...doings,
    ...now.networks
      .filter(({ name }) => !names(old).includes(name))
      .map(({ name }) => `create network ${name}`),
    ...old.networks
      .filter(({ name }) => !names(now).includes(name))
      .map(({ name }) => `delete network ${name}`),
    ...moved.filter(({ name }) => !isTold(name)).map(({ kind, name }) => `update ${kind} ${name}`),
  ];
}

function additions(spec: StackSpec): readonly ProgramChange[] {
  const volume: ResourceSpec = { kind: 'volume', name: 'new-volume', driver: 'local', driverOptions: {} };
  return [
    {
      title: 'a volume more',
      spec: { ...spec, resources: [...spec.resources, volume] },
      doings: ['create volume new-volume'],
    },
    {
      title: 'an app more, before all others',
      spec: { ...spec, resources: [newApp, ...spec.resources] },
      doings: ['create app new-app'],
    },
    {
      title: 'a pool more, before all others',
      spec: { ...spec, resources: [newApp, newPool, ...spec.resources] },
      doings: ['create pool new-pool'],
    },
  ];
}

function changesOfOne(spec: StackSpec, resource: ResourceSpec): readonly ProgramChange[] {
  switch (resource.kind) {
    case 'app':
    case 'service':
      return containerChanges(spec, resource);
    case 'pool':
      return poolChanges(spec, resource);
    case 'router':
      return routerChanges(spec, resource);
    case 'volume':
    case 'secret':
      return [];
  }
}

function containerChanges(
  spec: StackSpec,
  container: Extract<ResourceSpec, { kind: 'app' | 'service' }>,
): readonly ProgramChange[] {
  const { name, kind, env, stopGraceMs, resources, command = [] } = container;
  const pools = spec.resources.filter((each) => each.kind === 'pool' && each.app === name);
  // A pool without workers has none to replace.
  const done = (action: string): readonly string[] =>
    pools.length === 0
      ? [`${action} ${kind} ${name}`]
      : pools.map(
          (each) => `${each.kind === 'pool' && each.replicas === 0 ? 'update' : action} pool ${each.name}`,
        );
  const more = { ...resources, pids: (resources.pids ?? 100) + 1 };
  return [
    {
      title: `a variable more for ${name}`,
      spec: replaced(spec, { ...container, env: { ...env, A_NEW_VARIABLE_OF_ITS_OWN: 'x' } }),
      doings: done('replace'),
    },
    {
      title: `another command for ${name}`,
      spec: replaced(spec, { ...container, command: [...command, 'more'] }),
      doings: done('replace'),
    },
    {
      title: `another grace for ${name}`,
      spec: replaced(spec, { ...container, stopGraceMs: stopGraceMs + 1 }),
      doings: done('replace'),
    },
    {
      title: `another limit for ${name}`,
      spec: replaced(spec, { ...container, resources: more }),
      doings: done('update'),
    },
    ...(container.kind === 'app' ? portChanges(spec, container, done('replace')) : []),
    ...(container.kind === 'app' && pools.length === 0 ? drainChanges(spec, container) : []),
  ];
}

/** In a spec, the time of a pool's workers is the pool's. */
function drainChanges(spec: StackSpec, app: AppSpec): readonly ProgramChange[] {
  const { name, drainTimeoutMs } = app;
  return [
    {
      title: `another drain time for ${name}, which no container is told`,
      spec: replaced(spec, { ...app, drainTimeoutMs: drainTimeoutMs + 1 }),
      doings: [`update app ${name}`],
    },
  ];
}

function portChanges(spec: StackSpec, app: AppSpec, done: readonly string[]): readonly ProgramChange[] {
  const routers = spec.resources.flatMap((each) =>
    each.kind === 'router' &&
    each.routes.some(({ target }) => target.type === 'resource' && target.name === app.name)
      ? [`update router ${each.name}`]
      : [],
  );
  return [
    {
      title: `another port of ${app.name}`,
      spec: replaced(spec, { ...app, port: app.port === 65_535 ? 1 : app.port + 1 }),
      doings: [...done, ...routers],
    },
  ];
}

function poolChanges(spec: StackSpec, pool: PoolSpec): readonly ProgramChange[] {
  const { name, replicas, queue, drainTimeoutMs, publish, trustedProxies = [] } = pool;
  const doings = [`update pool ${name}`];
  const more = { port: 65_500, host: '127.0.0.1', containerPort: 8080 };
  return [
    {
      title: `a port more of ${name}`,
      spec: replaced(spec, { ...pool, publish: [...publish, more] }),
      doings: [`${hasFront(pool) ? 'replace' : 'create'} router ${name}.front`],
    },
    ...(hasFront(pool)
      ? [
          {
            title: `a proxy more that ${name} trusts`,
            spec: replaced(spec, { ...pool, trustedProxies: [...trustedProxies, '192.0.2.77'] }),
            doings: [`update router ${name}.front`],
          },
          {
            title: `no port of ${name} for visitors`,
            spec: replaced(spec, {
              ...pool,
              publish: publish.filter(({ containerPort }) => containerPort !== 8080),
            }),
            doings: [`delete router ${name}.front`],
          },
        ]
      : []),
    { title: `a worker more in ${name}`, spec: replaced(spec, { ...pool, replicas: replicas + 1 }), doings },
    {
      title: `another queue for ${name}`,
      spec: replaced(spec, { ...pool, queue: { ...queue, limit: queue.limit + 1 } }),
      doings,
    },
    {
      title: `another drain time for ${name}, which HAProxy is not told`,
      spec: replaced(spec, { ...pool, drainTimeoutMs: drainTimeoutMs + 1 }),
      doings,
    },
  ];
}

/** Whether a pool publishes what visitors are answered at. */
function hasFront(pool: ResourceSpec): boolean {
  return pool.kind === 'pool' && pool.publish.some(({ containerPort }) => containerPort === 8080);
}

function routerChanges(spec: StackSpec, router: RouterSpec): readonly ProgramChange[] {
  const { name, maxBodyBytes, drainTimeoutMs, routes } = router;
  const [first, ...rest] = routes;
  const doings = [`update router ${name}`];
  return [
    {
      title: `another limit of bodies for ${name}`,
      spec: replaced(spec, { ...router, maxBodyBytes: maxBodyBytes + 1 }),
      doings,
    },
    {
      title: `another drain time for ${name}`,
      spec: replaced(spec, { ...router, drainTimeoutMs: drainTimeoutMs + 1 }),
      doings,
    },
    {
      title: `another image for ${name}`,
      spec: replaced(spec, {
        ...router,
        image: { type: 'pull', reference: 'another/nginx:1', policy: 'missing' },
      }),
      doings: [`replace router ${name}`],
    },
    ...(first?.target.type === 'resource'
      ? [
          {
            title: `another timeout for a route of ${name}`,
            spec: replaced(spec, {
              ...router,
              routes: [{ ...first, timeoutMs: first.timeoutMs + 1 }, ...rest],
            }),
            doings,
          },
        ]
      : []),
  ];
}

/** Of what nothing else refers to, and nothing learns from. */
function removals(spec: StackSpec): readonly ProgramChange[] {
  const used = new Set(
    spec.resources.flatMap((each) => [
      ...('dependsOn' in each ? each.dependsOn : []),
      ...(each.kind === 'pool' ? [each.app] : []),
      ...(each.kind === 'router'
        ? each.routes.flatMap(({ target }) => (target.type === 'resource' ? [target.name] : []))
        : []),
    ]),
  );
  const learns = spec.resources.some((each) => each.kind === 'app' && each.prefixEnv !== undefined);
  return spec.resources
    .filter(
      ({ kind, name }) =>
        !used.has(name) && kind !== 'secret' && kind !== 'volume' && !(kind === 'router' && learns),
    )
    .map((gone) => {
      const { kind, name } = gone;
      return { gone, kind, name };
    })
    .map(({ kind, name, gone }) => ({
      title: `${name} is gone`,
      spec: { ...spec, resources: spec.resources.filter((each) => each.name !== name) },
      doings:
        kind === 'pool'
          ? [
              `delete pool ${name}`,
              ...(hasFront(gone) ? [`delete router ${name}.front`] : []),
              ...appsLeftBy(spec, name).map((app) => `create app ${app}`),
            ]
          : [`delete ${kind} ${name}`],
    }));
}

/** An app that is in no pool any more runs by itself. */
function appsLeftBy(spec: StackSpec, pool: string): readonly string[] {
  const appOf = (name: string): string | undefined => {
    const found = spec.resources.find((each) => each.name === name);
    return found?.kind === 'pool' ? found.app : undefined;
  };
  const app = appOf(pool);
  const others = spec.resources.filter(
    (each) => each.kind === 'pool' && each.name !== pool && each.app === app,
  );
  return app === undefined || others.length > 0 ? [] : [app];
}

function replaced(spec: StackSpec, changed: ResourceSpec): StackSpec {
  return { ...spec, resources: spec.resources.map((each) => (each.name === changed.name ? changed : each)) };
}

const newApp: AppSpec = {
  kind: 'app',
  name: 'new-app',
  updateOrder: 'start-first',
  keepAlive: false,
  drainTimeoutMs: 30_000,
  image: { type: 'pull', reference: 'new', policy: 'missing' },
  port: 8000,
  env: {},
  mounts: [],
  files: [],
  secrets: [],
  publish: [],
  restart: 'always',
  dependsOn: [],
  startTimeoutMs: 60_000,
  resources: {},
  stopGraceMs: 10_000,
  init: true,
  labels: {},
  readOnly: false,
  capAdd: [],
  capDrop: [],
  extraHosts: {},
};

const newPool: PoolSpec = {
  kind: 'pool',
  name: 'new-pool',
  app: 'new-app',
  replicas: 2,
  balance: { algorithm: 'leastconn' },
  queue: { limit: 10, timeoutMs: 1000 },
  sticky: { type: 'none' },
  health: { type: 'tcp', intervalMs: 1000, timeoutMs: 1000, retries: 3 },
  update: { order: 'start-first', parallelism: 1, delayMs: 0, onFailure: 'rollback' },
  drainTimeoutMs: 1000,
  publish: [],
  stats: [],
  image: { type: 'pull', reference: 'haproxy:3.2', policy: 'missing' },
};
