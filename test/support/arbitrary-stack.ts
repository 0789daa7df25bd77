import fc from 'fast-check';
import {
  Stack,
  type Acme,
  type App,
  type AppOptions,
  type BuildOptions,
  type Certificate,
  type Connect,
  type Connection,
  type ContainerOptions,
  type HealthCheck,
  type HttpHealthCheck,
  type Mount,
  type Pool,
  type PoolOptions,
  type Publish,
  type PublishOptions,
  type Redirect,
  type RouteOptions,
  type Router,
  type RouterOptions,
  type Secret,
  type SecretMount,
  type SecretOptions,
  type Service,
  type StackOptions,
  type TcpHealthCheck,
  type Tls,
  type Volume,
  type VolumeOptions,
} from '@plumbstack/core';

/** How many of each kind a stack has at most. */
export interface StackSize {
  readonly volumes?: number;
  readonly secrets?: number;
  readonly services?: number;
  readonly apps?: number;
  readonly pools?: number;
  readonly routers?: number;
}

/** Valid stacks: every rule of `validate` is kept, every option appears. */
export function arbitraryStack(size: StackSize = {}): fc.Arbitrary<Stack> {
  return arbitraryRecipe(size).map((recipe) => {
    const stack = build(recipe);
    const show = { value: () => JSON.stringify(stack.toSpec()) };
    return Object.defineProperty(stack, fc.toStringMethod, show);
  });
}

/** What is free to choose. What one resource's choice forbids another is settled by {@link build}. */
interface Recipe {
  readonly name: string;
  readonly options: StackOptions;
  /** More than there are resources. */
  readonly names: readonly string[];
  /** More than there are host ports. */
  readonly ports: readonly number[];
  readonly volumes: readonly VolumeOptions[];
  readonly secrets: readonly SecretOptions[];
  readonly services: readonly ContainerRecipe[];
  readonly apps: readonly ContainerRecipe<AppOptions>[];
  readonly pools: readonly PoolRecipe[];
  readonly routers: readonly RouterRecipe[];
}

type TlsOptions = Pick<Tls, 'redirect' | 'hsts' | 'minVersion'>;

/** Numbers choose among what is there when the resource is made; `take` cuts them down to it. */
type Choice = number;

interface MountRecipe {
  readonly kind: 'bind' | 'volume' | 'tmpfs';
  readonly source: string;
  readonly volume: Choice;
  readonly readOnly?: boolean;
  readonly sizeBytes?: number;
}

interface ContainerRecipe<O extends ContainerOptions = ContainerOptions> {
  readonly options: O;
  readonly mounts: readonly MountRecipe[];
  readonly files: readonly (
    { readonly content: string; readonly mode?: number } | { readonly source: string }
  )[];
  readonly secrets: readonly SecretMountRecipe[];
  readonly dependsOn: readonly Choice[];
  readonly connect: readonly {
    readonly service: Choice;
    readonly prefixed: boolean;
    readonly url: boolean;
  }[];
  readonly publish: readonly PublishRecipe[];
}

interface SecretMountRecipe extends Pick<SecretMount, 'prefix' | 'suffix' | 'encoding'> {
  readonly secret: Choice;
  readonly named: boolean;
  readonly inEnvironment: boolean;
}

interface PublishRecipe {
  readonly free: boolean;
  readonly host?: string;
  readonly containerPort?: number;
}

interface PoolRecipe {
  readonly options: Omit<PoolOptions, 'app'>;
  readonly publish: readonly PublishRecipe[];
  readonly stats: readonly PublishRecipe[];
}

interface RouterRecipe {
  readonly options: RouterOptions;
  readonly publish: readonly PublishRecipe[];
  readonly tls?: {
    readonly kind: 'own' | 'self-signed' | 'acme';
    readonly acme: Omit<Acme, 'termsAgreed'>;
    readonly hosts: readonly string[];
    readonly options: TlsOptions;
  };
  readonly routes: readonly {
    readonly prefix: string;
    readonly target: Choice;
    readonly redirect?: Redirect;
    readonly options: RouteOptions;
    /** A secret that one of its users has as the password. */
    readonly password?: Choice;
  }[];
}

function build(recipe: Recipe): Stack {
  const stack = new Stack(recipe.name, recipe.options);
  const names = [...recipe.names];
  const ports = [...recipe.ports];
  const next = (): string => names.shift() ?? 'exhausted';
  const publish = (given: readonly PublishRecipe[], needsPort = false): Publish | undefined => {
    const list = given.map(({ free, host, containerPort }): PublishOptions => {
      const port = free && !(needsPort && containerPort === undefined) ? 0 : (ports.shift() ?? 0);
      return {
        port,
        ...(host !== undefined && { host }),
        ...(containerPort !== undefined && { containerPort }),
      };
    });
    const [first] = list;
    // One port is written in any of the three ways.
    if (list.length === 1 && first !== undefined) {
      return Object.keys(first).length === 1 && first.port !== 0 ? first.port : first;
    }
    return list.length === 0 ? undefined : list;
  };

  const volumes = recipe.volumes.map((options) => stack.volume(next(), options));
  const secrets = recipe.secrets.map((options) => stack.secret(next(), options));
  const before: (App | Service | Pool)[] = [];
  const services: Service[] = [];
  const container = <O extends ContainerOptions>(
    { options, mounts, files, secrets: chosen, dependsOn, connect, ...given }: ContainerRecipe<O>,
    publishes: boolean,
    needsPort: boolean,
  ): O => {
    const published = publishes ? publish(given.publish, needsPort) : undefined;
    const { updateOrder, ...same } = options as AppOptions;
    return {
      ...(same as O),
      // Two containers cannot hold one port.
      ...(updateOrder !== undefined && published === undefined && { updateOrder }),
      ...(typeof options.build === 'object' && { build: withSecrets(options.build, chosen, secrets) }),
      mounts: mounts.map((each, index) => mountOf(each, `/mnt/m${index}`, volumes)),
      files: files.map((each, index) => ({ ...each, target: `/etc/files/f${index}` })),
      secrets: mountSecrets(chosen, secrets),
      dependsOn: [...new Set(dependsOn.flatMap((choice) => take(choice, before) ?? []))],
      connect: connectTo(connect, services),
      ...(published !== undefined && { publish: published }),
    };
  };

  for (const each of recipe.services) {
    const [secret] = secrets;
    const service = stack.service(next(), {
      ...container(each, true, true),
      connection: connectionOf(services.length, secret),
    });
    services.push(service);
    before.push(service);
  }
  const pooled = recipe.apps.slice(0, recipe.pools.length);
  const pools = pooled.flatMap((app, index) => {
    const given = recipe.pools[index];
    if (given === undefined) return [];
    const { sticky, balance } = given.options;
    const published = publish(
      sticky === 'source' || balance === 'source' ? overIpv4(given.publish) : given.publish,
    );
    const stats = publish(given.stats);
    return stack.pool(next(), {
      ...given.options,
      app: stack.app(next(), container(app, false, false)),
      ...(published !== undefined && { publish: published }),
      ...(stats !== undefined && { stats }),
    });
  });
  before.push(...pools);
  const apps = recipe.apps.slice(pooled.length).map((each) => {
    const app = stack.app(next(), container(each, true, false));
    before.push(app);
    return app;
  });
  for (const given of recipe.routers) {
    const [certificate] = secrets;
    const published = publish(
      given.routes.length > 0 || typeof given.options.maintenance === 'object'
        ? overIpv4(given.publish)
        : given.publish,
    );
    const { serverName } = given.options;
    const names = serverName === undefined ? [] : [serverName].flat();
    const router = stack.router(next(), {
      ...given.options,
      // A certificate is for a host that the router answers for.
      ...(names.length > 0 && { serverName: [...names, ...(given.tls?.hosts ?? [])] }),
      ...(given.tls !== undefined && { tls: tlsOf(given, given.tls, certificate, secrets[1]) }),
      ...(published !== undefined && { publish: published }),
    });
    addRoutes(router, given, [...apps, ...pools], secrets);
  }
  return stack;
}

/** Where something depends on visitors' addresses, and nothing can over IPv6. */
function overIpv4(given: readonly PublishRecipe[]): readonly PublishRecipe[] {
  return given.map(({ host, ...rest }) => ({
    ...rest,
    ...(host !== undefined && !host.includes(':') && { host }),
  }));
}

function tlsOf(
  { options: { serverName = [] }, routes, publish }: RouterRecipe,
  { kind, acme, hosts, options }: NonNullable<RouterRecipe['tls']>,
  certificate: Secret | undefined,
  key: Secret | undefined,
): Tls {
  const own = certificate === undefined ? undefined : { certificate, key: key ?? certificate };
  const made: Certificate = { selfSigned: true };
  // An authority asks over plain HTTP, at hosts that are no wildcards.
  const plain = publish.some(
    ({ containerPort }, index) => (containerPort ?? (index > 0 ? 8080 : 0)) === 8080,
  );
  const asked: Certificate = plain && kind === 'acme' ? { acme: { termsAgreed: true, ...acme } } : made;
  const isExact = (host: string): boolean => !host.startsWith('*');
  const names = [serverName, ...routes.map(({ options: { host } }) => host ?? [])].flat();
  // Names have no case, and not every route of a recipe finds a target.
  const lower = (list: readonly string[]): readonly string[] => list.map((each) => each.toLowerCase());
  const isAsked =
    [serverName].flat().length > 0 &&
    [...names, ...hosts].every(isExact) &&
    !lower(hosts).some((each) => lower(names).includes(each));
  const others = hosts.map((each, index): Certificate => {
    if (index % 2 > 0) return own ?? made;
    return isExact(each) ? asked : made;
  });
  return {
    ...options,
    ...(kind === 'own' ? (own ?? made) : isAsked ? asked : made),
    hosts: Object.fromEntries(hosts.map((each, index) => [each, others[index] ?? made])),
  };
}

function take<T>(choice: Choice, from: readonly T[]): T | undefined {
  return from[choice % Math.max(1, from.length)];
}

function mountOf(
  { kind, source, volume, readOnly, sizeBytes }: MountRecipe,
  target: string,
  volumes: readonly Volume[],
): Mount {
  const chosen = take(volume, volumes);
  const access = readOnly === undefined ? {} : { readOnly };
  if (kind === 'tmpfs') return { tmpfs: true, target, ...(sizeBytes !== undefined && { sizeBytes }) };
  if (kind === 'volume' && chosen !== undefined) return { volume: chosen, target, ...access };
  return { bind: source, target, ...access };
}

function mountSecrets(
  chosen: ContainerRecipe['secrets'],
  secrets: readonly Secret[],
): readonly (Secret | SecretMount)[] {
  const used = new Set<Secret>();
  return chosen.flatMap(({ secret: choice, named, inEnvironment, ...form }, index) => {
    const secret = take(choice, secrets);
    if (secret === undefined) return [];
    const isNamed = named || used.has(secret);
    used.add(secret);
    if (!isNamed && !inEnvironment && Object.keys(form).length === 0) return secret;
    return {
      secret,
      ...form,
      ...(isNamed && { target: `/keys/k${index}` }),
      // Longer than the names of other variables.
      ...(inEnvironment && { env: `SECRET_OF_CONTAINER_${index}` }),
    };
  });
}

/** What the nth service gives to who connects: no two give the same. */
function connectionOf(index: number, secret: Secret | undefined): Connection {
  const env = { [`HOST_OF_SERVICE_${index}`]: `service ${index}` };
  if (secret === undefined) return { env };
  const target = `/connections/${index}`;
  return { env, secrets: [{ secret, target }], url: { secret, target: `${target}.url`, encoding: 'uri' } };
}

function connectTo(
  chosen: ContainerRecipe['connect'],
  services: readonly Service[],
): readonly (Service | Connect)[] {
  const used = new Set<Service>();
  return chosen.flatMap(({ service: choice, prefixed, url }, index) => {
    const service = take(choice, services);
    if (service === undefined || used.has(service)) return [];
    used.add(service);
    const hasUrl = url && service.connection.url !== undefined;
    if (!prefixed && !hasUrl) return service;
    return {
      service,
      ...(prefixed && { envPrefix: `OTHER_${index}_` }),
      ...(hasUrl && { urlEnv: `URL_OF_SERVICE_${index}` }),
    };
  });
}

/** A generated secret is not there when an image is built. */
function withSecrets(
  given: BuildOptions,
  chosen: ContainerRecipe['secrets'],
  all: readonly Secret[],
): BuildOptions {
  const known = all.filter((secret) => secret.toSpec().source.type !== 'generate');
  if (given.builder === 'classic' || known.length === 0 || chosen.length === 0) return given;
  const secrets = chosen.flatMap(({ secret: choice, named }, index) => {
    const secret = take(choice, known);
    if (secret === undefined) return [];
    return named ? { secret, id: `build_${index}.key` } : secret;
  });
  return { ...given, secrets };
}

function addRoutes(
  router: Router,
  { routes }: RouterRecipe,
  targets: readonly (App | Pool)[],
  secrets: readonly Secret[],
): void {
  const taken = new Set<string>();
  for (const { prefix, target: choice, redirect, password, options } of routes) {
    const key = `${options.host?.toLowerCase() ?? '*'}${prefix}`;
    const target = redirect ?? take(choice, targets);
    if (target === undefined || taken.has(key)) continue;
    taken.add(key);
    const secret = password === undefined ? undefined : take(password, secrets);
    const auth =
      secret === undefined ? {} : { auth: { users: { ...options.auth?.users, 'by-secret': secret } } };
    router.route(prefix, target, { ...options, ...auth });
  }
}

const some = <T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<Partial<T>> =>
  fc.record(model, { requiredKeys: [] }) as fc.Arbitrary<Partial<T>>;

// Names that end in a letter, or hold no hyphen: neither can be a worker's, as `pool-3`.
const name = fc
  .oneof(fc.stringMatching(/^[a-z][a-z0-9]{0,11}$/), fc.stringMatching(/^[a-z][a-z0-9-]{0,10}[a-z]$/))
  .filter((each) => !['localhost', 'host', 'gateway', 'stack', 'lease'].includes(each));
/** Any text that an engine takes: no NUL. */
const argument = fc
  .oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom('', '$HOME', '"\'`', '\n', '{{.Name}}'))
  .filter((each) => !each.includes('\0'));
const line = fc.stringMatching(/^[ -~]{1,30}$/).filter((each) => each !== '');
const variable = fc.oneof(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,12}$/), fc.constant('__proto__'));
const host = fc.stringMatching(/^(\*\.)?[a-zA-Z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{2,6}){0,2}$/);
const plainHost = host.filter((each) => !each.startsWith('*'));
const ip = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('0.0.0.0', '::', '::1', '127.0.0.1'));
const network = fc.oneof(
  ip,
  fc.constantFrom('10.0.0.0/8', '192.168.1.0/24', '0.0.0.0/0', 'fd00::/8', '2001:db8::/32', '::/0'),
);
const headers = fc.dictionary(
  fc.stringMatching(/^[A-Za-z0-9-]{1,12}$/),
  fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/),
  { maxKeys: 3 },
);
const milliseconds = fc.integer({ min: 1, max: 3_600_000 });
const reference = fc.constantFrom(
  'nginx',
  'nginx:1.30',
  'rstudio/plumber:latest',
  'registry.example.org:5000/team/api_v2:1.0-rc.1',
  `localhost/a@sha256:${'0123456789abcdef'.repeat(4)}`,
);
const image = fc.oneof(
  reference,
  fc.record(
    {
      reference,
      pull: fc.oneof(
        fc.constantFrom('missing', 'always', 'never'),
        fc.record({ everyMs: fc.integer({ min: 1000, max: 1e9 }) }),
      ),
    },
    { requiredKeys: ['reference'] },
  ),
);
const relativePath = fc
  .stringMatching(/^[a-zA-Z0-9._ -]{1,10}(\/[a-z]{1,8}){0,2}$/)
  .filter((each) => !each.includes('..'));
const buildOptions = fc.oneof(
  relativePath,
  fc.record(
    {
      context: relativePath,
      dockerfile: relativePath,
      inline: argument,
      args: fc.dictionary(variable, argument, { maxKeys: 3 }),
      target: line,
      platform: fc.constantFrom('linux/amd64', 'linux/arm64/v8'),
      labels: fc.dictionary(line, argument, { maxKeys: 2 }),
      cacheFrom: fc.array(reference, { maxLength: 2 }),
      contexts: fc.dictionary(fc.stringMatching(/^[a-z][a-z0-9._-]{0,8}$/), line, { maxKeys: 2 }),
      ssh: fc.boolean(),
      builder: fc.constant('buildkit'),
    },
    { requiredKeys: ['context'] },
  ),
  fc.record({ inline: argument, builder: fc.constant('classic') }),
  fc.record({ inline: argument }),
);
const timing = {
  intervalMs: milliseconds,
  timeoutMs: milliseconds,
  retries: fc.integer({ min: 1, max: 100 }),
};
const tcp = fc.record({ tcp: fc.constant(true as const), ...timing }, { requiredKeys: ['tcp'] });
const http = fc.record(
  {
    http: fc.stringMatching(/^\/([a-z0-9/._~-]|%2F){0,12}(\?[a-z]=[0-9])?$/),
    host: fc.constantFrom('localhost', 'api.example.org'),
    minStatus: fc.integer({ min: 100, max: 300 }),
    maxStatus: fc.integer({ min: 400, max: 599 }),
    ...timing,
  },
  { requiredKeys: ['http'] },
);
const command = fc.array(argument, { minLength: 1, maxLength: 3 });
const poolHealth = fc.oneof(tcp, http) as fc.Arbitrary<TcpHealthCheck | HttpHealthCheck>;
const health = fc.oneof(
  tcp,
  http,
  fc.record({ command, ...timing }, { requiredKeys: ['command'] }),
) as fc.Arbitrary<HealthCheck>;
const publishes = fc.array(
  fc.record(
    { free: fc.boolean(), host: ip, containerPort: fc.integer({ min: 1, max: 65_535 }) },
    { requiredKeys: ['free'] },
  ),
  { maxLength: 2 },
);
const capability = fc.constantFrom('ALL', 'NET_BIND_SERVICE', 'CAP_SYS_PTRACE');

const logging = some({
  driver: fc.constantFrom('json-file', 'local'),
  maxSizeBytes: fc.integer({ min: 1024, max: 1e9 }),
  maxFiles: fc.integer({ min: 1, max: 10 }),
  options: fc.constant({ compress: 'true' }),
});
const common = {
  entrypoint: command,
  command: fc.array(argument, { maxLength: 3 }),
  env: fc.dictionary(variable, argument, { maxKeys: 4 }),
  restart: fc.constantFrom('always', 'unless-stopped', 'on-failure', 'no'),
  health,
  startTimeoutMs: milliseconds,
  resources: some({
    memoryBytes: fc.integer({ min: 6 * 1024 * 1024 }),
    cpus: fc.double({ min: 0.01, max: 64, noNaN: true }),
    pids: fc.integer({ min: 1 }),
  }),
  stopSignal: fc.constantFrom('SIGTERM', 'SIGUSR1', 'SIGRTMIN+3'),
  stopGraceMs: fc.integer({ min: 0, max: 3_600_000 }),
  init: fc.boolean(),
  user: fc.constantFrom('1000:1000', 'www-data', '0', 'app:staff'),
  workingDir: fc.constantFrom('/app', '/var/lib/x y'),
  labels: fc.dictionary(line, argument, { maxKeys: 3 }),
  readOnly: fc.boolean(),
  capAdd: fc.array(capability, { maxLength: 2 }),
  capDrop: fc.array(capability, { maxLength: 2 }),
  extraHosts: fc.dictionary(plainHost, fc.oneof(ip, fc.constant('host-gateway')), { maxKeys: 2 }),
  logging,
};

function container<O extends ContainerOptions>(more: object): fc.Arbitrary<ContainerRecipe<O>> {
  const options = fc.oneof(
    fc.record({ image, ...common, ...more }, { requiredKeys: ['image'] }),
    fc.record({ build: buildOptions, ...common, ...more }, { requiredKeys: ['build'] }),
  ) as unknown as fc.Arbitrary<O>;
  const mounts = fc.record(
    {
      kind: fc.constantFrom('bind', 'volume', 'tmpfs'),
      source: line,
      volume: fc.nat(),
      readOnly: fc.boolean(),
      sizeBytes: fc.integer({ min: 4096 }),
    },
    { requiredKeys: ['kind', 'source', 'volume'] },
  );
  const files = fc.oneof(
    fc.record(
      { content: argument, mode: fc.integer({ min: 0, max: 0o7777 }) },
      { requiredKeys: ['content'] },
    ),
    fc.record({ source: line }),
  );
  return fc.record({
    options,
    mounts: fc.array(mounts, { maxLength: 3 }),
    files: fc.array(files, { maxLength: 2 }),
    secrets: fc.array(
      fc.record(
        {
          secret: fc.nat(),
          named: fc.boolean(),
          inEnvironment: fc.boolean(),
          prefix: argument,
          suffix: argument,
          encoding: fc.constantFrom('uri', 'pgpass', 'quoted'),
        },
        { requiredKeys: ['secret', 'named', 'inEnvironment'] },
      ),
      { maxLength: 3 },
    ),
    connect: fc.array(fc.record({ service: fc.nat(), prefixed: fc.boolean(), url: fc.boolean() }), {
      maxLength: 2,
    }),
    dependsOn: fc.array(fc.nat(), { maxLength: 2 }),
    publish: publishes,
  });
}

const pool = fc.record({
  options: some({
    replicas: fc.integer({ min: 0, max: 1000 }),
    balance: fc.oneof(
      fc.constantFrom('leastconn', 'roundrobin', 'source', 'random'),
      fc.record({ header: fc.constantFrom('X-User', 'Authorization') }),
    ),
    maxConcurrency: fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.constant('unlimited' as const)),
    queue: some({ limit: fc.integer({ min: 0, max: 1_000_000 }), timeoutMs: milliseconds }),
    sticky: fc.oneof(
      fc.constantFrom('cookie' as const, 'source' as const, false as const),
      fc
        .record(
          {
            name: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/),
            secure: fc.constant(true),
            sameSite: fc.constantFrom('lax' as const, 'strict' as const),
            ttlMs: fc.integer({ min: 1000, max: 365 * 24 * 3_600_000 }),
          },
          { requiredKeys: [] },
        )
        .map((cookie) => ({ cookie })),
    ),
    slowStartMs: fc.integer({ min: 0, max: 3_600_000 }),
    timeoutMs: fc.integer({ min: 1, max: 3_600_000 }),
    health: poolHealth,
    update: some({
      order: fc.constantFrom('start-first', 'stop-first'),
      parallelism: fc.integer({ min: 1, max: 1000 }),
      delayMs: fc.integer({ min: 0, max: 3_600_000 }),
      onFailure: fc.constantFrom('rollback', 'pause'),
    }),
    drainTimeoutMs: fc.integer({ min: 0, max: 3_600_000 }),
    keepVersions: fc.integer({ min: 0, max: 50 }),
    trustedProxies: fc.array(network, { maxLength: 2 }),
    logging,
    image,
  }),
  publish: publishes,
  stats: publishes,
}) as unknown as fc.Arbitrary<PoolRecipe>;

const pageFile = fc.constantFrom('./pages/404.html', './down.json', '/srv/a page.txt', './x.xml', './y.htm');
const maintenance = fc.oneof(
  fc.boolean(),
  some({
    page: pageFile,
    retryAfterSeconds: fc.integer({ min: 1, max: 86_400 }),
    except: fc.array(network, { maxLength: 2 }),
  }),
);
const routeOptions = some({
  stripPrefix: fc.boolean(),
  host,
  timeoutMs: milliseconds,
  webSocketTimeoutMs: milliseconds,
  buffering: fc.boolean(),
  maxBodyBytes: fc.nat(),
  auth: fc.record(
    {
      realm: fc.constantFrom('restricted', 'say "friend"'),
      users: fc.dictionary(
        fc.stringMatching(/^[A-Za-z0-9._@-]{1,12}$/),
        fc.constantFrom('$6$salt$hash/.', '$apr1$a$b', '$2y$10$abc', '{SSHA}q+/='),
        { minKeys: 1, maxKeys: 2 },
      ),
    },
    { requiredKeys: ['users'] },
  ),
  rateLimit: fc.record(
    { requestsPerSecond: fc.double({ min: 1 / 60, max: 1000, noNaN: true }), burst: fc.nat({ max: 1000 }) },
    { requiredKeys: ['requestsPerSecond'] },
  ),
  allow: fc.array(network, { minLength: 1, maxLength: 3 }),
  deny: fc.array(network, { maxLength: 3 }),
  headers,
  cors: fc.oneof(
    fc.record({ origins: fc.constantFrom('*', ['*']), maxAgeSeconds: fc.nat(86_400) }),
    fc.record(
      {
        origins: fc.array(fc.constantFrom('https://a.org', 'http://localhost:3000', 'https://*.b.org'), {
          minLength: 1,
          maxLength: 3,
        }),
        methods: fc.array(fc.constantFrom('GET', 'POST'), { maxLength: 2 }),
        headers: fc.array(fc.constantFrom('Authorization', 'X-Key'), { maxLength: 2 }),
        exposeHeaders: fc.array(fc.constantFrom('X-Total'), { maxLength: 1 }),
        credentials: fc.boolean(),
      },
      { requiredKeys: ['origins'] },
    ),
  ),
  maintenance,
});
const redirect = fc.record(
  {
    redirect: fc.constantFrom('/', '/new/?a=b#c', 'https://example.org', 'http://example.org:8080/x%20y'),
    status: fc.constantFrom(301, 302, 307, 308),
  },
  { requiredKeys: ['redirect'] },
);
const router = fc.record({
  options: some({
    serverName: fc.oneof(host, fc.array(host, { maxLength: 3 })),
    root: line,
    maxBodyBytes: fc.nat(),
    compress: fc.boolean(),
    accessLog: fc.constantFrom('off', 'combined', 'json'),
    headers,
    trustedProxies: fc.array(network, { maxLength: 2 }),
    errorPages: fc.dictionary(fc.constantFrom('404', '413', '502', '503', '599'), pageFile, { maxKeys: 3 }),
    maintenance,
    drainTimeoutMs: milliseconds,
    logging,
    image,
  }),
  publish: publishes,
  tls: fc.option(
    fc.record({
      kind: fc.constantFrom('own', 'self-signed', 'acme'),
      acme: some<Omit<Acme, 'termsAgreed'>>({
        email: fc.constantFrom('a@b.org', "o'neil+x_y@localhost"),
        directory: fc.constantFrom('https://acme.test/dir', 'https://[::1]:14000/a?b=c'),
        ca: relativePath,
      }),
      // Of hosts that no router of these names is without, and of one that has the certificate alone.
      hosts: fc.uniqueArray(fc.constantFrom('a.org', '*.a.org', 'b.a.org'), { maxLength: 2 }),
      options: some<TlsOptions>({
        redirect: fc.boolean(),
        minVersion: fc.constantFrom('1.2', '1.3'),
        hsts: fc.record(
          { maxAgeSeconds: fc.nat(1e8), includeSubDomains: fc.boolean(), preload: fc.boolean() },
          { requiredKeys: ['maxAgeSeconds'] },
        ),
      }),
    }),
    { nil: undefined },
  ),
  routes: fc.array(
    fc.record(
      {
        prefix: fc.stringMatching(/^\/([A-Za-z0-9_~-]{1,6}\/){0,3}$/),
        target: fc.nat(),
        redirect,
        password: fc.nat(),
        options: routeOptions,
      },
      { requiredKeys: ['prefix', 'target', 'options'] },
    ),
    { maxLength: 4 },
  ),
}) as unknown as fc.Arbitrary<RouterRecipe>;

const subnet = fc
  .record({ bits: fc.integer({ min: 0, max: 2 ** 24 - 1 }), length: fc.integer({ min: 16, max: 26 }) })
  .map(({ bits, length }) => {
    const first = bits - (bits % 2 ** (32 - length));
    return `10.${Math.floor(first / 65_536)}.${Math.floor(first / 256) % 256}.${first % 256}/${length}`;
  });

const secret = fc.oneof(
  fc.record({ file: line }),
  fc.record({ env: variable }),
  fc.record({ value: fc.string() }),
  fc.record(
    { generateBytes: fc.integer({ min: 16, max: 1024 }), rotation: fc.nat() },
    { requiredKeys: ['generateBytes'] },
  ),
) as fc.Arbitrary<SecretOptions>;

function arbitraryRecipe(size: StackSize): fc.Arbitrary<Recipe> {
  const { volumes = 2, secrets = 2, services = 2, apps = 4, pools = 2, routers = 2 } = size;
  const resources = volumes + secrets + services + apps + pools + routers;
  const most = 2 * (services + apps + 2 * pools + routers);
  return fc.record({
    name,
    options: some({ subnet, isolation: fc.boolean(), baseDir: line }),
    names: fc.uniqueArray(name, { minLength: resources, maxLength: resources }),
    ports: fc.uniqueArray(fc.integer({ min: 1, max: 65_535 }), { minLength: most, maxLength: most }),
    volumes: fc.array(
      some({
        driver: fc.constantFrom('local', 'nfs'),
        driverOptions: fc.dictionary(line, argument, { maxKeys: 2 }),
      }),
      { maxLength: volumes },
    ),
    secrets: fc.array(secret, { maxLength: secrets }),
    services: fc.array(container({}), { maxLength: services }),
    apps: fc.array(
      container<AppOptions>({
        port: fc.integer({ min: 1, max: 65_535 }),
        prefixEnv: variable,
        updateOrder: fc.constantFrom('start-first', 'stop-first'),
        keepAlive: fc.boolean(),
        poolDefaults: fc.record({ maxConcurrency: fc.integer({ min: 1, max: 100_000 }) }),
        drainTimeoutMs: fc.integer({ min: 0, max: 3_600_000 }),
      }),
      {
        maxLength: apps,
      },
    ),
    pools: fc.array(pool, { maxLength: pools }),
    routers: fc.array(router, { maxLength: routers }),
  });
}
