/** Compiled by `tsc -p test`, never run: what a program may write of the recipes, and what it must not compile. */
import {
  node,
  plumber,
  postgres,
  python,
  redis,
  type App,
  type Connect,
  type PostgresOptions,
  type RedisOptions,
  type Secret,
  type Service,
  type ServiceSpec,
  type Stack,
  type Volume,
} from '@plumbstack/core';

declare const stack: Stack;
declare const app: App;
declare const key: Secret;
declare const data: Volume;

/** Whether two types are the same, rather than one fitting the other. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? 'same' : 'different';

export function compiles(): void {
  const db = postgres(stack, 'db');
  const cache = redis(stack, 'cache');
  const inferred: readonly [Same<typeof db, Service>, Same<typeof cache, Service>] = ['same', 'same'];

  const settings = { max_connections: '50', log_statement: 'all' };
  postgres(stack, 'all', {
    image: { reference: 'postgis/postgis:18-3.6', pull: 'always' },
    database: 'shop',
    user: 'shopkeeper',
    password: key,
    volume: data,
    settings,
    initFiles: ['schema.sql', 'data.sql.gz'],
    resources: { memoryBytes: 256 * 1024 * 1024 },
    publish: 5432,
    mounts: [{ bind: './dumps', target: '/dumps', readOnly: true }],
    secrets: [key],
  });
  const options = { image: 'valkey/valkey:9', settings: { maxmemory: '100mb' } } satisfies RedisOptions;
  redis(stack, 'valkey', { ...options, password: key, volume: data, dependsOn: [db] });

  const further: Connect = { service: cache, envPrefix: 'CACHE_', urlEnv: 'REDIS_URL' };
  stack.app('api', plumber('./plumber.R', { packages: ['RPostgreSQL'], connect: [db, further] }));
  stack.app(
    'node',
    node('./server.js', { install: true, connect: [db], poolDefaults: { maxConcurrency: 4 } }),
  );
  stack.app('python', python('./main.py', { server: 'uvicorn', requirements: 'requirements.txt' }));
  stack.service('worker', { image: 'worker', connect: [db, { service: cache }] });

  const spec: ServiceSpec = db.toSpec();
  const kind: 'service' = db.kind;
  void [inferred, spec, kind];
}

/** What a component of one's own takes, and gives back. */
export function sharedDatabase(into: Stack, options: Omit<PostgresOptions, 'database'>): Service {
  return postgres(into, 'shared', { ...options, database: 'shared' });
}

export function doesNotCompile(): void {
  // @ts-expect-error -- a recipe adds to a stack
  postgres('db');
  // @ts-expect-error -- a service has a name
  redis(stack);
  // @ts-expect-error -- no such option
  postgres(stack, 'db', { databse: 'shop' });
  // @ts-expect-error -- a password is a secret, never text
  postgres(stack, 'db', { password: 'hunter2' });
  // @ts-expect-error -- a password is a secret, never text
  redis(stack, 'cache', { password: 'hunter2' });
  // @ts-expect-error -- a volume is an object, never a name
  postgres(stack, 'db', { volume: 'data' });
  // @ts-expect-error -- a secret holds no data of a server
  redis(stack, 'cache', { volume: key });
  // @ts-expect-error -- settings are text, as the server reads them
  postgres(stack, 'db', { settings: { max_connections: 50 } });
  // @ts-expect-error -- settings have names
  redis(stack, 'cache', { settings: ['appendonly yes'] });
  // @ts-expect-error -- files are a list: their order counts
  postgres(stack, 'db', { initFiles: 'schema.sql' });
  // @ts-expect-error -- Redis has no databases with names
  redis(stack, 'cache', { database: 'shop' });

  // @ts-expect-error -- the recipe sets the command: settings are for it
  postgres(stack, 'db', { command: ['postgres', '-c', 'max_connections=50'] });
  // @ts-expect-error -- the recipe sets the entry point
  redis(stack, 'cache', { entrypoint: ['redis-server'] });
  // @ts-expect-error -- the recipe knows when its server answers
  postgres(stack, 'db', { health: { tcp: true } });
  // @ts-expect-error -- what connects gets what the recipe gives
  redis(stack, 'cache', { connection: { env: { REDIS_HOST: 'cache' } } });
  // @ts-expect-error -- the image has the official one's entry point: it is not built here
  postgres(stack, 'db', { build: './db' });

  const db = postgres(stack, 'db');
  // @ts-expect-error -- a database is no app
  const wrong: App = db;
  // @ts-expect-error -- nor are its copies a pool
  stack.pool('dbs', { app: db });
  // @ts-expect-error -- no route leads to it
  stack.router('web').route('/', db);
  // @ts-expect-error -- links are objects, never names
  stack.app('api', { image: 'api', connect: ['db'] });
  // @ts-expect-error -- an app gives nothing to who connects
  stack.app('api', { image: 'api', connect: [app] });
  // @ts-expect-error -- a variable has a name
  stack.app('api', { image: 'api', connect: [{ service: db, urlEnv: true }] });
  // @ts-expect-error -- a connection leads to a service
  stack.app('api', { image: 'api', connect: [{ envPrefix: 'DB_' }] });
  void wrong;
}

export function cannotBeChanged(options: PostgresOptions): void {
  // @ts-expect-error -- read-only
  options.database = 'other';
  // @ts-expect-error -- read-only
  options.settings = {};
  // @ts-expect-error -- `undefined` is left out, not given: exactOptionalPropertyTypes
  redis(stack, 'cache', { image: undefined });
}
