import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BuildOptions, type Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { recordEvents } from '@plumbstack/testing';
import { docker, tryDocker } from '../../support/docker-cli';
import { eventually, Lab } from '../../support/lab';
import { lightApp } from '../../support/light-app';
import { Registry } from '../client/registry';

describe('images of a stack', () => {
  const lab = new Lab();
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plumbstack-images-'));
  });
  afterEach(() => lab.clear());
  after(async () => {
    await lab.runtime[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  /** Another version of the stack's one app, built from a text that no other test has. */
  const version = (stack: Stack, word: string, given: Partial<BuildOptions> = {}): Stack => {
    const next = lab.again(stack);
    const { command } = lightApp();
    const build = { inline: `FROM node:24-slim\nENV WORD=${stack.name}-${word}`, ...given };
    next.app('api', { build, ...(command !== undefined && { command }) });
    return next;
  };
  /** Tags of the images that were built for a stack, oldest first. */
  const built = async (stack: Stack): Promise<readonly string[]> => {
    const list = await docker('image', 'ls', `plumbstack/${stack.name}-api`, '--format', '{{.Tag}}');
    return list
      .split('\n')
      .filter((each) => each !== '')
      .reverse();
  };

  it('are kept for one version back, and older ones removed, but those that somebody else uses', async () => {
    const stack = lab.stack();
    const borrowed = `${stack.name}-borrows`;
    try {
      await lab.runtime.up(version(stack, '1'));
      const [first] = await built(stack);
      await docker('create', '--name', borrowed, `plumbstack/${stack.name}-api:${first}`, 'true');
      await lab.runtime.up(version(stack, '2'));
      assert.equal((await built(stack)).length, 2);
      const [second] = (await built(stack)).filter((each) => each !== first);
      await lab.runtime.up(version(stack, '3'));
      // A container that somebody made of ours is none of ours.
      assert.equal(await docker('inspect', '--format', '{{.Name}}', borrowed), `/${borrowed}`);
      // The first one is in use, the second is what one would go back to.
      assert.equal((await built(stack)).length, 3);
      await docker('rm', borrowed);
      using events = recordEvents(lab.runtime.events);
      await lab.runtime.up(version(stack, '4'));
      const left = await built(stack);
      assert.equal(left.length, 2);
      assert.ok(!left.includes(first ?? '') && !left.includes(second ?? ''));
      assert.deepEqual(
        events.of('image:removed').map(({ resource }) => resource),
        [`${stack.name}/api`, `${stack.name}/api`],
      );
      // Back to what was before: nothing is built, and the version in between is the one that is kept.
      const before = await built(stack);
      await lab.runtime.up(version(stack, '3'));
      assert.deepEqual([...(await built(stack))].sort(), [...before].sort());
      assert.equal(events.of('image:build:started').length, 1);
    } finally {
      await tryDocker('rm', '--force', borrowed);
      await lab.runtime.down(stack, { images: true });
    }
  });

  it('stay where the runtime is to keep all, and go with the stack only when asked', async () => {
    await using runtime = new DockerRuntime({ keepImages: Infinity });
    const stack = lab.stack();
    const child = `${stack.name}-child:1`;
    try {
      for (const word of ['1', '2', '3']) await runtime.up(version(stack, word));
      assert.equal((await built(stack)).length, 3);
      // It inherits every label, and is not ours.
      const [first] = await built(stack);
      await docker('tag', `plumbstack/${stack.name}-api:${first}`, child);
      await runtime.down(stack);
      assert.equal((await built(stack)).length, 3);
      await runtime.down(stack.name, { images: true });
      assert.deepEqual(await built(stack), []);
      assert.match(await docker('image', 'inspect', '--format', '{{.Id}}', child), /^sha256:/);
    } finally {
      await runtime.down(stack, { images: true });
      await tryDocker('rmi', child);
    }
  });

  it('are built with secrets of the stack, and not again when nothing but a secret has changed', async () => {
    const stack = lab.stack();
    const value = `tok-${randomBytes(8).toString('hex')}`;
    const file = join(folder, 'token');
    const withSecret = (): Stack => {
      const next = lab.again(stack);
      const token = next.secret('token', { file });
      const inline = `FROM node:24-slim\nRUN --mount=type=secret,id=npm sha256sum /run/secrets/npm > /sum; echo ${stack.name}`;
      const { command } = lightApp();
      next.app('api', {
        build: { inline, secrets: [{ secret: token, id: 'npm' }] },
        ...(command !== undefined && { command }),
      });
      return next;
    };
    await writeFile(file, value);
    using events = recordEvents(lab.runtime.events);
    try {
      const deployment = await lab.runtime.up(withSecret());
      const { stdout } = await deployment.exec('api', ['cat', '/sum']);
      assert.match(stdout, /^[0-9a-f]{64}/);
      await writeFile(file, 'another');
      assert.ok((await lab.runtime.plan(withSecret())).isEmpty);
      const [tag] = await built(stack);
      const traces = await docker('history', '--no-trunc', `plumbstack/${stack.name}-api:${tag}`);
      assert.ok(!`${traces}${JSON.stringify(events.events)}`.includes(value));
    } finally {
      await lab.runtime.down(stack, { images: true, volumes: true });
    }
  });

  it('are pulled again when the last pull is older than asked, and not before', async () => {
    await using registry = await Registry.start('ps/timed', '1');
    const reference = `${registry.host}/ps/timed:1`;
    const stack = lab.stack();
    const timed = (everyMs: number): Stack => {
      const next = lab.again(stack);
      next.service('idle', { image: { reference, pull: { everyMs } }, restart: 'no' });
      return next;
    };
    try {
      // Nothing in the image can run: what counts is what is planned for it.
      await lab.runtime.up(timed(3_600_000)).catch(() => {});
      const pulls = async (everyMs: number): Promise<boolean> =>
        (await lab.runtime.plan(timed(everyMs))).steps.some(({ kind }) => kind === 'image');
      assert.equal(await pulls(3_600_000), false);
      await eventually('the pull is due', async () => ((await pulls(1000)) ? true : undefined));
      using events = recordEvents(lab.runtime.events);
      await lab.runtime.up(timed(1000)).catch(() => {});
      assert.equal(events.of('image:pull:finished').length, 1);
      assert.equal(await pulls(3_600_000), false);
    } finally {
      await lab.runtime.down(stack, { volumes: true });
      await tryDocker('rmi', reference);
    }
  });
});
