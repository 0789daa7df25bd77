import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Stack, isPlumbstackError, plumber, type StackSpec } from '@plumbstack/core';
import { arbitraryStack } from '../support/arbitrary-stack';
import { refusalOf, refusedPath } from './refusal';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const asJson = (value: unknown): Json => JSON.parse(JSON.stringify(value)) as Json;

/** A spec with one of everything. */
function sample(): Json {
  const stack = new Stack('sample', { subnet: '10.20.0.0/22', isolation: false, baseDir: '/srv' });
  const data = stack.volume('data', { driverOptions: { type: 'nfs' } });
  const key = stack.secret('key', { generateBytes: 32 });
  const certificate = stack.secret('certificate', { file: './tls.pem' });
  stack.secret('token', { value: 'hunter2' });
  stack.secret('password', { env: 'PASSWORD' });
  const database = stack.service('database', {
    image: { reference: 'postgres:18', pull: 'always' },
    mounts: [
      { volume: data, target: '/var/lib/data' },
      { tmpfs: true, target: '/tmp', sizeBytes: 65_536 },
    ],
    secrets: [key],
    health: { command: ['pg_isready'] },
  });
  const api = stack.app('api', {
    build: { context: './api', args: { A: '1' } },
    dependsOn: [database],
    mounts: [{ bind: './data', target: '/data' }],
    files: [{ target: '/etc/api.yml', content: 'a: 1' }],
    health: { http: '/health' },
    drainTimeoutMs: 120_000,
  });
  const pool = stack.pool('workers', {
    app: api,
    balance: { header: 'X-User' },
    sticky: { cookie: { name: 'shop', ttlMs: 60_000 } },
    slowStartMs: 5000,
    timeoutMs: 90_000,
    publish: 8080,
    trustedProxies: ['10.0.0.1'],
    stats: 8404,
  });
  const plain = stack.app('plain', plumber('./plain/plumber.R'));
  stack
    .router('web', {
      publish: 443,
      tls: { certificate, key },
      serverName: 'example.org',
      drainTimeoutMs: 60_000,
    })
    .route('/api/', pool, { allow: ['10.0.0.0/8'], rateLimit: { requestsPerSecond: 5 } })
    .route('/plain/', plain, { auth: { users: { ada: '$6$salt$hash' } }, webSocketTimeoutMs: 5000 })
    .route('/old/', { redirect: '/api/' });
  return asJson(stack.toSpec());
}

/** Every way to one value inside JSON. */
function pathsOf(json: Json, path: readonly string[] = []): readonly (readonly string[])[] {
  if (typeof json !== 'object' || json === null) return [path];
  return [path, ...Object.entries(json).flatMap(([key, each]) => pathsOf(each, [...path, key]))];
}

/** The JSON with another value in one place. */
function changed(json: Json, [key, ...rest]: readonly string[], value: Json | undefined): Json | undefined {
  if (key === undefined || typeof json !== 'object' || json === null) return value;
  const inside = (json as { [key: string]: Json })[key] ?? null;
  const replaced = changed(inside, rest, value);
  if (Array.isArray(json))
    return json.map((each, index) => (String(index) === key ? (replaced ?? null) : each));
  const entries = Object.entries(json).map(([name, each]) => [name, name === key ? replaced : each]);
  return Object.fromEntries(entries.filter(([, each]) => each !== undefined)) as Json;
}

/** Reads it, or throws a PlumbstackError: nothing else. */
function readsOrRefuses(json: unknown): void {
  try {
    Stack.fromSpec(json).toSpec();
  } catch (error) {
    if (!isPlumbstackError(error)) throw error;
    assert.match(error.message, /^INVALID_(?:OPTION|STACK): /);
  }
}

const hostile: readonly (Json | undefined)[] = [
  undefined,
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  '',
  'x',
  '__proto__',
  'a\u0000b',
  '\n',
  [],
  [null],
  [[]],
  ['x'],
  {},
  { type: 'x' },
  { type: null },
  { constructor: 1 },
  JSON.parse('{"__proto__":{"x":1}}') as Json,
];

describe('Stack.fromSpec', () => {
  it('reads back every stack from the JSON of its spec', () => {
    fc.assert(
      fc.property(arbitraryStack(), (stack) => {
        const spec = stack.toSpec();
        assert.deepEqual(asJson(spec), spec, 'the spec is JSON-safe');
        assert.deepEqual(Stack.fromSpec(asJson(spec)).toSpec(), spec);
      }),
      { numRuns: 200 },
    );
  });

  it('reads back one of everything', () => {
    const spec = sample();
    assert.deepEqual(Stack.fromSpec(spec).toSpec(), spec);
  });

  it('reads the frozen spec itself, not only its JSON', () => {
    const spec = Stack.fromSpec(sample()).toSpec();
    assert.deepEqual(Stack.fromSpec(spec).toSpec(), spec);
  });

  it('gives back a secret of a value without its value', () => {
    assert.ok(!JSON.stringify(sample()).includes('hunter2'));
    const token = Stack.fromSpec(sample()).resources.find(({ name }) => name === 'token');
    assert.deepEqual(token?.toSpec(), { kind: 'secret', name: 'token', source: { type: 'value' } });
  });

  it('keeps the order of declaration, also where references point forward', () => {
    const spec = sample() as { resources: { name: string }[] };
    spec.resources.reverse();
    const names = spec.resources.map(({ name }) => name);
    assert.deepEqual(
      Stack.fromSpec(spec).resources.map(({ name }) => name),
      names,
    );
  });

  it('refuses any JSON that is no spec with an error of its own', () => {
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), readsOrRefuses), { numRuns: 300 });
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), (resources) =>
        readsOrRefuses({ schemaVersion: 1, name: 'a', resources }),
      ),
      { numRuns: 300 },
    );
  });

  it('survives every hostile value in every place of a spec', () => {
    const spec = sample();
    const paths = pathsOf(spec);
    assert.ok(paths.length > 200, `the sample has ${paths.length} places`);
    for (const path of paths) {
      for (const value of hostile) readsOrRefuses(changed(spec, path, value));
    }
  });

  it('survives arbitrary JSON in any place of any spec', () => {
    fc.assert(
      fc.property(arbitraryStack(), fc.nat(), fc.jsonValue(), (stack, place, value) => {
        const spec = asJson(stack.toSpec());
        const paths = pathsOf(spec);
        readsOrRefuses(changed(spec, paths[place % paths.length] ?? [], value as Json));
      }),
      { numRuns: 500 },
    );
  });

  it('refuses a field that no spec has, wherever it stands', () => {
    const spec = sample();
    const objects = pathsOf(spec).filter((path) => {
      const at = path.reduce<Json | undefined>((json, key) => (json as { [key: string]: Json })[key], spec);
      const free = ['env', 'labels', 'args', 'headers', 'driverOptions', 'extraHosts', 'users'];
      return typeof at === 'object' && at !== null && !Array.isArray(at) && !free.includes(path.at(-1) ?? '');
    });
    for (const path of objects) {
      const at = path.reduce<Json>((json, key) => (json as { [key: string]: Json })[key] ?? null, spec);
      const more = changed(spec, path, { ...(at as object), surprise: 1 });
      assert.match(refusalOf(() => Stack.fromSpec(more)).message, /surprise/, path.join('.'));
    }
  });

  it('names the schema version that it can read', () => {
    assert.match(
      refusalOf(() => Stack.fromSpec({ ...(sample() as object), schemaVersion: 2 })).message,
      /schemaVersion must be 1/,
    );
  });

  it('refuses a reference to nothing with its path', () => {
    const spec = sample() as unknown as { resources: { name: string; app?: string }[] };
    const pool = spec.resources.find(({ name }) => name === 'workers');
    assert.ok(pool !== undefined);
    pool.app = 'nobody';
    assert.match(
      refusalOf(() => Stack.fromSpec(spec)).message,
      /workers\.app must be the name of a resource in this spec/,
    );
  });

  it('refuses a reference to a resource of another kind with its path', () => {
    const spec = sample() as unknown as { resources: { name: string; app?: string }[] };
    const pool = spec.resources.find(({ name }) => name === 'workers');
    assert.ok(pool !== undefined);
    pool.app = 'database';
    assert.equal(
      refusedPath(() => Stack.fromSpec(spec)),
      'workers.app',
    );
  });

  it('refuses two resources of one name', () => {
    const spec = sample() as unknown as { resources: object[] };
    spec.resources.push(spec.resources[0] ?? {});
    refusalOf(() => Stack.fromSpec(spec));
  });

  it('tells a cycle of dependencies, which no program could write', () => {
    const service = (name: string, dependsOn: readonly string[]): object => ({
      kind: 'service',
      name,
      image: { type: 'pull', reference: 'a', policy: 'missing' },
      dependsOn,
      mounts: [],
      secrets: [],
    });
    const resources = [service('a', ['b']), service('b', ['c']), service('c', ['a'])];
    assert.throws(
      () => Stack.fromSpec({ schemaVersion: 1, name: 'ring', resources }),
      (error) => isPlumbstackError(error, 'INVALID_STACK') && error.message.includes('a -> b -> c -> a'),
    );
    const itself = [service('a', ['a'])];
    assert.throws(
      () => Stack.fromSpec({ schemaVersion: 1, name: 'ring', resources: itself }),
      (error) => isPlumbstackError(error, 'INVALID_STACK') && error.message.includes('a -> a'),
    );
  });

  it('reads a chain of dependencies that is deeper than the call stack', () => {
    const depth = 20_000;
    const resources = Array.from({ length: depth }, (_, index) => ({
      kind: 'service',
      name: `s${index}`,
      image: { type: 'pull', reference: 'a', policy: 'missing' },
      dependsOn: index + 1 < depth ? [`s${index + 1}`] : [],
      mounts: [],
      secrets: [],
    }));
    const spec: StackSpec = Stack.fromSpec({ schemaVersion: 1, name: 'deep', resources }).toSpec();
    assert.equal(spec.resources.length, depth);
  });
});
