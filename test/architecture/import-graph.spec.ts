import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { reachableFrom, readImportGraph, valueCycles, type Import, type ImportGraph } from './import-graph';

/** What each package may import beside itself: other packages, and libraries. */
const directions: Readonly<Record<string, readonly string[]>> = {
  core: [],
  events: ['@plumbstack/core', '@opentelemetry/api', 'eventemitter3', 'node:'],
  docker: [
    '@plumbstack/core',
    '@plumbstack/events',
    'dockerode',
    'docker-modem',
    'tar-fs',
    'tar-stream',
    'unixcrypt',
    'acme-client',
    'node:',
  ],
  swarm: [
    '@plumbstack/core',
    '@plumbstack/events',
    '@plumbstack/docker/proxy',
    '@plumbstack/docker/client',
    'node:',
  ],
  testing: ['@plumbstack/core', '@plumbstack/events', '@plumbstack/docker', 'node:'],
};
/** Folders whose code only computes. */
const pure = /^(?:core\/src|(?:docker|swarm)\/src\/(?:compile|plan|proxy))\//;
/** Folders with effects, of which pure code knows types at most. */
const effects = /^(?:docker|swarm)\/src\/(?:client|apply)\//;
/** A digest is computed from its input alone; of what else node:crypto has, such as random bytes, that is not true. */
const computing: Readonly<Record<string, string>> = { 'docker/src/compile/spec-hash.ts': 'node:crypto' };
/** What cleans up behind a test's process makes its runtime of the module that the test has named. */
const namedByCaller: Readonly<Record<string, string>> = {
  'testing/src/ephemeral/runtime-module.ts': '(computed)',
};
const engineLibraries = /^(?:dockerode|docker-modem|tar-fs|tar-stream)(?:\/|$)/;

interface Found extends Import {
  readonly from: string;
}

function allImports(graph: ImportGraph): readonly Found[] {
  return [...graph].flatMap(([from, imports]) => imports.map((each) => ({ from, ...each })));
}

const say = ({ from, specifier }: Found): string => `${from} imports ${specifier}`;

function strangePackages(graph: ImportGraph): readonly string[] {
  return allImports(graph)
    .filter(({ from, specifier, file }) => {
      const [owner = ''] = from.split('/');
      if (file !== undefined) return !file.startsWith(`${owner}/src/`);
      if (namedByCaller[from] === specifier) return false;
      const allowed = directions[owner] ?? [];
      return !allowed.some(
        (each) => specifier === each || specifier.startsWith(each.endsWith(':') ? each : `${each}/`),
      );
    })
    .map(say);
}

function impurities(graph: ImportGraph): readonly string[] {
  return allImports(graph)
    .filter(({ from, specifier, file, typeOnly }) => {
      if (!pure.test(from) || computing[from] === specifier) return false;
      return (
        specifier.startsWith('node:') || specifier === '(computed)' || (!typeOnly && effects.test(file ?? ''))
      );
    })
    .map(say);
}

function engineLibrariesOutsideClient(graph: ImportGraph): readonly string[] {
  return allImports(graph)
    .filter(
      ({ from, specifier }) => engineLibraries.test(specifier) && !from.startsWith('docker/src/client/'),
    )
    .map(say);
}

function missingFiles(graph: ImportGraph): readonly string[] {
  return allImports(graph)
    .filter(({ file }) => file !== undefined && !graph.has(file))
    .map(say);
}

/** Source files of a package's `exports`: `./dist/x.js` is made of `src/x.ts`. */
function entriesOf(folder: string, name: string): readonly string[] {
  const { exports } = JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')) as {
    readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  };
  return Object.values(exports)
    .map((target) => (typeof target === 'string' ? target : target.default))
    .filter((target) => target.endsWith('.js'))
    .map((target) => `${name}/${target.replace(/^\.\/dist\//, 'src/').replace(/\.js$/, '.ts')}`);
}

function deadFiles(folder: string, graph: ImportGraph): readonly string[] {
  const packages = new Set([...graph.keys()].map((file) => file.split('/')[0] ?? ''));
  const reached = reachableFrom(
    graph,
    [...packages].flatMap((name) => entriesOf(folder, name)),
  );
  return [...graph.keys()].filter((file) => !reached.has(file));
}

describe('the import graph of the packages', () => {
  const folder = join(__dirname, '../../packages');
  const graph = readImportGraph(folder);

  it('is one of all packages', () => {
    for (const name of ['core', 'events', 'docker', 'testing']) {
      assert.ok(
        [...graph.keys()].some((file) => file.startsWith(`${name}/src/`)),
        name,
      );
    }
    assert.deepEqual(missingFiles(graph), []);
  });

  it('has each package import what it may, and nothing of another by its path', () => {
    assert.deepEqual(strangePackages(graph), []);
  });

  it('has pure code import nothing of Node and nothing with effects', () => {
    assert.deepEqual(impurities(graph), []);
  });

  it("has the engine's libraries in docker's client only", () => {
    assert.deepEqual(engineLibrariesOutsideClient(graph), []);
  });

  it('has no cycle of values', () => {
    assert.deepEqual(valueCycles(graph), []);
  });

  it('leads from the published entries to every file', () => {
    assert.deepEqual(deadFiles(folder, graph), []);
  });
});

describe('the check of the import graph', () => {
  const folder = mkdtempSync(join(tmpdir(), 'plumbstack-import-graph-'));
  after(() => rmSync(folder, { recursive: true }));

  const exports = { '.': { default: './dist/index.js' }, './package.json': './package.json' };
  const sources: Readonly<Record<string, string>> = {
    'core/package.json': JSON.stringify({ exports }),
    'core/src/index.ts': `export { a } from './a.js'; export type { B } from './b.js';`,
    'core/src/a.ts': `import { b } from './b.js'; import type { C } from './c.js'; export const a: C = b;`,
    'core/src/b.ts': `import { a } from './a.js'; export type B = typeof a; export const b = 1;`,
    'core/src/c.ts': `import { type B } from './b.js'; export type C = B | import('node:fs').Stats;`,
    'core/src/dead.ts': `export const fs = await import('node:fs'); export const up = import(String(fs));`,
    'docker/package.json': JSON.stringify({ exports }),
    'docker/src/index.ts': `export {} from './compile/x.js'; import './gone.js'; import '@plumbstack/testing';`,
    'docker/src/compile/x.ts': `import type { T } from '../client/y.js'; import { y } from '../client/y.js'; export const x: T = y;`,
    'docker/src/client/y.ts': `import 'dockerode'; export type T = 1; export const y = 1; import '../../../core/src/a.js';`,
    'docker/src/apply/z.ts': `import tar from 'tar-fs'; export const z = require('dockerode/lib/util');`,
  };
  for (const [path, text] of Object.entries(sources)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const graph = readImportGraph(folder);

  it('says who imports a package that it may not', () => {
    assert.deepEqual([...strangePackages(graph)].sort(), [
      'core/src/c.ts imports node:fs',
      'core/src/dead.ts imports (computed)',
      'core/src/dead.ts imports node:fs',
      'docker/src/client/y.ts imports ../../../core/src/a.js',
      'docker/src/index.ts imports @plumbstack/testing',
    ]);
  });

  it('says what is not pure, and lets types of the client pass', () => {
    assert.deepEqual([...impurities(graph)].sort(), [
      'core/src/c.ts imports node:fs',
      'core/src/dead.ts imports (computed)',
      'core/src/dead.ts imports node:fs',
      'docker/src/compile/x.ts imports ../client/y.js',
    ]);
  });

  it("says who else imports the engine's libraries", () => {
    assert.deepEqual(engineLibrariesOutsideClient(graph), [
      'docker/src/apply/z.ts imports tar-fs',
      'docker/src/apply/z.ts imports dockerode/lib/util',
    ]);
  });

  it('finds a cycle of values, and none that is of types only', () => {
    assert.deepEqual(
      valueCycles(graph).map((cycle) => [...new Set(cycle.split(' -> '))].sort()),
      [['core/src/a.ts', 'core/src/b.ts']],
    );
  });

  it('finds files that lead nowhere, and files that no entry leads to', () => {
    assert.deepEqual(missingFiles(graph), ['docker/src/index.ts imports ./gone.js']);
    assert.deepEqual([...deadFiles(folder, graph)].sort(), ['core/src/dead.ts', 'docker/src/apply/z.ts']);
  });
});
