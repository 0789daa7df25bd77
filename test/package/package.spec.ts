import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { install, pack, publishedPackages, type PackedPackage } from './packed-package';

const folder = mkdtempSync(join(tmpdir(), 'plumbstack-package-'));
const packages = publishedPackages().map((each) => pack(each, folder));
after(() => rmSync(folder, { recursive: true }));

/** Entries that a program imports, as `@plumbstack/events/console`. */
function entriesOf({ name, manifest }: PackedPackage): readonly string[] {
  return Object.keys(manifest.exports)
    .filter((each) => !each.endsWith('.json'))
    .map((each) => name + each.slice(1));
}

describe('a published package', () => {
  it('is each of core, events, docker and testing, and maybe more', () => {
    const names = packages.map(({ name }) => name);
    for (const name of ['core', 'events', 'docker', 'testing'])
      assert.ok(names.includes(`@plumbstack/${name}`), name);
  });

  for (const each of packages) {
    const { name, tarball, files, manifest } = each;

    it(`${name} has nothing that publint would say`, async () => {
      const packed = tarball.buffer.slice(
        tarball.byteOffset,
        tarball.byteOffset + tarball.byteLength,
      ) as ArrayBuffer;
      const { messages, pkg } = await publint({ pack: { tarball: packed }, strict: true });
      assert.deepEqual(
        messages.map((message) => `${message.type}: ${formatMessage(message, pkg, { color: false })}`),
        [],
      );
    });

    it(`${name} has types that are right for every importer of ES modules`, async () => {
      const result = await checkPackage(createPackageFromTarballData(new Uint8Array(tarball)));
      assert.ok(result.types !== false, 'it has types');
      // The profile esm-only: neither resolution without `exports` nor CommonJS without require(esm) is served.
      const unserved = ['node10', 'node16-cjs'];
      const problems = result.problems.filter(
        (problem) => !('resolutionKind' in problem && unserved.includes(problem.resolutionKind)),
      );
      assert.deepEqual(problems, []);
      const wanted = entriesOf(each).map((entry) => `.${entry.slice(name.length)}`);
      for (const entry of wanted) {
        const resolution = result.entrypoints[entry]?.resolutions['node16-esm'];
        assert.ok(resolution?.resolution?.isTypeScript, `${entry} resolves to its types`);
      }
    });

    it(`${name} holds its entries, their sources and nothing that only a build needs`, () => {
      for (const target of Object.values(manifest.exports).flatMap((each) =>
        typeof each === 'string' ? each : Object.values(each),
      )) {
        assert.ok(files.includes(target.replace('./', '')), target);
      }
      const sources = files.filter((file) => file.startsWith('src/'));
      assert.ok(sources.length > 0, 'its source maps name files that are there');
      const compiled = sources.flatMap((file) =>
        ['.js', '.d.ts'].map((ending) => file.replace(/^src\/(.*)\.ts$/, `dist/$1${ending}`)),
      );
      assert.deepEqual(
        compiled.filter((file) => !files.includes(file)),
        [],
      );
      assert.deepEqual(
        files.filter((file) => /tsbuildinfo|node_modules|\.spec\.|(?:^|\/)test\//.test(file)),
        [],
      );
    });
  }
});

describe('a CommonJS script', () => {
  it('requires every entry of every package with plain ts-node, and has its types', function () {
    this.timeout(120_000);
    const program = mkdtempSync(join(tmpdir(), 'plumbstack-program-'));
    try {
      install(packages, program);
      writeFileSync(join(program, 'package.json'), JSON.stringify({ name: 'program', private: true }));
      // Without a tsconfig.json, ts-node takes settings of its own that know no `exports` of a package.
      const compilerOptions = {
        module: 'nodenext',
        target: 'es2022',
        strict: true,
        types: ['node'],
        skipLibCheck: false,
      };
      writeFileSync(join(program, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
      const entries = packages.flatMap(entriesOf);
      const script = [
        "import { Stack, type StackSpec } from '@plumbstack/core';",
        ...entries.map((entry, index) => `import * as entry${index} from '${entry}';`),
        "const stack = new Stack('s');",
        "stack.router('web').route('/', stack.app('a', { image: 'nginx' }));",
        '// @ts-expect-error -- the types are there: an app has no such option',
        "const wrong = (): unknown => stack.app('b', { imgae: 'nginx' });",
        'const spec: StackSpec = stack.toSpec();',
        `const entries = [${entries.map((_, index) => `entry${index}`).join(', ')}].map((each) => Object.keys(each).length);`,
        "console.log(JSON.stringify({ cjs: typeof require === 'function' && typeof module === 'object', resources: spec.resources.length, entries, wrong: typeof wrong }));",
      ];
      writeFileSync(join(program, 'script.ts'), script.join('\n'));
      const { TS_NODE_PROJECT: _, ...env } = process.env;
      const output = execFileSync(process.execPath, [require.resolve('ts-node/dist/bin.js'), 'script.ts'], {
        cwd: program,
        env,
        encoding: 'utf8',
      });
      const result = JSON.parse(output) as {
        readonly cjs: boolean;
        readonly resources: number;
        readonly entries: readonly number[];
      };
      assert.ok(result.cjs, 'the script is CommonJS');
      assert.equal(result.resources, 2);
      for (const [index, exported] of result.entries.entries())
        assert.ok(exported > 0, `${entries[index]} exports something`);
    } finally {
      rmSync(program, { recursive: true });
    }
  });
});
