import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { ask, Lab } from '../../support/lab';
import { lightApp } from '../../support/light-app';

const testFolder = join(__dirname, '..', '..');
const tool = (name: string): string => join(testFolder, 'node_modules', '.bin', name);

/** What a person writes: bring it up, say where it is, end. */
const source = `
import { Stack, type AppOptions } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';

async function main(name: string, app: AppOptions): Promise<void> {
  const stack = new Stack(name);
  const single = stack.app('app', app);
  const pool = stack.pool('pool', { app: stack.app('worker', app), replicas: 2 });
  stack.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/app/', single).route('/pool/', pool);
  const deployment = await new DockerRuntime().up(stack);
  process.stdout.write(JSON.stringify({ web: deployment.endpoint('web').href }));
}

main(process.argv[2] ?? '', JSON.parse(process.argv[3] ?? '') as AppOptions).catch((error: unknown) => {
  process.stderr.write(String(error));
  process.exitCode = 1;
});
`;

const compilerOptions = {
  target: 'es2022',
  module: 'nodenext',
  strict: true,
  verbatimModuleSyntax: false,
  skipLibCheck: true,
  types: ['node'],
};

describe('a program that brings a stack up', () => {
  const lab = new Lab();
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'er-program-'));
    // As after an installation: the packages are found from the program's own folder.
    await symlink(join(testFolder, 'node_modules'), join(folder, 'node_modules'));
    await writeFile(join(folder, 'package.json'), JSON.stringify({ type: 'commonjs' }));
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*'] }));
    await writeFile(join(folder, 'main.ts'), source);
    await writeFile(join(folder, 'module.mts'), source);
    const compiled = await run(folder, tool('tsc'), []);
    assert.equal(compiled.exitCode, 0, compiled.stdout);
  });
  afterEach(() => lab.clear());
  after(() => rm(folder, { recursive: true }));

  const programs: readonly (readonly [string, string, readonly string[]])[] = [
    ['as an ES module in JavaScript', process.execPath, ['module.mjs']],
    ['as a CommonJS script in JavaScript', process.execPath, ['main.js']],
    ['as a CommonJS script in TypeScript, by ts-node', tool('ts-node'), ['main.ts']],
  ];
  for (const [how, command, args] of programs) {
    it(`${how}, ends by itself, and the stack stays up`, async () => {
      const { name } = lab.stack();
      const ended = await run(folder, command, [...args, name, JSON.stringify(lightApp())]);
      assert.equal(ended.exitCode, 0, ended.stderr);
      assert.ok(ended.afterOutputMs < 3000, `it ended ${ended.afterOutputMs} ms after its last word`);
      const { web } = JSON.parse(ended.stdout) as { web: string };
      assert.equal((await ask(new URL(web), '/app/')).host, 'app');
      assert.match((await ask(new URL(web), '/pool/')).host, /^pool-[12]$/);
      const deployment = await lab.runtime.attach(name);
      assert.equal((await deployment.status()).healthy, true);
      assert.equal(deployment.endpoint('web').href, web);
    });
  }

  it('that fails, ends by itself too', async () => {
    const { name } = lab.stack();
    const { exitCode, stderr, afterOutputMs } = await run(folder, process.execPath, [
      'main.js',
      name,
      '{"build":"./nowhere"}',
    ]);
    assert.equal(exitCode, 1);
    assert.match(stderr, /NOT_FOUND: /);
    assert.ok(afterOutputMs < 3000, `it ended ${afterOutputMs} ms after its last word`);
  });
});

interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** How long it went on when it had said all it had to say. */
  readonly afterOutputMs: number;
}

async function run(cwd: string, command: string, args: readonly string[]): Promise<Ended> {
  const child = spawn(command, args, {
    cwd,
    // Without what leads this process's own ts-node to the tests' project.
    env: { ...process.env, TS_NODE_PROJECT: undefined },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 100_000,
  });
  let lastWord = performance.now();
  for (const stream of [child.stdout, child.stderr]) stream.on('data', () => (lastWord = performance.now()));
  const exit = once(child, 'exit') as Promise<[number | null]>;
  const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { exitCode, stdout, stderr, afterOutputMs: performance.now() - lastWord };
}
