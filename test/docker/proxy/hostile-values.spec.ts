import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  isPlumbstackError,
  Stack,
  type Certificate,
  type PoolSpec,
  type Router,
  type RouterOptions,
  type Tls,
} from '@plumbstack/core';
import { routerFiles, selfSigned, type RouterUnit } from '@plumbstack/docker/internal';
import {
  renderHaproxy,
  renderNginx,
  type HaproxyModel,
  type NginxModel,
  type ProxyFile,
} from '@plumbstack/docker/proxy';
import { compiled, inputsOf, routerOf } from '../compile/compiled';
import { complaints } from './check-configs';
import { readNginx, valuesOf, type Directive } from './read-nginx';
import { sampleHaproxy, sampleNginx, sampleRoute, sampleSlots, upstream } from './sample-models';

const runs = 150;
const seed = 20_26;

const printable = Array.from({ length: 0x7f - 0x20 }, (_, index) => String.fromCharCode(0x20 + index));
// What means something to one of the two, more often than chance would have it.
const sharp = [
  '"',
  "'",
  '\\',
  '$',
  '{',
  '}',
  ';',
  '#',
  '%',
  '%[src]',
  '${host}',
  '$host',
  '\\n',
  '%{+Q}o',
  '"; return 200 "',
  '//',
  '..',
];
const hostileText = (alphabet: readonly string[], maxLength = 30): fc.Arbitrary<string> =>
  fc
    .array(fc.oneof({ arbitrary: fc.constantFrom(...alphabet), weight: 3 }, fc.constantFrom(...sharp)), {
      minLength: 1,
      maxLength,
    })
    .map((parts) => parts.join(''));
const letters = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'];
const capitals = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
const of = (alphabet: readonly string[], maxLength: number): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...alphabet), { minLength: 1, maxLength }).map((parts) => parts.join(''));

const headerValue = hostileText(printable)
  .map((value) => value.trim())
  .filter((value) => value !== '');
// Names that nginx treats in its own way, and any other.
const headerName = fc.oneof(
  fc.constantFrom(
    'Set-Cookie',
    'Link',
    'Vary',
    'Cache-Control',
    'ETag',
    'Last-Modified',
    'Location',
    'Date',
    'Server',
  ),
  of([...letters, '-'], 40).map((each) => `X-${each}`),
);
const headers = fc.dictionary(headerName, headerValue, { maxKeys: 4 });
const prefix = fc
  .array(of([...letters, '.', '_', '~', '-'], 12), { maxLength: 4 })
  .map((parts) => ['', ...parts, ''].join('/'));
const host = fc
  .tuple(fc.boolean(), fc.array(of([...letters, '-'], 6), { minLength: 1, maxLength: 6 }))
  .map(([wildcard, labels]) => `${wildcard ? '*.' : ''}${labels.join('.')}`);
const network = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.tuple(fc.ipV4(), fc.nat(32)).map((parts) => parts.join('/')),
  fc.tuple(fc.ipV6(), fc.nat(128)).map((parts) => parts.join('/')),
  fc.constantFrom('999.1.1.1', ':::', '0.0.0.0/0', '::/0', '1.2.3.4/33'),
);
const path = hostileText([...letters, ...'-._~!&()*+,=:@/%?#'], 40).map((each) => `/${each}`);
const hash = of([...letters, ...'./$=,'], 60).map((each) => `$6$${each}`);
const users = fc.dictionary(of([...letters, ...'._@-'], 20), hash, { minKeys: 1, maxKeys: 3 });
const origin = fc.oneof(
  host.map((each) => `https://${each.toLowerCase()}`),
  fc
    .tuple(host, fc.integer({ min: 1, max: 99_999 }))
    .map(([name, port]) => `http://${name.toLowerCase()}:${port}`),
  hostileText([...letters, ...'./:-'], 12).map((each) => `https://${each}`),
);
const file = fc
  .tuple(hostileText(printable, 12), fc.constantFrom('html', 'htm', 'json', 'txt', 'xml', 'php', 'html;'))
  .map(([name, ending]) => `./${name}.${ending}`);
const maintenance = fc.oneof(
  fc.boolean(),
  fc.record(
    {
      page: file,
      retryAfterSeconds: fc.integer({ min: 1, max: 1e6 }),
      except: fc.array(network, { maxLength: 3 }),
    },
    { requiredKeys: [] },
  ),
);
const positive = fc.double({ min: 1e-3, max: 1e5, noNaN: true });

/** Options as a user might write them, hostile ones among them: core is asked which of them it lets through. */
const routeOptions = fc.record(
  {
    stripPrefix: fc.boolean(),
    host,
    timeoutMs: fc.integer({ min: 1, max: 86_400_000 }),
    buffering: fc.boolean(),
    maxBodyBytes: fc.maxSafeNat(),
    auth: fc.record({ realm: fc.oneof(headerValue, fc.constant('off')), users }),
    rateLimit: fc.record({
      requestsPerSecond: fc.oneof(positive, fc.integer({ min: 1, max: 100_000 })),
      burst: fc.nat(1_000_000),
    }),
    allow: fc.array(network, { minLength: 1, maxLength: 2 }),
    deny: fc.array(network, { minLength: 1, maxLength: 2 }),
    headers,
    cors: fc.record(
      {
        origins: fc.oneof(fc.constant('*'), fc.array(origin, { minLength: 1, maxLength: 4 })),
        methods: fc.array(fc.oneof(of(capitals, 8), hostileText(capitals, 4)), { maxLength: 3 }),
        headers: fc.array(fc.oneof(headerName, hostileText(letters, 4)), { maxLength: 3 }),
        exposeHeaders: fc.array(headerName, { maxLength: 3 }),
        credentials: fc.boolean(),
        maxAgeSeconds: fc.nat(86_400),
      },
      { requiredKeys: ['origins'] },
    ),
    maintenance,
  },
  { requiredKeys: [] },
);
const redirect = fc.record({
  redirect: fc.oneof(
    path,
    path.map((each) => `https://example.org${each}`),
    fc.constant('https://example.org:8080'),
  ),
  status: fc.constantFrom(301 as const, 302 as const, 307 as const, 308 as const),
});
const kind = fc.constantFrom('own' as const, 'selfSigned' as const, 'acme' as const);
const tls = fc.record({
  kind,
  /** Of hosts that the router has, by number, and of others. */
  certified: fc.array(fc.tuple(fc.oneof(fc.nat(4), host), kind), { maxLength: 3 }),
  redirect: fc.boolean(),
  minVersion: fc.constantFrom('1.2' as const, '1.3' as const),
  hsts: fc.record(
    {
      maxAgeSeconds: fc.integer({ min: -1, max: 400_000_000 }),
      includeSubDomains: fc.boolean(),
      preload: fc.boolean(),
    },
    { requiredKeys: ['maxAgeSeconds'] },
  ),
});
const router = fc.record({
  options: fc.record(
    {
      serverName: fc.array(host, { maxLength: 4 }),
      maxBodyBytes: fc.maxSafeNat(),
      compress: fc.boolean(),
      accessLog: fc.constantFrom('off' as const, 'combined' as const, 'json' as const),
      headers,
      trustedProxies: fc.array(network, { maxLength: 3 }),
      errorPages: fc.dictionary(
        fc.constantFrom('400', '404', '413', '429', '500', '502', '503', '504', '200'),
        file,
        {
          maxKeys: 3,
        },
      ),
      maintenance,
    },
    { requiredKeys: [] },
  ),
  tls: fc.option(tls, { nil: undefined }),
  root: hostileText(printable).map((each) => `/${each}`),
  routes: fc.array(fc.tuple(prefix, fc.option(redirect, { nil: undefined }), routeOptions, fc.nat(2)), {
    maxLength: 6,
  }),
});

/** What a call makes, or nothing where core refuses it. */
function letThrough<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (isPlumbstackError(error, 'INVALID_OPTION') || isPlumbstackError(error, 'INVALID_STACK'))
      return undefined;
    throw error;
  }
}

type RouterRecipe = typeof router extends fc.Arbitrary<infer T> ? T : never;

/** Leaves out every option, and every route, that core refuses by itself. */
function letThroughOptions<T extends object>(given: T, make: (options: Partial<T>) => unknown): Partial<T> {
  const kept = Object.entries(given).filter(
    ([name, value]) => letThrough(() => (make({ [name]: value } as Partial<T>), true)) === true,
  );
  return Object.fromEntries(kept) as Partial<T>;
}

/** The router of what core's own checks let through, compiled as a runtime does it; with fewer certificates if need be. */
function nginxUnit({ tls, ...recipe }: RouterRecipe): RouterUnit | undefined {
  if (tls === undefined) return unitWith(recipe, undefined);
  return (
    unitWith(recipe, tls) ??
    unitWith(recipe, { ...tls, certified: [] }) ??
    unitWith(recipe, { ...tls, kind: 'own', certified: [] })
  );
}

/** A certificate and its key in one file, as good as any other for nginx's check. */
const pem = { value: Buffer.from(selfSigned(['example.org'], new Date('2026-01-01'))), fingerprint: 'f' };

function unitWith(
  { options, root, routes }: Omit<RouterRecipe, 'tls'>,
  tls: RouterRecipe['tls'],
): RouterUnit | undefined {
  const stack = new Stack('hostile', {});
  const apps = [stack.app('app', { image: 'app' }), stack.app('absent', { image: 'app' })] as const;
  const secret = stack.secret('pem', { value: 'its PEM' });
  const hosts = (options.serverName ?? []).filter(
    (each) => letThrough(() => new Stack('s').router('r', { serverName: each })) !== undefined,
  );
  const kept = letThroughOptions({ ...options, serverName: hosts }, (each) =>
    new Stack('s').router('r', each),
  );
  const certificates: Readonly<Record<NonNullable<typeof tls>['kind'], Certificate>> = {
    own: { certificate: secret, key: secret },
    selfSigned: { selfSigned: true },
    acme: { acme: { termsAgreed: true } },
  };
  const make = (secure: Pick<RouterOptions, 'tls'>): Router | undefined =>
    letThrough(() => stack.router('web', { ...kept, publish: [443, 80], ...secure }));
  let made: Router | undefined;
  if (tls === undefined) made = make({});
  else {
    const { kind, certified, hsts, ...same } = tls;
    const others = certified.flatMap(([of, each]) => {
      const name = typeof of === 'string' ? of : hosts[of % Math.max(1, hosts.length)];
      return name === undefined ? [] : [[name, certificates[each]] as const];
    });
    const secure: Tls = { ...certificates[kind], hosts: Object.fromEntries(others), ...same };
    made = make({ tls: { ...secure, hsts } }) ?? make({ tls: secure });
  }
  if (made === undefined) return undefined;
  for (const [at, to, more, app] of routes) {
    const target = to ?? apps[app % 2] ?? apps[0];
    const options = letThroughOptions(more, (each) => new Stack('s').router('r').route('/', target, each));
    letThrough(() => made.route(at, target, options));
  }
  if (letThrough(() => stack.validate() ?? true) === undefined) return undefined;
  const spec = stack.toSpec();
  const secrets = Object.fromEntries(Object.keys(inputsOf(spec).secrets).map((name) => [name, pem]));
  const unit = routerOf(compiled(spec, { secrets }), 'web');
  // A program's root is mounted; the path itself is one more value that a configuration could be made from.
  return { ...unit, config: { ...unit.config, model: { ...unit.config.model, root } } };
}

const nginxFiles = (unit: RouterUnit): readonly ProxyFile[] =>
  routerFiles(unit, { app: '10.232.0.20:8000' })
    .files.filter(({ path }) => path !== 'record.json')
    .map(({ path, content }) => ({ path, content: String(content) }));

const pool = fc.record({
  balance: fc.oneof(
    fc.constantFrom('leastconn' as const, 'roundrobin' as const, 'source' as const, 'random' as const),
    of([...letters, '-'], 40).map((header) => ({ header })),
  ),
  maxConcurrency: fc.option(fc.integer({ min: 1, max: 100_000 }), { nil: undefined }),
  queue: fc.record({ limit: fc.nat(1_000_000), timeoutMs: fc.integer({ min: 1, max: 3_600_000 }) }),
  sticky: fc.constantFrom('cookie' as const, 'source' as const, false as const),
  health: fc.oneof(
    fc.record({ tcp: fc.constant(true as const) }),
    fc.record({
      http: path,
      minStatus: fc.integer({ min: 100, max: 300 }),
      maxStatus: fc.integer({ min: 300, max: 599 }),
      intervalMs: fc.integer({ min: 1, max: 3_600_000 }),
      timeoutMs: fc.integer({ min: 1, max: 3_600_000 }),
      retries: fc.integer({ min: 1, max: 100 }),
    }),
  ),
  stats: fc.boolean(),
  slots: fc.nat(6),
  timeoutMs: fc.integer({ min: 1, max: 86_400_000 }),
});

function haproxyModel(
  given: typeof pool extends fc.Arbitrary<infer T> ? T : never,
): HaproxyModel | undefined {
  const { stats, slots, timeoutMs, maxConcurrency, ...options } = given;
  const stack = new Stack('hostile', {});
  const app = stack.app('app', { image: 'app' });
  const spec: PoolSpec | undefined = letThrough(() =>
    stack.pool('pool', { app, ...options, ...(maxConcurrency !== undefined && { maxConcurrency }) }).toSpec(),
  );
  if (spec === undefined) return undefined;
  return sampleHaproxy({
    ...(stats && { statsPort: 8404 }),
    slots: sampleSlots('10.232.0', 101, slots),
    balance: spec.balance,
    ...(spec.maxConcurrency !== undefined && { maxConcurrency: spec.maxConcurrency }),
    queue: spec.queue,
    sticky: spec.sticky,
    health: spec.health,
    timeoutMs,
  });
}

/** Everything printable is inside quotes or harmless: no line holds what no line was meant to hold. */
const nginxShape = /^(?:\s*(?:#.*|\}|(?:"(?:[^"\\]|\\.)*"|[^\s"';{}#]|\s)+(?:;| \{)))?$/;

describe('hostile values', function () {
  this.timeout(120_000);

  const configurations = {
    nginx: () => modelsOf(router, nginxUnit).map(nginxFiles),
    haproxy: () => modelsOf(pool, haproxyModel).map(renderHaproxy),
  };

  function modelsOf<G, M>(given: fc.Arbitrary<G>, model: (given: G) => M | undefined): readonly M[] {
    const models = fc.sample(given, { numRuns: runs, seed }).flatMap((each) => model(each) ?? []);
    assert.ok(models.length > runs / 3, `core let only ${models.length} of ${runs} through`);
    return models;
  }

  for (const kind of ['nginx', 'haproxy'] as const) {
    it(`${kind}: the real program accepts whatever core lets through`, async () => {
      const named = configurations[kind]().map((files, index) => [`c${index}`, files] as const);
      const said = await complaints(kind, Object.fromEntries(named));
      const serious = Object.entries(said).filter(([, text]) => !isOnlyWarned(text));
      assert.deepEqual(serious.slice(0, 3), []);
    });
  }

  it('nginx: no value leaves its quotes', () => {
    fc.assert(
      fc.property(router, (given) => {
        const unit = nginxUnit(given);
        const [file] = unit === undefined ? [] : nginxFiles(unit);
        for (const line of file?.content.split('\n') ?? []) assert.match(line, nginxShape);
      }),
      { numRuns: 300, seed },
    );
  });

  it('nginx: a configuration says what is meant and nothing else', () => {
    fc.assert(
      fc.property(router, (given) => {
        const unit = nginxUnit(given);
        if (unit === undefined) return;
        const tree = readNginx(nginxFiles(unit)[0]?.content ?? '');
        assert.deepEqual(
          [...new Set(everyDirective(tree).map(({ name }) => name))].filter((name) => !known.has(name)),
          [],
        );
        const { model } = unit.config;
        const http = tree.find(({ name }) => name === 'http')?.children ?? [];
        const servers = http.filter(({ name }) => name === 'server');
        assert.deepEqual(
          new Set(
            servers.flatMap((each) => valuesOf(each, 'server_name')).map((name) => name.replace(/^~.*/, '*')),
          ),
          new Set(['_', ...expectedHosts(unit).map((name) => name.replace(/^\*.*/, '*'))]),
        );
        const headers = Object.entries(model.headers).map(
          ([name, value]) => [name.toLowerCase(), value] as const,
        );
        for (const server of servers.slice(0, -1)) {
          const isSecure = valuesOf(server, 'listen').includes('ssl');
          assert.deepEqual(certificateOf(server), isSecure ? expectedCertificate(server, unit) : []);
          const isSite = !valuesOf(server, 'return').includes('404');
          const asked = server.children.filter((each) =>
            JSON.stringify(each.words).includes('acme-challenge'),
          );
          const isAsked = isSite && !isSecure && model.acmeThumbprint !== undefined;
          assert.equal(asked.length, isAsked ? 1 : 0);
          // Nothing of a site is shown to whoever asks for another host, and over plain HTTP nothing where that is sent on.
          if (!isSite || (!isSecure && model.tls?.redirect === true)) {
            const shown = server.children.filter((each) => each.name === 'location' && !asked.includes(each));
            assert.deepEqual(
              shown.map(({ words }) => words.join(' ')),
              isAsked ? ['/'] : [],
            );
            continue;
          }
          const added = server.children.filter(({ name }) => name === 'add_header');
          const seen = added.map(({ words }) => [words[0]?.toLowerCase(), literal(words[1])]);
          const hsts = isSecure && model.tls?.hsts !== undefined ? model.tls.hsts : undefined;
          assert.deepEqual(
            new Map(seen as [string, string][]),
            new Map([
              ...(hsts === undefined ? [] : [['strict-transport-security', hsts] as const]),
              ...headers,
              ['x-request-id', requestId],
            ]),
          );
        }
        for (const [index, route] of model.routes.entries()) {
          const locations = servers
            .flatMap(({ children }) => children)
            .filter(
              ({ name, words }) => name === 'location' && words.length === 1 && words[0] === route.prefix,
            );
          const own = locations.filter((each) => isRoute(each, index, route));
          for (const location of own) {
            assert.deepEqual(valuesOf(location, 'deny'), [
              ...route.deny,
              ...(route.allow.length > 0 ? ['all'] : []),
            ]);
            assert.deepEqual(valuesOf(location, 'allow'), route.allow);
            assert.deepEqual(
              valuesOf(location, 'client_max_body_size'),
              route.target.type === 'unit' && route.target.name === 'app'
                ? [String(route.maxBodyBytes ?? model.maxBodyBytes)]
                : [],
            );
            const guarded =
              route.auth === undefined ? [] : [route.auth.realm === 'off' ? 'Off' : route.auth.realm];
            assert.deepEqual(
              valuesOf(location, 'auth_basic').map((realm) => literal(realm).replace(/\\(["\\])/g, '$1')),
              guarded,
            );
          }
        }
      }),
      { numRuns: 300, seed },
    );
  });

  const inert = 'x"; return 200 "owned"; #\\';
  const breaking = ['a\nb', 'a\rb', 'a\0b', 'a\u2028b', 'ä'];

  it('nginx: what core would refuse is refused again', () => {
    const app = upstream('app', '10.232.0.20:8000');
    const models: Record<string, NginxModel> = {
      'a server that is no address': sampleNginx({ routes: [sampleRoute('/', upstream('app', 'x;}:80'))] }),
      'an upstream that is no name': sampleNginx({
        routes: [sampleRoute('/', upstream('a b', '10.232.0.20:80'))],
      }),
      'a prefix': sampleNginx({ routes: [sampleRoute('/a b/', app)] }),
      'a prefix of dots': sampleNginx({ routes: [sampleRoute('/../', app)] }),
      'a host': sampleNginx({ serverNames: ['a;b'] }),
      "a route's host": sampleNginx({ routes: [sampleRoute('/', app, { host: '~^.*$' })] }),
      'a network': sampleNginx({ routes: [sampleRoute('/', app, { allow: ['all;'] })] }),
      'a revision': sampleNginx({ revision: 'x' }),
      'a user': sampleNginx({
        routes: [sampleRoute('/', app, { auth: { realm: 'r', users: { 'a:b': '$6$x' } } })],
      }),
      'a hash': sampleNginx({
        routes: [sampleRoute('/', app, { auth: { realm: 'r', users: { a: '$6$x\nb:' } } })],
      }),
      'a script as a redirect': sampleNginx({
        routes: [sampleRoute('/', { type: 'redirect', to: 'javascript:x', status: 302 })],
      }),
      'a redirect to another host in disguise': sampleNginx({
        routes: [sampleRoute('/', { type: 'redirect', to: '//evil.com', status: 302 })],
      }),
      'a header of the message itself': sampleNginx({ headers: { 'Content-Length': '5' } }),
      "a header's name": sampleNginx({ headers: { 'a b': 'c' } }),
      'a certificate path with a variable': sampleNginx({
        tls: {
          port: 8443,
          publicPort: 443,
          certificatePath: '/$host',
          keyPath: '/k',
          hosts: {},
          redirect: true,
          minVersion: '1.2',
        },
      }),
      'one upstream in two ways': sampleNginx({
        routes: [sampleRoute('/', app), sampleRoute('/b/', upstream('app', '10.232.0.21:8000'))],
      }),
      'one port for two': sampleNginx({ statusPort: 8080 }),
    };
    for (const value of breaking)
      models[`the header ${JSON.stringify(value)}`] = sampleNginx({ headers: { A: value } });
    for (const value of breaking)
      models[`the root ${JSON.stringify(value)}`] = sampleNginx({ root: `/${value}` });
    for (const [what, model] of Object.entries(models)) {
      assert.throws(
        () => renderNginx(model),
        (error) => isPlumbstackError(error, 'INVALID_OPTION'),
        what,
      );
    }
  });

  it('HAProxy: what core would refuse is refused again', () => {
    const http = {
      type: 'http',
      minStatus: 200,
      maxStatus: 399,
      intervalMs: 1,
      timeoutMs: 1,
      retries: 1,
    } as const;
    const models: Record<string, HaproxyModel> = {
      'a pool': sampleHaproxy({ pool: 'a b', statsPort: 8404 }),
      'a cookie': sampleHaproxy({
        sticky: { type: 'cookie', name: 'a b', secure: false, sameSite: 'lax' },
      }),
      'an address': sampleHaproxy({ slots: [{ number: 1, address: '10.0.0.1:80 backup' }] }),
      'a slot': sampleHaproxy({ slots: [{ number: 0, address: '10.0.0.1:80' }] }),
      'one slot twice': sampleHaproxy({
        slots: [
          { number: 1, address: '10.0.0.1:80' },
          { number: 1, address: '10.0.0.2:80' },
        ],
      }),
      'a header': sampleHaproxy({ balance: { algorithm: 'header', header: 'x) if { true' } }),
      'a path with a line': sampleHaproxy({ health: { ...http, path: '/a\nserver x' } }),
      'a path with a space': sampleHaproxy({ health: { ...http, path: '/a HTTP/1.1' } }),
      'no path': sampleHaproxy({ health: { ...http, path: 'a' } }),
      'a revision': sampleHaproxy({ revision: 'a b' }),
      'one port for two': sampleHaproxy({ statsPort: 8080 }),
      'no port': sampleHaproxy({ port: 0 }),
    };
    for (const [what, model] of Object.entries(models)) {
      assert.throws(
        () => renderHaproxy(model),
        (error) => isPlumbstackError(error, 'INVALID_OPTION'),
        what,
      );
    }
  });

  it('what is neither refused nor harmless text comes out as the value that it is', async () => {
    const nginx = renderNginx(
      sampleNginx({ root: `/${inert}`, headers: { A: inert, B: '$host ${host} $1' }, routes: [] }),
    );
    const haproxy = renderHaproxy(
      sampleHaproxy({
        health: {
          type: 'http',
          path: `/${inert.replaceAll(' ', '')}$HOME'%[src]`,
          minStatus: 200,
          maxStatus: 399,
          intervalMs: 1,
          timeoutMs: 1,
          retries: 1,
        },
      }),
    );
    assert.deepEqual(await complaints('nginx', { inert: nginx }), {});
    assert.deepEqual(await complaints('haproxy', { inert: haproxy }), {});
    assert.match(nginx[0]?.content ?? '', /add_header B "\$\{plumbstack_dollar\}host /);
    assert.match(haproxy[0]?.content ?? '', /uri "\/x\\";return200\\"owned\\";#\\\\\\\$HOME'%\[src\]"/);
  });
});

/** Every directive that there is a reason for. */
const known = new Set(
  `absolute_redirect access_log add_header alias allow auth_basic auth_basic_user_file block charset client_body_buffer_size
  client_body_temp_path client_body_timeout client_header_timeout client_max_body_size default_type deny error_log
  error_page events fastcgi_temp_path geo gzip gzip_comp_level gzip_min_length gzip_proxied gzip_types gzip_vary http http2
  if ignore_invalid_headers include index internal keepalive keepalive_min_timeout keepalive_requests keepalive_timeout
  large_client_header_buffers limit_req limit_req_status limit_req_zone listen location log_format map
  map_hash_bucket_size map_hash_max_size pcre_jit pid proxy_buffer_size proxy_buffering proxy_buffers proxy_busy_buffers_size
  proxy_connect_timeout proxy_cookie_path proxy_headers_hash_bucket_size proxy_headers_hash_max_size proxy_hide_header
  proxy_http_version proxy_ignore_headers proxy_max_temp_file_size proxy_next_upstream proxy_next_upstream_timeout
  proxy_next_upstream_tries proxy_pass proxy_pass_trailers proxy_read_timeout proxy_redirect proxy_request_buffering proxy_send_timeout
  proxy_set_header proxy_temp_path real_ip_header real_ip_recursive recursive_error_pages reset_timedout_connection return rewrite
  root scgi_temp_path sendfile server server_name server_names_hash_bucket_size server_names_hash_max_size server_tokens
  set_real_ip_from ssl_certificate ssl_certificate_key ssl_ciphers ssl_prefer_server_ciphers ssl_protocols ssl_session_cache
  ssl_session_tickets ssl_session_timeout stub_status tcp_nopush try_files underscores_in_headers upstream uwsgi_temp_path variables_hash_bucket_size variables_hash_max_size worker_connections worker_processes
  ssl_object_cache_inheritable worker_rlimit_nofile worker_shutdown_timeout zone`.split(/\s+/),
);
const requestId = '$plumbstack_request_id';

/** Blocks whose lines are no directives but words of the block. */
const lists = ['map', 'geo', 'upstream'];

function everyDirective(tree: readonly Directive[]): readonly Directive[] {
  return tree.flatMap((each) => [each, ...(lists.includes(each.name) ? [] : everyDirective(each.children))]);
}

/** A value as it was before a dollar had to be written as a variable. */
function literal(value = ''): string {
  return value.replaceAll('${plumbstack_dollar}', '$');
}

function expectedHosts({ config: { model } }: RouterUnit): readonly string[] {
  const certified = Object.keys(model.tls?.hosts ?? {});
  return [...model.serverNames, ...model.routes.flatMap(({ host }) => host ?? []), ...certified];
}

/** All that a server says about TLS. */
function certificateOf({ children }: Directive): readonly string[] {
  return children
    .filter(({ name }) => /^ssl_(?:certificate|certificate_key|protocols)$/.test(name))
    .map(({ name, words }) => [name, ...words].join(' '));
}

/** The one for its hosts, by the names that nginx gets: the exact one, else a wildcard's, else the router's own. */
function expectedCertificate(server: Directive, { config: { model } }: RouterUnit): readonly string[] {
  const { hosts = {}, ...own } = model.tls ?? {};
  const [name = ''] = valuesOf(server, 'server_name');
  const host = name.replace(/^~\^\[\^\.\]\+(.*)\$$/, (_, rest: string) => `*${rest.replaceAll('\\', '')}`);
  const { certificatePath, keyPath } = { ...own, ...(hosts[host] ?? hosts[host.replace(/^[^.]+/, '*')]) };
  return [
    `ssl_certificate ${certificatePath}`,
    `ssl_certificate_key ${keyPath}`,
    `ssl_protocols ${model.tls?.minVersion === '1.3' ? 'TLSv1.3' : 'TLSv1.2 TLSv1.3'}`,
  ];
}

/** Whether a location is that of this very route, and not of one for another host with the same prefix. */
function isRoute(
  location: Directive,
  index: number,
  { auth, rateLimit, target }: RouterUnit['config']['model']['routes'][number],
): boolean {
  const text = JSON.stringify(location);
  const marks = [`@route_${index}_`, `-route-${index}-`, `rate_${index}"`, `plumbstack_origin_${index}"`];
  return (
    (auth !== undefined || rateLimit !== undefined || target.type === 'unit') &&
    marks.some((mark) => text.includes(mark))
  );
}

// nginx says so of networks like 10.1.2.3/8, which core lets through and which mean what one thinks.
function isOnlyWarned(text: string): boolean {
  return /\[warn\] .*low address bits/.test(text) && !text.includes('[emerg]');
}
