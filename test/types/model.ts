/** Compiled by `tsc -p test`, never run: what a program may write of the model, and what it must not compile. */
import {
  Pool,
  Stack,
  isResource,
  isStack,
  plumber,
  type Acme,
  type App,
  type AppOptions,
  type AppSpec,
  type PoolOptions,
  type Resource,
  type Router,
  type StackSpec,
} from '@plumbstack/core';

declare const stack: Stack;
declare const app: App;
declare const other: unknown;

export function compiles(): void {
  const data = stack.volume('data');
  const key = stack.secret('key', { generateBytes: 32 });
  const database = stack.service('database', {
    image: { reference: 'postgres:18', pull: 'always' },
    secrets: [key],
  });
  const app1: App = stack.app('app1', {
    build: { context: '.', args: { A: 'b' }, secrets: [key, { secret: key, id: 'k' }], builder: 'buildkit' },
    command: ['run', '--now'],
    env: { A: 'b' },
    mounts: [
      { bind: './data', target: '/data', readOnly: true },
      { volume: data, target: '/cache' },
      { tmpfs: true, target: '/tmp', sizeBytes: 65_536 },
    ],
    files: [{ target: '/etc/a.yml', content: 'a: 1', mode: 0o600 }],
    secrets: [key, { secret: key, target: '/key' }],
    publish: [80, { port: 0, host: '0.0.0.0' }],
    dependsOn: [database],
    health: { http: '/health', minStatus: 200 },
    resources: { cpus: 0.5 },
  });
  const pool: Pool = stack.pool('pool', {
    app: app1,
    sticky: false,
    balance: { header: 'X-User' },
    queue: { limit: 5 },
  });
  const router: Router = stack
    .router('web', { tls: { certificate: key, key }, serverName: ['a.org', '*.b.org'] })
    .route('/a/', pool, { auth: { users: { ada: '$6$a$b' } } })
    .route('/b/', app1)
    .route('/old/', { redirect: '/a/', status: 301 });
  const asked: Acme = {
    termsAgreed: true,
    email: 'ops@a.org',
    directory: 'https://ca.a.org/d',
    ca: './ca.pem',
  };
  stack.router('asked', {
    publish: [443, 80],
    tls: { acme: asked, hosts: { 'b.org': { selfSigned: true } } },
  });
  stack.app('plumbed', plumber('./plumber.R', { packages: ['jsonlite'], dependsOn: [database, pool] }));
  new Pool('s', 'p', { app: app1 } satisfies PoolOptions);

  const spec: StackSpec = stack.toSpec();
  const again: Stack = Stack.fromSpec(JSON.parse(JSON.stringify(spec)));
  const part: AppSpec = app1.toSpec();
  const links: readonly Resource[] = router.links.map(({ target }) => target);
  void [again, part, links];
}

/** A function that adds resources is a component. */
export function component(into: Stack, options: Pick<AppOptions, 'image' | 'env'>): App {
  return into.app('component', options);
}

export function narrows(): void {
  if (isStack(other)) other.validate();
  if (isResource(other, 'app')) {
    const kind: 'app' = other.kind;
    void kind;
    // @ts-expect-error -- an app is no pool
    const pool: 'pool' = other.kind;
    void pool;
  }
  for (const resource of stack.toSpec().resources) {
    if (resource.kind === 'pool') void resource.replicas;
    // @ts-expect-error -- only a pool has replicas
    void resource.replicas;
    if (resource.kind === 'app' && resource.image.type === 'build') void resource.image.dockerfile;
  }
}

export function doesNotCompile(): void {
  // @ts-expect-error -- no such option
  stack.app('a', { imgae: 'nginx' });
  // @ts-expect-error -- a command is a list of arguments, never a shell line
  stack.app('a', { image: 'nginx', command: 'run --now' });
  // @ts-expect-error -- a build's secrets are objects of the stack, not names
  stack.app('a', { build: { context: '.', secrets: ['key'] } });
  // @ts-expect-error -- a time has its unit in its name
  stack.app('a', { image: { reference: 'nginx', pull: 86_400 } });
  // @ts-expect-error -- a value of the environment is a string
  stack.app('a', { image: 'nginx', env: { PORT: 8080 } });
  // @ts-expect-error -- links are objects, never names
  stack.app('a', { image: 'nginx', dependsOn: ['database'] });
  // @ts-expect-error -- nothing starts before a volume
  stack.app('a', { image: 'nginx', dependsOn: [stack.volume('v')] });
  // @ts-expect-error -- a volume is an object, never a name
  stack.app('a', { image: 'nginx', mounts: [{ volume: 'data', target: '/data' }] });
  // @ts-expect-error -- a mount has a target
  stack.app('a', { image: 'nginx', mounts: [{ bind: './data' }] });
  // @ts-expect-error -- Compose's short syntax is no mount
  stack.app('a', { image: 'nginx', mounts: ['./data:/data'] });
  // @ts-expect-error -- a secret is an object, never a name
  stack.app('a', { image: 'nginx', secrets: ['key'] });
  // @ts-expect-error -- a port is a number
  stack.app('a', { image: 'nginx', publish: '80:80' });
  // @ts-expect-error -- no such policy
  stack.app('a', { image: 'nginx', restart: 'never' });
  // @ts-expect-error -- no such check
  stack.app('a', { image: 'nginx', health: { url: '/' } });
  // @ts-expect-error -- an app has options
  stack.app('a');
  // @ts-expect-error -- a service listens where it wants
  stack.service('db', { image: 'postgres', port: 5432 });

  // @ts-expect-error -- a pool has an app
  stack.pool('p', { replicas: 2 });
  // @ts-expect-error -- an app is an object, never a name
  stack.pool('p', { app: 'app1' });
  // @ts-expect-error -- a service is no app
  stack.pool('p', { app: stack.service('db', { image: 'postgres' }) });
  // @ts-expect-error -- no such balance
  stack.pool('p', { app, balance: 'first' });
  stack.pool('p1', { app, sticky: { cookie: { secure: true, sameSite: 'none', ttlMs: 60_000 } } });
  // @ts-expect-error -- a cookie's options are a cookie's
  stack.pool('p2', { app, sticky: { cookie: { maxAge: 60 } } });
  // @ts-expect-error -- sticky says how
  stack.pool('p', { app, sticky: true });

  const router = stack.router('web');
  // @ts-expect-error -- a target is an object, never a name
  router.route('/', 'app1');
  // @ts-expect-error -- a volume answers no request
  router.route('/', stack.volume('v'));
  // @ts-expect-error -- a service is no app
  router.route('/', stack.service('db', { image: 'postgres' }));
  // @ts-expect-error -- no such status of a redirect
  router.route('/', { redirect: '/a/', status: 303 });
  // @ts-expect-error -- users and their hashes are an object
  router.route('/', app, { auth: { users: ['ada'] } });
  // @ts-expect-error -- a certificate is a secret, never a path
  stack.router('w', { tls: { certificate: './tls.pem', key: './tls.key' } });
  // @ts-expect-error -- an authority's terms are agreed to, or nothing is asked
  stack.router('w', { tls: { acme: { email: 'ops@a.org' } } });
  // @ts-expect-error -- no such version is spoken
  stack.router('w', { tls: { selfSigned: true, minVersion: '1.1' } });
  // @ts-expect-error -- agreed is agreed
  stack.router('w', { tls: { acme: { termsAgreed: false } } });

  // @ts-expect-error -- a secret comes from somewhere
  stack.secret('s', {});
  // @ts-expect-error -- a secret is never the options themselves
  stack.secret('s', 'hunter2');
  // @ts-expect-error -- plumber(...) sets the command
  plumber('./plumber.R', { command: ['R'] });
  // @ts-expect-error -- a name of a stack is a string
  new Stack(5);
}

export function cannotBeChanged(options: AppOptions): void {
  // @ts-expect-error -- read-only
  options.image = 'nginx';
  // @ts-expect-error -- read-only
  app.name = 'b';
  // @ts-expect-error -- read-only
  stack.resources.push(app);
  // @ts-expect-error -- read-only
  stack.toSpec().resources[0] = app.toSpec();
  // @ts-expect-error -- read-only
  app.toSpec().env['A'] = 'b';
  // @ts-expect-error -- `undefined` is left out, not given: exactOptionalPropertyTypes
  stack.app('a', { image: undefined });
}
