import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isPlumbstackError, Stack, type PoolSpec, type RouterSpec } from '@plumbstack/core';
import { renderHaproxy, renderNginx, type HaproxyModel, type NginxModel } from '@plumbstack/docker/proxy';
import { complaints } from './check-configs';
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
const router = fc.record({
  options: fc.record(
    {
      serverName: fc.array(host, { maxLength: 4 }),
      maxBodyBytes: fc.maxSafeNat(),
      compress: fc.boolean(),
      accessLog: fc.constantFrom('off' as const, 'combined' as const, 'json' as const),
      headers,
    },
    { requiredKeys: [] },
  ),
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

/** The model of what core's own checks let through: single routes that they refuse are left out. */
function nginxModel({
  options,
  root,
  routes,
}: typeof router extends fc.Arbitrary<infer T> ? T : never): NginxModel | undefined {
  const { serverName = [], ...others } = options;
  const stack = new Stack('hostile', {});
  const app = stack.app('app', { image: 'app' });
  const made = letThrough(() =>
    stack.router('web', {
      ...others,
      serverName: serverName.filter((each) =>
        letThrough(() => new Stack('s').router('r', { serverName: each })),
      ),
    }),
  );
  if (made === undefined) return undefined;
  for (const [at, to, more] of routes) letThrough(() => made.route(at, to ?? app, more));
  const spec: RouterSpec = made.toSpec();
  if (letThrough(() => stack.validate() ?? true) === undefined) return undefined;
  return sampleNginx({
    serverNames: spec.serverName,
    root,
    maxBodyBytes: spec.maxBodyBytes,
    compress: spec.compress,
    accessLog: spec.accessLog,
    headers: spec.headers,
    routes: spec.routes.map(({ target, ...route }, index) => {
      const servers = Array.from(
        { length: routes[index]?.[3] ?? 0 },
        (_, server) => `10.232.0.${20 + server}:8000`,
      );
      const to = target.type === 'redirect' ? target : upstream(`app-${servers.length}`, ...servers);
      return { ...route, target: to };
    }),
  });
}

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
    nginx: () => modelsOf(router, nginxModel).map(renderNginx),
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
        const model = nginxModel(given);
        const [file] = model === undefined ? [] : renderNginx(model);
        for (const line of file?.content.split('\n') ?? []) assert.match(line, nginxShape);
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
        tls: { port: 8443, publicPort: 443, certificatePath: '/$host', keyPath: '/k' },
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

// nginx says so of networks like 10.1.2.3/8, which core lets through and which mean what one thinks.
function isOnlyWarned(text: string): boolean {
  return /\[warn\] .*low address bits/.test(text) && !text.includes('[emerg]');
}
