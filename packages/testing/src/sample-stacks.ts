import { Stack, type AppOptions, type PoolOptions } from '@plumbstack/core';

/** What every sample stack needs to know. */
export interface SampleOptions {
  /** Name of the stack. */
  readonly name: string;
  /** An HTTP app that listens on its port; on a real engine, one whose image is there. */
  readonly app: AppOptions;
}

export interface PooledSampleOptions extends SampleOptions {
  /** @default 2 */
  readonly replicas?: number;
  /** Options of the pool beside its app and its replicas. */
  readonly pool?: Omit<PoolOptions, 'app' | 'replicas'>;
}

/** One app, `api`, on any free port of loopback. */
export function singleAppStack({ name, app }: SampleOptions): Stack {
  const stack = new Stack(name);
  stack.app('api', { publish: 0, ...app });
  return stack;
}

/** A pool, `workers`, of the app `api`, on any free port of loopback. */
export function pooledStack({ name, app, replicas = 2, pool = {} }: PooledSampleOptions): Stack {
  const stack = new Stack(name);
  stack.pool('workers', { publish: 0, ...pool, app: stack.app('api', app), replicas });
  return stack;
}

/**
 * A pool, `workers`, at `/app1/` and a single app, `app2`, at `/app2/`, behind the router `web` on any free port of
 * loopback.
 */
export function articleStack({ name, app, replicas = 2, pool = {} }: PooledSampleOptions): Stack {
  const stack = new Stack(name);
  const workers = stack.pool('workers', { ...pool, app: stack.app('app1', app), replicas });
  const app2 = stack.app('app2', app);
  stack
    .router('web', { publish: { port: 0, host: '127.0.0.1' } })
    .route('/app1/', workers)
    .route('/app2/', app2);
  return stack;
}

export interface DataSampleOptions extends SampleOptions {
  /** Value of the secret `token`. @default the engine makes one of 32 bytes */
  readonly token?: string;
  /** Rotation of the one that the engine makes. @default 0 */
  readonly rotation?: number;
}

/**
 * One app, `api`, that depends on the service `store`, with the volume `data` at `/data` of the store and the secret
 * `token` in both. The store runs the app's own image and command.
 */
export function dataStack({ name, app, token, rotation = 0 }: DataSampleOptions): Stack {
  const stack = new Stack(name);
  const data = stack.volume('data');
  const secret = stack.secret(
    'token',
    token === undefined ? { generateBytes: 32, rotation } : { value: token },
  );
  const { port: _port, prefixEnv: _prefixEnv, publish: _publish, ...common } = app;
  const store = stack.service('store', {
    ...common,
    mounts: [...(common.mounts ?? []), { volume: data, target: '/data' }],
    secrets: [...(common.secrets ?? []), secret],
  });
  stack.app('api', {
    publish: 0,
    ...app,
    secrets: [...(app.secrets ?? []), secret],
    dependsOn: [...(app.dependsOn ?? []), store],
  });
  return stack;
}
