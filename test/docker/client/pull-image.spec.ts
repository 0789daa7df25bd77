import assert from 'node:assert/strict';
import { isPlumbstackError, type PlumbstackError } from '@plumbstack/core';
import { parseImageReference, thisMachine, type ImageProgress } from '@plumbstack/docker/client';
import { Objects } from './objects';
import { Registry } from './registry';

/** This machine, with a docker configuration of its own. */
function configured(config: unknown) {
  return { ...thisMachine(), readFile: () => Promise.resolve(JSON.stringify(config)) };
}

async function failure(run: Promise<unknown>): Promise<PlumbstackError> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(isPlumbstackError(error, 'IMAGE_PULL_FAILED'), String(error));
  return error;
}

describe('pull', () => {
  it('gets an image, with its progress', async () => {
    await using objects = await Objects.create();
    await using registry = await Registry.start('cl/shop', '2');
    const reference = `${registry.host}/cl/shop:2`;
    objects.forget(reference);
    const progress: ImageProgress[] = [];
    await objects.client.pullImage(reference, { onProgress: (each) => progress.push(each) });
    assert.deepEqual((await objects.client.inspectImage(reference))?.tags, [reference]);
    assert.ok(progress.some(({ status }) => status === 'Pull complete'));
  });

  it('gets `latest` alone where no tag is named', async () => {
    await using objects = await Objects.create();
    await using registry = await Registry.start('cl/plain', 'latest');
    objects.forget(`${registry.host}/cl/plain:latest`);
    await objects.client.pullImage(`${registry.host}/cl/plain`);
    assert.ok(await objects.client.inspectImage(`${registry.host}/cl/plain:latest`));
  });

  it('logs in as the docker configuration says', async () => {
    await using registry = await Registry.start('cl/private', '1', 'me:secret');
    const auths = { [registry.host]: { auth: Buffer.from('me:secret').toString('base64') } };
    await using objects = await Objects.create({ environment: configured({ auths }) });
    const reference = `${registry.host}/cl/private:1`;
    objects.forget(reference);
    await objects.client.pullImage(reference);
    assert.ok(await objects.client.inspectImage(reference));
  });

  it('tells apart what is denied, what is not there, and a registry that is not reached', async () => {
    await using objects = await Objects.create({ environment: configured({}) });
    await using closed = await Registry.start('cl/private', '1', 'me:secret');
    await using open = await Registry.start('cl/shop', '1');
    const denied = await failure(objects.client.pullImage(`${closed.host}/cl/private:1`));
    const absent = await failure(objects.client.pullImage(`${open.host}/cl/shop:none`));
    const unreached = await failure(objects.client.pullImage('127.0.0.1:1/cl/shop:1'));
    assert.deepEqual(
      [denied, absent, unreached].map(({ details }) => details['why']),
      ['denied', 'not-found', 'unreachable'],
    );
    assert.match(denied.hint ?? '', /docker login/);
    assert.equal(absent.details['image'], `${open.host}/cl/shop:none`);
    assert.ok(![denied.message, JSON.stringify(denied.details)].some((text) => text.includes('secret')));
  });

  it('tries again where a registry fails for a moment, and says so', async () => {
    await using objects = await Objects.create();
    await using registry = await Registry.start('cl/shop', '3');
    const reference = `${registry.host}/cl/shop:3`;
    objects.forget(reference);
    registry.failing = Infinity;
    const again: string[] = [];
    await objects.client.pullImage(reference, {
      onProgress: ({ status }) => {
        if (!/503.* Again in \d+ ms$/.test(status)) return;
        again.push(status);
        registry.failing = 0;
      },
    });
    assert.equal(again.length, 1);
    assert.ok(await objects.client.inspectImage(reference));
  });

  it('gives up after four attempts, and at once for what does not pass', async () => {
    await using objects = await Objects.create({ environment: configured({}) });
    await using busy = await Registry.start('cl/shop', '1');
    await using closed = await Registry.start('cl/private', '1', 'me:secret');
    busy.failing = Infinity;
    const statuses: string[] = [];
    const onProgress = ({ status }: ImageProgress): unknown => statuses.push(status);
    const failed = await failure(objects.client.pullImage(`${busy.host}/cl/shop:1`, { onProgress }));
    assert.equal(failed.details['why'], 'unreachable');
    assert.equal(statuses.filter((each) => / Again in /.test(each)).length, 3);
    statuses.length = 0;
    await failure(objects.client.pullImage(`${closed.host}/cl/private:1`, { onProgress }));
    busy.failing = 0;
    await failure(objects.client.pullImage(`${busy.host}/cl/shop:none`, { onProgress }));
    assert.deepEqual(
      statuses.filter((each) => / Again in /.test(each)),
      [],
    );
  });

  it('ends by its signal while it waits for another attempt', async () => {
    await using objects = await Objects.create();
    await using registry = await Registry.start('cl/shop', '1');
    registry.failing = Infinity;
    const controller = new AbortController();
    const reason = new Error('enough');
    const run = objects.client.pullImage(`${registry.host}/cl/shop:1`, {
      signal: controller.signal,
      onProgress: ({ status }) => / Again in /.test(status) && controller.abort(reason),
    });
    await assert.rejects(run, (error) => error === reason);
  });

  it('gets by a digest what that names, whatever the tag beside it', async () => {
    await using objects = await Objects.create();
    await using registry = await Registry.start('cl/fixed', '1');
    const digested = `${registry.host}/cl/fixed:no-such-tag@${registry.digest}`;
    await objects.client.pullImage(digested);
    const found = await objects.client.inspectImage(`${registry.host}/cl/fixed@${registry.digest}`);
    objects.forget(`${registry.host}/cl/fixed@${registry.digest}`);
    assert.deepEqual(found?.tags, []);
  });

  it('says when a helper for the credentials is missing', async () => {
    await using closed = await Registry.start('cl/private', '1', 'me:secret');
    await using objects = await Objects.create({ environment: configured({ credsStore: 'cl-none' }) });
    const denied = await failure(objects.client.pullImage(`${closed.host}/cl/private:1`));
    assert.match(denied.hint ?? '', /docker-credential-cl-none cannot be run/);
  });
});

describe('image reference', () => {
  it('is read as Docker reads it', () => {
    const read = (text: string): string[] => {
      const { registry, name, version } = parseImageReference(text);
      return [registry, name, version];
    };
    assert.deepEqual(read('nginx'), ['docker.io', 'nginx', 'latest']);
    assert.deepEqual(read('rstudio/plumber:1'), ['docker.io', 'rstudio/plumber', '1']);
    assert.deepEqual(read('localhost/a'), ['localhost', 'localhost/a', 'latest']);
    assert.deepEqual(read('r.example:5000/a/b'), ['r.example:5000', 'r.example:5000/a/b', 'latest']);
    assert.deepEqual(read('r.example:5000/a:1@sha256:ff'), [
      'r.example:5000',
      'r.example:5000/a',
      'sha256:ff',
    ]);
  });
});
