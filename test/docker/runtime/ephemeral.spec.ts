import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isPlumbstackError } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { InMemoryRuntime, upEphemeral } from '@plumbstack/testing';
import { eventually, leftovers } from '../../support/lab';
import { lightApp } from '../../support/light-app';

const cleaner = { module: '@plumbstack/docker', export: 'DockerRuntime', from: __dirname };

/** Runs the program until the predicate holds of what it said, then does the deed; resolves to the stack's name. */
async function stackOf(when: string, until: string, signal: NodeJS.Signals | undefined): Promise<string> {
  const file = join(__dirname, '../../support/killed-program.ts');
  const program = spawn(process.execPath, ['--require', 'ts-node/register/transpile-only', file, when], {
    cwd: join(__dirname, '../..'),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  program.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const ended = once(program, 'exit');
  await eventually('it has said so', () => Promise.resolve(said.includes(until) || undefined), 60_000);
  if (signal !== undefined) program.kill(signal);
  await ended;
  return said.split('\n')[0] ?? '';
}

/** Processes of this machine that clean up for one that made this stack. */
function cleaners(): readonly string[] {
  return readdirSync('/proc')
    .filter((each) => /^\d+$/.test(each))
    .filter((pid) => {
      try {
        const [, script = ''] = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return script.startsWith(join(__dirname, '../../..')) && script.endsWith('cleaner-process.js');
      } catch {
        return false; // It has ended meanwhile.
      }
    });
}

describe('a stack for a test', function () {
  this.timeout(120_000);

  it('is on a free port under a name of its own, and gone at the end of its block with its data', async () => {
    await using runtime = new DockerRuntime();
    const names: string[] = [];
    {
      const up = () =>
        upEphemeral(
          runtime,
          (stack) => {
            const data = stack.volume('data');
            stack.app('api', lightApp({ publish: 0, mounts: [{ volume: data, target: '/data' }] }));
          },
          { cleaner },
        );
      await using one = await up();
      await using two = await up();
      for (const each of [one, two]) {
        names.push(each.stack);
        assert.ok((await fetch(each.endpoint('api'))).ok);
      }
    }
    assert.equal(new Set(names).size, 2);
    for (const name of names) assert.deepEqual(await leftovers(name), []);
  });

  it('that does not come up leaves nothing behind', async () => {
    await using runtime = new DockerRuntime();
    let name = '';
    const up = upEphemeral(
      runtime,
      (stack) => {
        name = stack.name;
        stack.app('job', {
          image: 'node:24-slim',
          command: ['node', '-e', 'process.exit(4)'],
          restart: 'no',
        });
      },
      { cleaner },
    );
    await assert.rejects(up, (error) => isPlumbstackError(error, 'START_FAILED'));
    assert.deepEqual(await leftovers(name), []);
  });

  for (const [what, when, until, signal] of [
    ['is killed while it is up', 'after', 'up', 'SIGKILL'],
    ['is killed while it comes up', 'during', 'test-', undefined],
    ['ends without taking it down', 'ends', 'up', undefined],
  ] as const) {
    it(`is taken down when its process ${what}, and so is what does that`, async () => {
      const before = cleaners();
      const name = await stackOf(when, until, signal);
      await eventually(
        'nothing is left',
        async () => ((await leftovers(name)).length === 0 ? true : undefined),
        60_000,
      );
      await eventually('nobody is left', () =>
        Promise.resolve(cleaners().every((pid) => before.includes(pid)) || undefined),
      );
    });
  }

  it('whose cleaner cannot be found is refused before anything is made', async () => {
    const runtime = new InMemoryRuntime();
    for (const wrong of [
      { ...cleaner, module: '@plumbstack/none' },
      { ...cleaner, export: 'PodmanRuntime' },
    ]) {
      const up = upEphemeral(runtime, (stack) => void stack.app('api', lightApp()), { cleaner: wrong });
      await assert.rejects(up, (error) => isPlumbstackError(error, 'INVALID_OPTION'));
    }
    assert.deepEqual(await runtime.list(), []);
  });
});
