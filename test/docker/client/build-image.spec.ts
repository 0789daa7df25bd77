import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isPlumbstackError, type PlumbstackError } from '@plumbstack/core';
import type { ImageBuild, ImageProgress } from '@plumbstack/docker/client';
import { contextOf, ContextFolder } from './context-folder';
import { eventually, image, label, Objects } from './objects';

function build(objects: Objects, last: string, given: Partial<ImageBuild> = {}): ImageBuild {
  return {
    dockerfile: 'Dockerfile',
    args: {},
    labels: { [label]: objects.run },
    tag: objects.imageName(last),
    ...given,
  };
}

async function failure(run: Promise<unknown>): Promise<PlumbstackError> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(isPlumbstackError(error, 'IMAGE_BUILD_FAILED'), String(error));
  return error;
}

describe('build', () => {
  it('makes an image of a folder, with arguments, labels and tag', async () => {
    await using objects = await Objects.create();
    using folder = new ContextFolder({
      Dockerfile: `FROM ${image}\nARG WORD\nCOPY . /srv/\nRUN echo "$WORD" > /srv/word && ls -A /srv > /srv/list`,
      'a/run.sh': '',
      link: '->a/run.sh',
      junk: 'x',
      '.dockerignore': 'junk\nDockerfile\n.dockerignore',
    });
    folder.write('a/run.sh', 'x', 0o750);
    const given = build(objects, 'shop', { ...contextOf(folder.path), args: { WORD: 'héllo' } });
    const id = await objects.client.buildImage({
      ...given,
      tag: objects.imageName('shop'),
      labels: { [label]: objects.run },
    });
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    const [listed] = await objects.client.listImages(objects.label);
    assert.deepEqual([listed?.id, listed?.tags], [id, [objects.imageName('shop')]]);
    const box = await objects.shell('box', 'sleep 600', { image: id });
    const { stdout } = await objects.client.exec(box, [
      'sh',
      '-c',
      'cat /srv/word /srv/list; stat -c "%a %F" /srv/a/run.sh /srv/link',
    ]);
    assert.deepEqual(stdout.trim().split('\n'), [
      'héllo',
      'a',
      'link',
      'list',
      'word',
      '750 regular file',
      '777 symbolic link',
    ]);
  });

  it('takes a Dockerfile’s text, without a context or beside one that it does not leave a trace in', async () => {
    await using objects = await Objects.create();
    const id = await objects.client.buildImage(build(objects, 'alone', { inline: `FROM ${image}\nENV A=b` }));
    assert.ok(await objects.client.inspectImage(id));
    using folder = new ContextFolder({ a: 'x', Dockerfile: 'not this one' });
    const inline = `FROM ${image}\nCOPY . /srv/\nRUN ls -A /srv > /list`;
    const beside = await objects.client.buildImage(
      build(objects, 'beside', { context: folder.path, inline }),
    );
    const box = await objects.container('box', { image: beside });
    assert.equal((await objects.client.readFiles(box, '/list'))?.get('list')?.toString(), 'Dockerfile\na\n');
  });

  it('takes what has not changed from the cache', async () => {
    await using objects = await Objects.create();
    const given = build(objects, 'twice', { inline: `FROM ${image}\nRUN echo ${objects.run}` });
    const id = await objects.client.buildImage(given);
    assert.equal(await objects.client.buildImage(given), id);
  });

  it('builds one target of several', async () => {
    await using objects = await Objects.create();
    const inline = `FROM ${image} AS one\nENV A=1\nFROM one AS two\nRUN exit 9`;
    await objects.client.buildImage(build(objects, 'target', { inline, target: 'one' }));
  });

  it('tells its steps and their output line by line', async () => {
    await using objects = await Objects.create();
    const progress: ImageProgress[] = [];
    const inline = `FROM ${image}\nRUN echo first ${objects.run}; printf 'sec'; sleep 0.1; echo ond`;
    await objects.client.buildImage(build(objects, 'lines', { inline, labels: {} }), {
      onProgress: (each) => progress.push(each),
    });
    const second = progress.find(({ status }) => status === 'second');
    assert.deepEqual(second, { id: 'Step 2/2', current: 2, total: 2, status: 'second' });
  });

  it('rejects with the step, its last lines and its exit code', async () => {
    await using objects = await Objects.create();
    const inline = `FROM ${image}\nRUN echo one ${objects.run}; echo two >&2; exit 7`;
    const error = await failure(objects.client.buildImage(build(objects, 'fails', { inline, labels: {} })));
    assert.equal(error.details['step'], `Step 2/2 : RUN echo one ${objects.run}; echo two >&2; exit 7`);
    assert.equal(error.details['exitCode'], 7);
    const lines = error.details['lastLines'] as string[];
    assert.deepEqual([...lines].sort(), [`one ${objects.run}`, 'two']);
    assert.match(error.message, /\| two/);
  });

  it('rejects a Dockerfile that is none, a missing file and a missing base image', async () => {
    await using objects = await Objects.create();
    const wrong = await failure(objects.client.buildImage(build(objects, 'wrong', { inline: 'FORM x' })));
    assert.match(wrong.message, /unknown instruction: FORM/);
    using folder = new ContextFolder({});
    const inline = `FROM ${image}\nCOPY nope /`;
    const missing = await failure(
      objects.client.buildImage(build(objects, 'copy', { context: folder.path, inline })),
    );
    assert.match(missing.hint ?? '', /inside the build context/);
    const base = await failure(
      objects.client.buildImage(build(objects, 'base', { inline: 'FROM 127.0.0.1:1/cl/none:1' })),
    );
    assert.match(base.hint ?? '', /cannot reach the registry/);
  });

  it('sends a large context without holding it in memory', async function () {
    await using objects = await Objects.create();
    using folder = new ContextFolder({ Dockerfile: `FROM ${image}\nRUN true` });
    const megabytes = 300;
    writeFileSync(join(folder.path, 'large'), Buffer.alloc(megabytes * 1e6));
    let highest = 0;
    const watch = setInterval(() => (highest = Math.max(highest, process.memoryUsage().rss)), 10);
    const before = process.memoryUsage().rss;
    await objects.client.buildImage({ ...build(objects, 'large'), context: folder.path });
    clearInterval(watch);
    assert.ok(highest - before < (megabytes * 1e6) / 2, `${Math.round((highest - before) / 1e6)} MB more`);
  });

  it('ends by its signal, also while a step runs', async () => {
    await using objects = await Objects.create();
    const controller = new AbortController();
    const reason = new Error('enough');
    const inline = `FROM ${image}\nRUN echo waits-${objects.run}; sleep 60`;
    const run = objects.client.buildImage(build(objects, 'stopped', { inline, labels: {} }), {
      signal: controller.signal,
      onProgress: ({ status }) => status.startsWith('waits-') && controller.abort(reason),
    });
    await assert.rejects(run, (error) => error === reason);
  });
});

describe('an empty image', () => {
  it('makes containers that never run', async () => {
    await using objects = await Objects.create();
    const reference = objects.imageName('empty');
    await objects.client.importEmptyImage(reference);
    assert.deepEqual((await objects.client.inspectImage(reference))?.tags, [reference]);
    const id = await objects.container('holder', { image: reference, command: ['-'] });
    await objects.client.putFiles(id, '/', [{ path: 'note', content: 'kept', mode: 0o600 }]);
    await eventually(
      async () => (await objects.client.readFiles(id, '/note'))?.get('note')?.toString() === 'kept',
    );
  });
});
