import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setImmediate } from 'node:timers/promises';
import { buffer } from 'node:stream/consumers';
import { join } from 'node:path';
import { isPlumbstackError } from '@plumbstack/core';
import { packFiles, unpackFiles } from '@plumbstack/docker/client';
import { Objects } from './objects';

describe('files of a container', () => {
  it('go into one that runs or not, with mode, owner and the folders on the way', async () => {
    await using objects = await Objects.create();
    const id = await objects.container('box', { entrypoint: ['sleep', '600'], init: true });
    const files = [
      { path: 'new/deep/a.conf', content: 'ä', mode: 0o640, uid: 101, gid: 102 },
      { path: 'b', content: Buffer.from([0, 255]), mode: 0o600 },
    ];
    await objects.client.putFiles(id, '/srv', files);
    assert.deepEqual((await objects.client.readFiles(id, '/srv/b'))?.get('b'), Buffer.from([0, 255]));
    await objects.client.startContainer(id);
    await objects.client.putFiles(id, '/srv', [{ path: 'new/late', content: 'x', mode: 0o644 }]);
    const stat = [
      'stat',
      '-c',
      '%n %a %u %g',
      '/srv/new',
      '/srv/new/deep',
      '/srv/new/deep/a.conf',
      '/srv/b',
      '/srv/new/late',
    ];
    assert.deepEqual((await objects.client.exec(id, stat)).stdout.trim().split('\n'), [
      '/srv/new 755 0 0',
      '/srv/new/deep 755 0 0',
      '/srv/new/deep/a.conf 640 101 102',
      '/srv/b 600 0 0',
      '/srv/new/late 644 0 0',
    ]);
  });

  it('leave the mode of folders that exist alone', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell(
      'box',
      'mkdir -p /srv/private && chmod 700 /srv/private && chown 101 /srv/private; sleep 600',
    );
    await objects.client.exec(id, [
      'sh',
      '-c',
      'until [ "$(stat -c %u /srv/private)" = 101 ]; do sleep 0.05; done',
    ]);
    await objects.client.putFiles(id, '/', [{ path: 'srv/private/key', content: 'k', mode: 0o400 }]);
    assert.equal(
      (await objects.client.exec(id, ['stat', '-c', '%a %u', '/srv/private'])).stdout,
      '700 101\n',
    );
  });

  it('come back by path, regular files alone', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell(
      'box',
      'mkdir -p /srv/d/e && cd /srv/d && echo 1 > a && ln a hard && ln -s a soft && echo 2 > e/b; touch /ready; sleep 600',
    );
    await objects.client.exec(id, ['sh', '-c', 'until [ -e /ready ]; do sleep 0.05; done']);
    const files = await objects.client.readFiles(id, '/srv/d');
    assert.deepEqual([...(files ?? [])].map(([path, content]) => [path, content.toString()]).sort(), [
      ['d/a', '1\n'],
      ['d/e/b', '2\n'],
      ['d/hard', '1\n'],
    ]);
    assert.equal(await objects.client.readFiles(id, '/srv/none'), undefined);
  });

  it('are refused below a folder that is none', async () => {
    await using objects = await Objects.create();
    const id = await objects.container('box');
    const put = objects.client.putFiles(id, '/none', [{ path: 'a', content: 'b', mode: 0o644 }]);
    await assert.rejects(put, (error) => isPlumbstackError(error, 'NOT_FOUND'));
  });
});

describe('archive', () => {
  const file = (path: string) => ({ path, content: 'x', mode: 0o644 });

  it('refuses a path that leads out of its folder', () => {
    for (const path of ['', '.', '..', '../a', '/a', 'a/../../b', 'a/']) {
      assert.throws(
        () => packFiles([file(path)]),
        (error) => isPlumbstackError(error, 'INVALID_OPTION'),
        path,
      );
    }
  });

  it('is read without a trace on the disk', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'cl-unpack-'));
    await mkdir(join(folder, 'in'));
    const before = process.cwd();
    process.chdir(join(folder, 'in'));
    try {
      const files = await unpackFiles(packFiles([file('a/b'), file('c')]), 1000);
      assert.deepEqual([...files.keys()], ['a/b', 'c']);
      assert.deepEqual([await readdir('.'), await readdir('..')], [[], ['in']]);
    } finally {
      process.chdir(before);
      await rm(folder, { recursive: true });
    }
  });

  it('is not read past its limit', async () => {
    const large = packFiles([{ path: 'a', content: Buffer.alloc(100_000), mode: 0o644 }]);
    await assert.rejects(unpackFiles(large, 50_000), (error) => isPlumbstackError(error, 'ENGINE_FAILED'));
  });

  it('fails once, and as it was broken off, where it ends in the middle of a file', async () => {
    const whole = await buffer(packFiles([{ path: 'a', content: Buffer.alloc(100_000), mode: 0o644 }]));
    async function* brokenOff(): AsyncGenerator<Buffer> {
      yield whole.subarray(0, 50_000);
      // By now the parser is in the file.
      await setImmediate();
      throw new Error('enough');
    }
    await assert.rejects(unpackFiles(brokenOff(), 1_000_000), { message: 'enough' });
    // A second failure, which nobody could catch, would be this test's.
    await setImmediate();
  });
});
