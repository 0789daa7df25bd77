import {
  Stack,
  type AppOptions,
  type PoolOptions,
  type RouterOptions,
  type StackSpec,
} from '@plumbstack/core';

export interface SampleOptions {
  /** @default one that the addresses in these tests are of */
  readonly subnet?: string | false;
  readonly app?: Partial<AppOptions>;
  readonly pooled?: Partial<AppOptions>;
  readonly pool?: Partial<PoolOptions>;
  readonly web?: Partial<RouterOptions>;
  /** Hash of the password that a route asks for. */
  readonly hash?: string;
}

/** One of everything, called `shop`. */
export function sample({
  subnet = '10.208.0.0/16',
  app,
  pooled,
  pool,
  web,
  hash = '$6$salt$first',
}: SampleOptions = {}): StackSpec {
  const stack = new Stack('shop', subnet === false ? {} : { subnet });
  const volume = stack.volume('data');
  const key = stack.secret('key', { generateBytes: 32 });
  const certificate = stack.secret('certificate', { env: 'certificate' });
  const db = stack.service('db', {
    image: 'postgres',
    mounts: [{ volume, target: '/data' }],
    secrets: [key],
  });
  const site = stack.app('site', { image: 'site', dependsOn: [db], ...app });
  const api = stack.app('api', { image: 'api', secrets: [key], ...pooled });
  const workers = stack.pool('workers', { app: api, replicas: 3, ...pool });
  stack
    .router('web', { publish: 443, tls: { certificate, key }, ...web })
    .route('/api/', workers)
    .route('/site/', site, { auth: { users: { ada: hash } } });
  return stack.toSpec();
}
