import assert from 'node:assert/strict';
import { isPlumbstackError, plumber, Stack, type AppOptions, type PlumberOptions } from '@plumbstack/core';
import { InMemoryEngine, InMemoryRuntime } from '@plumbstack/testing';
import { ContextFolder } from '../docker/client/context-folder';

describe('the code of a live API in R', () => {
  let engine: InMemoryEngine;
  let runtime: InMemoryRuntime;
  let folder: ContextFolder;

  beforeEach(() => {
    folder = new ContextFolder({ 'code/plumber.R': 'one' });
    engine = new InMemoryEngine();
    runtime = new InMemoryRuntime({ engine, baseDir: folder.path });
  });
  afterEach(async () => {
    await runtime[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  it('is looked at by what runs, before that is stopped', async () => {
    const live = (given: PlumberOptions = {}): Stack => {
      const stack = new Stack('live');
      const api = plumber('./code/plumber.R', { live: true, ...given });
      stack.app('single', api);
      const update = { order: 'stop-first' as const };
      stack.pool('workers', { app: stack.app('worker', api), replicas: 2, update });
      return stack;
    };
    const one = (): Stack => live({ updateOrder: 'stop-first' });
    folder.write('code/plumber.R', 'one');
    await runtime.up(one());
    const ids = (): readonly string[] => engine.containers.map(({ id, state }) => `${id} ${state}`).sort();
    const before = ids();
    const asked: string[] = [];
    engine.onExec(({ container, command }) => {
      asked.push(`${container} ${command.at(-1)}`);
      return { exitCode: 1, stdout: '', stderr: 'Error in parse(file)\nExecution halted\n' };
    });
    folder.write('code/plumber.R', 'broken');
    const error: unknown = await runtime.up(one()).catch((thrown: unknown) => thrown);
    assert.ok(isPlumbstackError(error), String(error));
    assert.match(error.message, /Error in parse\(file\)/);
    assert.deepEqual(ids(), before);
    assert.deepEqual([...new Set(asked)].sort(), [
      'live-single /app/plumber.R',
      'live-workers-1 /app/plumber.R',
    ]);
    engine.onExec(() => ({ exitCode: 0, stdout: '', stderr: '' }));
    await runtime.up(one());
    assert.ok((await runtime.plan(one())).isEmpty);
    // What starts beside it needs no such look.
    engine.onExec(() => assert.fail('asked'));
    folder.write('code/plumber.R', 'three');
    const beside = new Stack('live');
    beside.app('single', plumber('./code/plumber.R', { live: true }));
    await runtime.up(beside);
  });

  it('is not asked of what was something else before: that may not know R, or see other files', async () => {
    const one = (options: AppOptions): Stack => {
      const stack = new Stack('live');
      stack.app('single', { updateOrder: 'stop-first', ...options });
      stack.pool('workers', {
        app: stack.app('worker', options),
        replicas: 2,
        update: { order: 'stop-first' },
      });
      return stack;
    };
    const others: readonly AppOptions[] = [
      { image: 'node:24-slim' },
      { image: 'rstudio/plumber:latest' },
      plumber('./code/plumber.R'),
    ];
    for (const other of others) {
      await runtime.up(one(other));
      engine.onExec(({ command }) => {
        assert.notEqual(command[0], 'Rscript');
        return { exitCode: 127, stdout: '', stderr: 'not found' };
      });
      const live = one(plumber('./code/plumber.R', { live: true }));
      await runtime.up(live);
      assert.ok((await runtime.plan(live)).isEmpty);
    }
  });
});
