import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import {
  Stack,
  type AppOptions,
  type PoolOptions,
  type RouterOptions,
  type ServiceOptions,
} from '@plumbstack/core';
import { canonicalJson, contentDigest, contentOf, digestOf, type Inputs } from '@plumbstack/docker/internal';
import { compiled, inputsOf, secretInput } from './compiled';

/** One of everything, with one resource changed. */
interface Change {
  readonly app?: Partial<AppOptions>;
  readonly pooled?: Partial<AppOptions>;
  readonly db?: Partial<ServiceOptions>;
  readonly pool?: Partial<PoolOptions>;
  readonly web?: Partial<RouterOptions>;
  readonly route?: string;
  readonly inputs?: (inputs: Inputs) => Partial<Inputs>;
}

/** Digests of all containers, by what they are for. */
function digests({ app, pooled, db, pool, web, route = '/site/', inputs }: Change = {}): Readonly<
  Record<string, string>
> {
  const stack = new Stack('s');
  const volume = stack.volume('data');
  const secrets = [stack.secret('password', { value: 'p' })];
  const mounts = [{ volume, target: '/data' }];
  const files = [{ target: '/etc/app.conf', source: 'app.conf' }];
  stack.service('db', { image: 'db', secrets, mounts, ...db });
  const site = stack.app('site', { image: 'site', env: { A: '1', B: '2' }, files, ...app });
  const api = stack.app('api', { image: 'api', prefixEnv: 'BASE', secrets, ...pooled });
  const workers = stack.pool('workers', { app: api, replicas: 2, ...pool });
  stack
    .router('web', { publish: 80, ...web })
    .route('/api/', workers)
    .route(route, site);
  const spec = stack.toSpec();
  return Object.fromEntries(
    compiled(spec, inputs?.(inputsOf(spec))).units.flatMap((unit) =>
      unit.kind === 'pool'
        ? [
            ['workers', unit.container.digest],
            ['worker', unit.worker.container.digest],
          ]
        : [[unit.resource, unit.container.digest]],
    ),
  );
}

const before = digests();
function changed(change: Change): readonly string[] {
  return Object.entries(digests(change))
    .filter(([name, digest]) => before[name] !== digest)
    .map(([name]) => name);
}

/** Options of every container, each with another value than it had. */
const ofEveryContainer: Readonly<Record<string, ServiceOptions>> = {
  image: { image: 'other' },
  command: { command: ['serve'] },
  'an empty command': { command: [] },
  entrypoint: { entrypoint: ['/bin/app'] },
  env: { env: { A: '2' } },
  'env, an empty value': { env: { A: '' } },
  mounts: { mounts: [{ bind: '/srv', target: '/data' }] },
  'mounts, read-only': { mounts: [{ bind: '/srv', target: '/data', readOnly: true }] },
  tmpfs: { mounts: [{ tmpfs: true, target: '/tmp' }] },
  files: { files: [{ target: '/etc/app.conf', content: 'x' }] },
  'a mode of files': { files: [{ target: '/etc/app.conf', source: 'app.conf', mode: 0o600 }] },
  'no secrets': { secrets: [] },
  'a command health check': { health: { command: ['true'] } },
  stopSignal: { stopSignal: 'SIGINT' },
  stopGraceMs: { stopGraceMs: 1 },
  init: { init: false },
  user: { user: '1000' },
  workingDir: { workingDir: '/app' },
  labels: { labels: { team: 'data' } },
  readOnly: { readOnly: true },
  capAdd: { capAdd: ['NET_ADMIN'] },
  capDrop: { capDrop: ['ALL'] },
  extraHosts: { extraHosts: { legacy: '10.1.1.1' } },
  logging: { logging: { driver: 'local' } },
};

describe('the digest of a container', () => {
  for (const [name, options] of Object.entries(ofEveryContainer)) {
    it(`of an app, a service and a worker changes with ${name}`, () => {
      // One that has no secrets loses none.
      const app = name === 'no secrets' ? [] : ['site'];
      assert.deepEqual(changed({ app: options }), app);
      assert.deepEqual(changed({ db: options }), ['db']);
      assert.deepEqual(changed({ pooled: options }), ['worker']);
    });
  }

  const others: readonly (readonly [title: string, change: Change, names: readonly string[]])[] = [
    ['the port of an app', { app: { port: 9000 } }, ['site']],
    ['the port of a pooled app', { pooled: { port: 9000 } }, ['worker']],
    ['how an app is probed', { app: { health: { http: '/health' } } }, ['site']],
    ['a published port', { app: { publish: 8000 } }, ['site']],
    [
      'the address that a port is published at',
      { web: { publish: { port: 80, host: '127.0.0.1' } } },
      ['web'],
    ],
    ['a published port of a pool', { pool: { publish: 8080 } }, ['workers.front']],
    ['a statistics page', { pool: { stats: 8404 } }, ['workers']],
    ["a pool's image", { pool: { image: 'haproxy:other' } }, ['workers']],
    ["a router's image", { web: { image: 'nginx:other' } }, ['web']],
    ["a router's folder of static files", { web: { root: './public' } }, ['web']],
    ['the variable that an app is told its prefix in', { pooled: { prefixEnv: 'PREFIX' } }, ['worker']],
    [
      'another value of a secret',
      { inputs: ({ secrets }) => ({ secrets: { ...secrets, password: secretInput('another') } }) },
      ['db', 'worker'],
    ],
    [
      'another content of a file',
      { inputs: () => ({ files: { '/base/app.conf': contentOf('another') } }) },
      ['site'],
    ],
    [
      'another image behind the same reference',
      {
        inputs: ({ images }) => ({
          images: {
            ...images,
            db: {
              reference: 'db',
              id: 'sha256:2',
              action: 'none',
              user: '',
              hasHealthcheck: false,
              entrypoint: [],
              command: [],
            },
          },
        }),
      },
      ['db'],
    ],
    ['limits, which can be changed in place', { app: { resources: { pids: 5, cpus: 0.5 } } }, []],
    ['a restart policy, which can be changed in place', { app: { restart: 'no' } }, []],
    ['the time that a start may take', { app: { startTimeoutMs: 5 } }, []],
    ['the time that a service may take to start', { db: { startTimeoutMs: 5 } }, []],
    ['the number of workers', { pool: { replicas: 7 } }, []],
    ["a pool's balance", { pool: { balance: 'roundrobin' } }, []],
    ["a pool's queue", { pool: { queue: { limit: 5 } } }, []],
    ["a pool's stickiness", { pool: { sticky: 'cookie' } }, []],
    ["a pool's limit of requests", { pool: { maxConcurrency: 1 } }, []],
    ["a pool's update", { pool: { update: { parallelism: 2 } } }, []],
    ["an app's drain time", { app: { drainTimeoutMs: 5 } }, []],
    ["a pooled app's drain time", { pooled: { drainTimeoutMs: 5 } }, []],
    ["a router's drain time", { web: { drainTimeoutMs: 5 } }, []],
    ["a pool's drain time", { pool: { drainTimeoutMs: 5 } }, []],
    ["a router's headers", { web: { headers: { 'X-A': 'b' } } }, []],
    ["a router's names", { web: { serverName: 'a.org' } }, []],
    ['a route of an app that does not know its prefix', { route: '/other/' }, []],
  ];
  for (const [title, change, names] of others) {
    it(`${names.length === 0 ? 'does not change' : `of ${names.join(' and ')} changes`} with ${title}`, () => {
      assert.deepEqual(changed(change), names);
    });
  }

  it('of an app changes with its start time where the engine runs its health check', () => {
    const health = { command: ['true'] };
    assert.notEqual(
      digests({ app: { health, startTimeoutMs: 5 } })['site'],
      digests({ app: { health, startTimeoutMs: 6 } })['site'],
    );
  });

  it('tells two files apart that are no text', () => {
    const file = (byte: number) => (): Partial<Inputs> => ({
      files: { '/base/app.conf': contentOf(Buffer.from([byte])) },
    });
    assert.notEqual(digests({ inputs: file(0xfe) })['site'], digests({ inputs: file(0xff) })['site']);
  });

  it('is the same for a file given as text and as bytes', () => {
    const text = digests({ app: { files: [{ target: '/f', content: 'Grüße' }] } });
    const bytes = digests({
      app: { files: [{ target: '/f', source: 'f' }] },
      inputs: () => ({ files: { '/base/f': contentOf(Buffer.from('Grüße')) } }),
    });
    assert.equal(text['site'], bytes['site']);
  });

  it('does not depend on the order of keys', () => {
    assert.deepEqual(changed({ app: { env: { B: '2', A: '1' } } }), []);
    const hosts = (names: readonly string[]): Change => ({
      db: { extraHosts: Object.fromEntries(names.map((each) => [each, '10.1.1.1'])) },
    });
    assert.deepEqual(digests(hosts(['a', 'b'])), digests(hosts(['b', 'a'])));
  });

  it('depends on the order of arguments and mounts', () => {
    assert.notDeepEqual(digests({ app: { command: ['a', 'b'] } }), digests({ app: { command: ['b', 'a'] } }));
  });

  it('does not depend on resources that it has nothing to do with', () => {
    const stack = (names: readonly string[]): Stack => {
      const made = new Stack('s');
      for (const name of names) made.service(name, { image: name });
      return made;
    };
    const digestsOf = (names: readonly string[]): ReadonlyMap<string, string> =>
      new Map(
        compiled(stack(names).toSpec()).units.map(({ resource, container }) => [resource, container.digest]),
      );
    assert.equal(digestsOf(['a', 'b', 'c']).get('c'), digestsOf(['c', 'd']).get('c'));
  });

  it('is told apart by the stack and the resource only through labels', () => {
    const digestIn = (stack: string, name: string): string | undefined => {
      const made = new Stack(stack);
      made.service(name, { image: 'i' });
      return compiled(made.toSpec(), {
        images: {
          [name]: {
            reference: 'i',
            action: 'none',
            user: '',
            hasHealthcheck: false,
            entrypoint: [],
            command: [],
          },
        },
      }).units[0]?.container.digest;
    };
    assert.equal(digestIn('a', 'x'), digestIn('b', 'y'));
  });
});

describe('canonical JSON', () => {
  const data = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
  function turned(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(turned);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, each]) => [key, turned(each)]),
    );
  }

  it('is JSON of the same data', () => {
    fc.assert(fc.property(data, (value) => assert.deepEqual(JSON.parse(canonicalJson(value)), value)));
  });

  it('is the same whatever the order of keys', () => {
    fc.assert(fc.property(data, (value) => assert.equal(canonicalJson(turned(value)), canonicalJson(value))));
  });

  it('differs exactly where the data do', () => {
    fc.assert(
      fc.property(data, data, (a, b) => {
        assert.equal(canonicalJson(a) === canonicalJson(b), isDeepStrictEqual(a, b));
        assert.equal(digestOf(a) === digestOf(b), isDeepStrictEqual(a, b));
      }),
    );
  });

  it('leaves out what is undefined', () => {
    assert.equal(canonicalJson({ b: undefined, a: { c: undefined } }), '{"a":{}}');
    assert.equal(digestOf({ a: 1, b: undefined }), digestOf({ a: 1 }));
  });
});

describe('the digest of a content', () => {
  it('is SHA-256, as everybody else computes it', () => {
    // Of the empty text and of "abc": FIPS 180-4's examples.
    assert.equal(contentDigest(''), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
    assert.equal(
      contentDigest(Buffer.from('abc')),
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});
