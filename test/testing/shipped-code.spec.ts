import assert from 'node:assert/strict';
import { rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { isPlumbstackError, plumber, Stack, type Plan } from '@plumbstack/core';
import { InMemoryRuntime } from '@plumbstack/testing';
import { ContextFolder } from '../docker/client/context-folder';

describe('the code of an API in R', () => {
  let runtime: InMemoryRuntime;
  let folder: ContextFolder;

  beforeEach(() => {
    folder = new ContextFolder({ 'api/plumber.R': 'one', 'api/helpers/sum.R': 'one', 'api/old.R': 'one' });
    runtime = new InMemoryRuntime({ baseDir: folder.path });
  });
  afterEach(async () => {
    await runtime[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const described = (replicas = 2): Stack => {
    const stack = new Stack('shop');
    const api = plumber('./api/plumber.R');
    const workers = stack.pool('workers', { app: stack.app('worker', api), replicas });
    stack.router('web', { publish: 0 }).route('/pool/', workers).route('/', stack.app('api', api));
    return stack;
  };
  /** What the plan says of code, by resource. */
  const edits = ({ steps }: Plan): Readonly<Record<string, readonly string[]>> =>
    Object.fromEntries(
      steps.flatMap(({ resource, kind, reasons }) => {
        const paths = reasons.flatMap(({ path }) => /(?:^|\.)code\.(.+)$/.exec(path)?.[1] ?? []);
        return paths.length === 0 ? [] : [[`${kind} ${resource}`, paths.sort()] as const];
      }),
    );
  const images = (role: string): readonly string[] =>
    runtime.engine.containers.flatMap((each) => (each.role === role ? [each.image] : []));

  it('is a version: an edit is a step of the plan, with the names of the files', async () => {
    await runtime.up(described());
    assert.ok((await runtime.plan(described())).isEmpty);
    folder.write('api/plumber.R', 'two');
    folder.write('api/helpers/new.R', 'one');
    rmSync(join(folder.path, 'api/old.R'));
    const plan = await runtime.plan(described());
    const changed = ['helpers/new.R', 'old.R', 'plumber.R'];
    assert.deepEqual(edits(plan), { 'app shop/api': changed, 'pool shop/workers': changed });
    assert.match(plan.toString(), /code\.plumber\.R/);
    await runtime.up(described());
    assert.ok((await runtime.plan(described())).isEmpty);
  });

  it('is that of the version, whatever is in the folder: of what crashes, of more workers, after a rollback', async () => {
    const deployment = await runtime.up(described());
    const [first] = images('worker');
    folder.write('api/plumber.R', 'half-saved');
    runtime.engine.crash('shop-workers-1');
    await deployment.scale('workers', 4);
    assert.deepEqual(images('worker'), [first, first, first, first]);
    await runtime.up(described(4));
    const [second] = images('worker');
    assert.notEqual(second, first);
    await deployment.rollback('workers');
    assert.deepEqual(images('worker'), [first, first, first, first]);
  });

  it('has the lines about a lock file where there is one', async () => {
    const one = (options = {}): Stack => {
      const stack = new Stack('shop');
      stack.app('api', plumber('./api/plumber.R', options));
      return stack;
    };
    await runtime.up(one());
    assert.ok((await runtime.plan(one({ renv: false }))).isEmpty);
    await assert.rejects(runtime.plan(one({ renv: true })), (error) => {
      assert.ok(isPlumbstackError(error, 'NOT_FOUND'));
      return error.details['path'] === join(folder.path, 'api/renv.lock') && error.resource === 'shop/api';
    });
    folder.write('api/renv.lock', '{}');
    assert.deepEqual(edits(await runtime.plan(one())), { 'app shop/api': ['renv.lock'] });
    await runtime.up(one());
    assert.ok((await runtime.plan(one({ renv: true }))).isEmpty);
    // What is not sent is not there.
    folder.write('api/.dockerignore', 'renv.lock');
    await assert.rejects(runtime.plan(one({ renv: true })), (error) => isPlumbstackError(error, 'NOT_FOUND'));
    const without = await runtime.plan(one());
    assert.deepEqual(edits(without), { 'app shop/api': ['renv.lock'] });
    rmSync(join(folder.path, 'api/.dockerignore'));
    // The same files, and another image.
    assert.deepEqual(edits(await runtime.plan(one({ renv: false }))), {});
    assert.ok(!(await runtime.plan(one({ renv: false }))).isEmpty);
  });

  it('is told by folders where there are many files, and as one where there are many of those', async () => {
    for (let each = 0; each < 60; each++) folder.write(`api/many/${each}.R`, 'one');
    await runtime.up(described());
    folder.write('api/many/7.R', 'two');
    assert.deepEqual(edits(await runtime.plan(described()))['app shop/api'], ['many']);
    for (let each = 0; each < 60; each++) folder.write(`api/folder${each}/a.R`, 'one');
    await runtime.up(described());
    folder.write('api/folder7/a.R', 'two');
    assert.deepEqual(edits(await runtime.plan(described()))['app shop/api'], ['.']);
  });

  it('is without what .dockerignore names', async () => {
    folder.write('api/.dockerignore', '*.log');
    await runtime.up(described());
    folder.write('api/access.log', 'a line');
    assert.ok((await runtime.plan(described())).isEmpty);
  });

  it('is refused with what is large in it, before it is read', async () => {
    folder.write('api/data/rows.csv', '');
    truncateSync(join(folder.path, 'api/data/rows.csv'), 2e9);
    await assert.rejects(
      runtime.plan(described()),
      (error) =>
        isPlumbstackError(error, 'INVALID_OPTION') &&
        error.message.includes('data 2000 MB') &&
        /\.dockerignore/.test(error.hint ?? '') &&
        /^shop\/(worker|api)$/.test(error.resource ?? ''),
    );
    folder.write('api/.dockerignore', 'data');
    await runtime.up(described());
  });

  it('that is not there is refused before anything is changed', async () => {
    await runtime.up(described());
    const before = runtime.engine.objects;
    rmSync(join(folder.path, 'api'), { recursive: true });
    await assert.rejects(runtime.up(described()), (error) => isPlumbstackError(error, 'NOT_FOUND'));
    assert.deepEqual(runtime.engine.objects, before);
  });
});
