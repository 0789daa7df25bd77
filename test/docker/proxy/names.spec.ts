import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isPlumbstackError, Stack, type App, type StackSpec } from '@plumbstack/core';
import { routerFiles, selfSigned } from '@plumbstack/docker/internal';
import { renderHaproxy, type ProxyFile } from '@plumbstack/docker/proxy';
import { compiled, inputsOf, poolOf, routerOf } from '../compile/compiled';
import { complaints } from './check-configs';

const golden = join(__dirname, '../../golden');

/** Names that a program has for what is part of its configuration, or that ours has been seen to have or might get. */
const further = [
  'tls',
  'pool',
  'requests',
  'turns',
  'admitted',
  'refused',
  'refusal',
  'full',
  'default',
  'defaults',
  'server',
  'servers',
  'upstream',
  'statistics',
  'stats',
  'global',
  'http',
  'frontend',
  'backend',
  'listen',
  'peers',
  'cache',
  'ssl',
  'shared',
  'site',
  'w1',
  'none',
  'off',
  'on',
  'all',
  'unix',
  'internal',
];

/** Every word of the configurations in these files, as it is and in its parts, that a resource may be called. */
function words(files: RegExp): readonly string[] {
  const text = readdirSync(golden, { recursive: true, withFileTypes: true })
    .filter((each) => each.isFile() && files.test(each.name))
    .map((each) => readFileSync(join(each.parentPath, each.name), 'utf8').replace(/^\s*#.*$/gm, ''))
    .join('\n')
    .toLowerCase();
  const found = [/[a-z0-9-]+/g, /[a-z0-9]+/g, /[a-z0-9_-]+/g].flatMap((word) => text.match(word) ?? []);
  const named = found.map((each) => each.replaceAll('_', '-').replace(/^-+|-+$/g, ''));
  const all = new Set([...further, ...named]);
  // A worker of a pool is called so.
  const isWorker = (word: string): boolean => /-\d+$/.test(word) && all.has(word.replace(/-\d+$/, ''));
  return [...all].filter((word) => isName(word) && !isWorker(word)).sort();
}

function isName(word: string): boolean {
  try {
    const stack = new Stack('s');
    stack.router('r').route('/', stack.app(word, { image: 'i' }));
    stack.validate();
    return true;
  } catch (error) {
    if (isPlumbstackError(error, 'INVALID_OPTION') || isPlumbstackError(error, 'INVALID_STACK')) return false;
    throw error;
  }
}

/** How resources are called, by what they are. */
interface Names {
  readonly apps: readonly string[];
  readonly kept: readonly string[];
  readonly pools: readonly string[];
  readonly turns: readonly string[];
  readonly router: string;
}

/** A router with all that has a name in nginx, which leads to apps and pools of each kind. */
function stackOf({ apps, kept, pools, turns, router }: Names): StackSpec {
  const stack = new Stack('s');
  const secret = stack.secret('the-pem-of-this-test', { value: 'its PEM' });
  let workers = 0;
  const worker = (): App => stack.app(`the-workers-of-this-test-${++workers}`, { image: 'i' });
  const rateLimit = { requestsPerSecond: 5, burst: 2 };
  const maintenance = { except: ['192.0.2.1'] };
  const web = stack.router(router, { publish: [443, 80], tls: { certificate: secret, key: secret } });
  for (const name of apps.slice(0, 1)) web.route(`/limited/`, stack.app(name, { image: 'i' }), { rateLimit });
  for (const name of apps.slice(1))
    web.route(`/a/${name}/`, stack.app(name, { image: 'i' }), { maintenance });
  for (const name of kept)
    web.route(`/k/${name}/`, stack.app(name, { image: 'i', keepAlive: true }), { host: 'a.org' });
  for (const name of pools) web.route(`/p/${name}/`, stack.pool(name, { app: worker(), stats: 0 }));
  for (const name of turns) {
    const pool = stack.pool(name, { app: worker(), maxConcurrency: 1, sticky: 'cookie', stats: 0 });
    web.route(`/t/${name}/`, pool);
  }
  stack.validate();
  return stack.toSpec();
}

/** What a runtime would put into the containers of the router and of the pools, by their names. */
function filesOf(names: Names): {
  readonly nginx: readonly ProxyFile[];
  readonly haproxy: Readonly<Record<string, readonly ProxyFile[]>>;
} {
  const spec = { ...stackOf(names), subnet: '10.232.0.0/16' };
  const secrets = Object.fromEntries(Object.keys(inputsOf(spec).secrets).map((name) => [name, pem]));
  const desired = compiled(spec, { secrets });
  const { apps, kept, pools, turns, router } = names;
  const servers = Object.fromEntries(
    [...apps, ...kept, ...pools, ...turns].map((name, index) => [name, `10.233.0.${20 + index}:8000`]),
  );
  return {
    nginx: routerFiles(routerOf(desired, router), servers)
      .files.filter(({ path }) => path !== 'record.json')
      .map(({ path, content }) => ({ path, content: String(content) })),
    haproxy: Object.fromEntries(
      [...pools, ...turns].map((name) => [
        name,
        renderHaproxy({ ...poolOf(desired, name).config.model, revision: 'c0ffee' }),
      ]),
    ),
  };
}

const pem = { value: Buffer.from(selfSigned(['example.org'], new Date('2026-01-01'))), fingerprint: 'f' };

describe('a resource that is called like a word of a configuration', function () {
  this.timeout(180_000);

  /** Each word once in each role, beside other words. */
  function cases(all: readonly string[], size: number): readonly Names[] {
    const starts = Array.from({ length: Math.ceil(all.length / size) }, (_, index) => index * size);
    return starts.map((start) => {
      const [apps, kept, pools, turns, [router = '']] = Array.from({ length: 5 }, (_, role) =>
        Array.from({ length: size }, (_, at) => all[(start + role * size + at) % all.length] ?? ''),
      ) as [string[], string[], string[], string[], string[]];
      return { apps, kept, pools, turns, router };
    });
  }

  // Names that are made of others, and those others.
  const made: Names = {
    apps: ['a', 'to-b', 'kept-c', 'rate-0', 'route-0'],
    kept: ['to-a', 'kept-a', 'b', 'kept-b', 'c'],
    pools: ['to-to-b', 'kept-to-a', 'to-c'],
    turns: ['kept-kept-b', 'to-kept-a'],
    router: 'kept-kept-a',
  };

  it('is one of many', () => {
    const all = words(/\.(?:conf|cfg|lua)$/);
    assert.ok(all.length > 400, `${all.length} words`);
    for (const word of ['tls', 'pool', 'requests', 'server', 'default', 'upstream', 'full']) {
      assert.ok(all.includes(word), word);
    }
  });

  it('is an app or a pool behind an nginx that has no complaint', async () => {
    const all = words(/\.(?:conf|cfg|lua)$/);
    const named = [...cases(all, 10), made].map(
      (names, index) => [`c${index}`, filesOf(names).nginx] as const,
    );
    assert.deepEqual(await complaints('nginx', Object.fromEntries(named)), {});
  });

  it('is a pool of a HAProxy that has no complaint', async () => {
    const all = words(/\.(?:cfg|lua)$/);
    const half = Math.ceil(all.length / 2);
    const named = [all.slice(0, half), all.slice(half)].flatMap((each, index) => {
      const names = { apps: [], kept: [], router: 'the-router-of-this-test' };
      const [pools, turns] = index === 0 ? [each, []] : [[], each];
      return Object.entries(filesOf({ ...names, pools, turns }).haproxy);
    });
    assert.equal(named.length, all.length);
    assert.deepEqual(await complaints('haproxy', Object.fromEntries(named)), {});
  });
});
