import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Stack, type Plan } from '@plumbstack/core';
import type { ImageBuild } from '@plumbstack/docker/client';
import { InMemoryRuntime } from '@plumbstack/testing';
import { ContextFolder } from '../docker/client/context-folder';

const steps = ({ steps: all }: Plan): readonly string[] =>
  all.filter(({ action }) => action !== 'keep').map(({ action, kind }) => `${action} ${kind}`);

describe('a build context that somebody writes to', () => {
  let runtime: InMemoryRuntime;
  let folder: ContextFolder;
  /** What each build was sent, by the tag that the engine gave the image. */
  let sent: Map<string, string>;
  let during: () => void;

  beforeEach(() => {
    folder = new ContextFolder({ Dockerfile: 'FROM scratch\nCOPY . /', 'app.R': 'one' });
    runtime = new InMemoryRuntime({ baseDir: folder.path });
    sent = new Map();
    during = () => undefined;
    runtime.engine.onCall(async ({ method, args }, proceed) => {
      if (method !== 'buildImage') return proceed();
      const [build] = args as readonly [ImageBuild];
      sent.set(build.tag, readFileSync(join(folder.path, 'app.R'), 'utf8'));
      const result = await proceed();
      during();
      return result;
    });
  });
  afterEach(async () => {
    await runtime[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const described = (): Stack => {
    const stack = new Stack('shop');
    const app = stack.app('api', { build: '.' });
    stack.pool('workers', { app, replicas: 2 });
    stack.app('site', { build: { context: '.', args: { SITE: '1' } }, publish: 0 });
    return stack;
  };
  const images = async (): Promise<readonly string[]> => {
    const all = await runtime.engine.client.listImages('io.plumbstack.built-for.stack=shop');
    return all.flatMap(({ tags }) => tags);
  };
  /** What the containers of a resource were built from, as the engine was sent it. */
  const contents = async (resource: string): Promise<readonly (string | undefined)[]> => {
    const byImage = new Map<string, string>();
    for (const [tag, content] of sent) {
      const found = await runtime.engine.client.inspectImage(tag);
      if (found !== undefined) byImage.set(found.id, content);
    }
    const found = runtime.engine.containers
      .filter((each) => each.resource === resource && each.role !== 'balancer')
      .map(async ({ image }) => byImage.get((await runtime.engine.client.inspectImage(image))?.id ?? ''));
    return Promise.all(found);
  };

  it('is called by its content, once, where nobody writes', async () => {
    await runtime.up(described());
    assert.equal((await images()).length, 2);
    assert.equal((await runtime.plan(described())).isEmpty, true);
    assert.equal(sent.size, 2);
  });

  it('is built of some moment, and the next plan has what was written since', async () => {
    let saves = 0;
    during = () => folder.write('app.R', `saved ${++saves}`);
    await runtime.up(described());
    // What runs is what was built.
    const running = [...(await contents('workers')), ...(await contents('site'))];
    assert.deepEqual(
      running.map((each) => each !== undefined && [...sent.values()].includes(each)),
      [true, true, true],
    );
    during = () => undefined;
    const plan = await runtime.plan(described());
    assert.deepEqual(
      steps(plan).filter((each) => each.endsWith('image')),
      ['create image', 'create image'],
    );
    await runtime.up(described(), { plan });
    assert.equal((await runtime.plan(described())).isEmpty, true);
    assert.ok([...sent.values()].includes(`saved ${saves}`));
  });

  it('is not taken for the former content where that comes back', async () => {
    during = () => folder.write('app.R', 'two');
    await runtime.up(described());
    during = () => undefined;
    folder.write('app.R', 'one');
    assert.equal((await runtime.plan(described())).isEmpty, false);
    await runtime.up(described());
    assert.equal((await runtime.plan(described())).isEmpty, true);
  });

  it('comes up every time with a log that grows at every call', async () => {
    folder.write('app.log', '');
    runtime.engine.onCall(async (_, proceed) => {
      appendFileSync(join(folder.path, 'app.log'), 'one more line\n');
      return proceed();
    });
    for (let run = 1; run <= 3; run++) {
      const deployment = await runtime.up(described());
      assert.equal((await deployment.status()).healthy, true);
    }
    // One for each resource that runs, one of the app's to go back to, and those that the pool remembers.
    assert.ok((await images()).length <= 5, (await images()).join());
  });

  it('comes up where the folder is gone once it is built', async () => {
    during = () => rmSync(join(folder.path, 'Dockerfile'), { force: true });
    const stack = new Stack('shop');
    stack.app('api', { build: '.' });
    assert.equal((await (await runtime.up(stack)).status()).healthy, true);
  });

  it('goes on with what was found where it changes later in the run', async () => {
    const before = new Stack('shop');
    before.app('old', { build: '.', publish: 8080 });
    await runtime.up(before);
    const now = new Stack('shop');
    now.app('old', { build: '.', publish: 8081 });
    now.app('api', { image: 'api', publish: 8080 });
    runtime.engine.onCall(async ({ method }, proceed) => {
      // Between two looks of the run.
      if (method === 'removeContainer') folder.write('app.R', 'later');
      return proceed();
    });
    await runtime.up(now);
    assert.equal((await runtime.plan(now)).isEmpty, false);
  });
});
