import assert from 'node:assert/strict';
import { isPlumbstackError, Stack } from '@plumbstack/core';
import { buildImage, docker } from '../../support/docker-cli';
import { Lab, leftovers } from '../../support/lab';
import { lightApp } from '../../support/light-app';
import { settledState } from '../../support/settled-state';

describe('an object of somebody else', function () {
  this.timeout(120_000);
  const lab = new Lab();
  const others: string[] = [];
  const made: (readonly string[])[] = [];

  afterEach(async () => {
    for (const name of others.splice(0)) await lab.runtime.down(name, { volumes: true });
    await lab.clear();
    for (const args of made.splice(0).reverse()) await docker(...args);
  });

  /** A stack `a`, and one that is called `a-b`. */
  function pair(): readonly [Stack, Stack] {
    const first = lab.stack();
    const second = new Stack(`${first.name}-b`);
    others.push(second.name);
    return [first, second];
  }

  const kinds: Readonly<Record<string, (stack: Stack, name: string) => unknown>> = {
    router: (stack, name) => stack.router(name, { publish: { port: 0, host: '127.0.0.1' } }),
    app: (stack, name) => stack.app(name, lightApp()),
    pool: (stack, name) => stack.pool(name, { app: stack.app('app', lightApp()), replicas: 1 }),
    volume: (stack, name) => stack.volume(name),
    secret: (stack, name) => stack.secret(name, { generateBytes: 16 }),
  };

  for (const [kind, declare] of Object.entries(kinds)) {
    it(`is not touched where a ${kind} of two stacks has one name, and nothing is made`, async () => {
      const [first, second] = pair();
      declare(first, 'b-c');
      declare(second, 'c');
      await lab.runtime.up(first);
      const before = await settledState(first.name);
      for (const run of [() => lab.runtime.plan(second), () => lab.runtime.up(second)])
        await assert.rejects(
          run(),
          (error) =>
            isPlumbstackError(error, 'NOT_OURS') &&
            error.resource === `${second.name}/c` &&
            error.text.includes(`belongs to the stack "${first.name}"`),
        );
      assert.deepEqual(await settledState(first.name), before);
      assert.deepEqual(await leftovers(second.name), []);
      await lab.runtime.down(second, { volumes: true });
      assert.deepEqual(await settledState(first.name), before);
      assert.ok((await lab.runtime.plan(first)).isEmpty);
    });
  }

  it('that is called as a router is never given the configuration of an app that moves', async () => {
    const [first, second] = pair();
    first.router('b-c', { publish: { port: 0, host: '127.0.0.1' } });
    await lab.runtime.up(first);
    const before = await settledState(first.name);
    const app = second.app('app', lightApp());
    second.router('c', { publish: { port: 0, host: '127.0.0.1' } }).route('/', app);
    await assert.rejects(lab.runtime.up(second), (error) => isPlumbstackError(error, 'NOT_OURS'));
    assert.deepEqual(await settledState(first.name), before);
    assert.deepEqual(await leftovers(second.name), []);
  });

  it('that is called as a worker keeps a pool from being scaled there, before anything is', async () => {
    const stack = lab.stack();
    stack.pool('pool', { app: stack.app('app', lightApp()), replicas: 1 });
    const deployment = await lab.runtime.up(stack);
    const theirs = `${stack.name}-pool-3`;
    await docker('create', '--name', theirs, 'node:24-slim');
    made.push(['rm', theirs]);
    const before = await settledState(stack.name);
    await assert.rejects(deployment.scale('pool', 4), (error) => isPlumbstackError(error, 'NOT_OURS'));
    assert.deepEqual(await settledState(stack.name), before);
  });

  it('is nobody of ours for having the labels of one, by an image that was made of it', async () => {
    const stack = lab.stack();
    stack.app('app', lightApp());
    stack.secret('key', { generateBytes: 16 });
    const deployment = await lab.runtime.up(stack);
    const committed = `plumbstack-test/${stack.name}:1`;
    await docker('commit', `${stack.name}-app`, committed);
    made.push(['image', 'rm', committed]);
    const built = `plumbstack-test/${stack.name}:2`;
    await buildImage(built, `FROM ${committed}\nENV MORE=1\n`);
    made.push(['image', 'rm', built]);
    const theirs = [committed, built].map((image, index) => ({ image, name: `con-${stack.name}-${index}` }));
    for (const { image, name } of theirs) {
      await docker('run', '--detach', '--name', name, image);
      made.push(['rm', '--force', name]);
      const labels = await docker('inspect', '--format', '{{json .Config.Labels}}', name);
      assert.ok(labels.includes(`"io.plumbstack.stack":"${stack.name}"`));
    }
    const isRunning = async (): Promise<readonly string[]> =>
      Promise.all(theirs.map(({ name }) => docker('inspect', '--format', '{{.State.Running}}', name)));
    assert.ok((await lab.runtime.plan(stack)).isEmpty);
    assert.deepEqual(
      (await deployment.status()).resources.flatMap(({ containers }) => containers.map(({ name }) => name)),
      [`${stack.name}-app`],
    );
    assert.equal((await lab.runtime.list()).find((each) => each.stack === stack.name)?.containers, 1);
    const next = lab.again(stack);
    next.app('app', lightApp({ env: { VERSION: '2' } }));
    next.secret('key', { generateBytes: 16 });
    await lab.runtime.up(next);
    assert.deepEqual(await isRunning(), ['true', 'true']);
    await lab.runtime.down(stack, { volumes: true });
    assert.deepEqual(await isRunning(), ['true', 'true']);
    assert.equal(
      await lab.runtime.attach(stack.name).then(
        () => 'there',
        () => 'none',
      ),
      'none',
    );

    // And one of ours that is made from such an image is ours.
    const from = lab.again(stack);
    from.app('app', { ...lightApp(), image: committed });
    await lab.runtime.up(from);
    assert.ok((await lab.runtime.plan(from)).isEmpty);
  });
});
