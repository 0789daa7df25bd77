import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { isPlumbstackError } from '@plumbstack/core';
import { contextDigest, FileDigests, openBuildContext, unpackFiles } from '@plumbstack/docker/client';
import { contentSent, contextOf, ContextFolder, filesSent } from './context-folder';
import { answer, FakeEngine } from './fake-engine';

describe('build context', () => {
  it('sends modes, links as links, empty folders, and everything as root’s', async () => {
    using folder = new ContextFolder({
      Dockerfile: 'FROM scratch',
      'd/a': 'x',
      link: '->d/a',
      broken: '->nowhere',
    });
    folder.write('d/run.sh', '#!/bin/sh', 0o775);
    folder.write('d/secret', 's', 0o600);
    const archive = await buffer((await openBuildContext(contextOf(folder.path))).pack());
    const listed = execFileSync('tar', ['--numeric-owner', '-tvf', '-'], { input: archive })
      .toString()
      .trim()
      .split('\n');
    const seen = listed.map((line) => line.replace(/\s+\d+ \d{4}-\d\d-\d\d \d\d:\d\d/, ''));
    assert.deepEqual(
      seen.sort(),
      [
        '-rw------- 0/0 d/secret',
        '-rw-r--r-- 0/0 Dockerfile',
        '-rw-r--r-- 0/0 d/a',
        '-rwxrwxr-x 0/0 d/run.sh',
        'drwxr-xr-x 0/0 d',
        'lrwxrwxrwx 0/0 broken -> nowhere',
        'lrwxrwxrwx 0/0 link -> d/a',
      ].sort(),
    );
  });

  it('sends the Dockerfile and .dockerignore even where they are ignored', async () => {
    using folder = new ContextFolder({
      'build/Dockerfile': 'FROM scratch',
      'build/x': '',
      '.dockerignore': '*',
      a: '',
    });
    assert.deepEqual(await filesSent(contextOf(folder.path, { dockerfile: 'build/Dockerfile' })), [
      '.dockerignore',
      'build/Dockerfile',
    ]);
  });

  it('prefers the ignore file of the Dockerfile', async () => {
    using folder = new ContextFolder({
      'x.Dockerfile': '',
      'x.Dockerfile.dockerignore': 'b',
      '.dockerignore': 'a',
      a: '',
      b: '',
    });
    const build = contextOf(folder.path, { dockerfile: './x.Dockerfile' });
    const { dockerfile } = await openBuildContext(build);
    assert.deepEqual(await filesSent(build), [
      'a',
      'x.Dockerfile',
      'x.Dockerfile.dockerignore',
      dockerfile,
      '.dockerignore',
    ]);
  });

  it('finds the Dockerfile where a link to it leads, and refuses one that leads out', async () => {
    using folder = new ContextFolder({
      Dockerfile: '->build/Dockerfile',
      'build/Dockerfile': '',
      out: '->/etc/hostname',
      '.dockerignore': 'build',
    });
    assert.equal((await openBuildContext(contextOf(folder.path))).dockerfile, 'build/Dockerfile');
    assert.deepEqual(await filesSent(contextOf(folder.path)), ['.dockerignore', 'build/Dockerfile']);
    const out = openBuildContext(contextOf(folder.path, { dockerfile: 'out' }));
    await assert.rejects(out, (error) => isPlumbstackError(error, 'INVALID_OPTION'));
  });

  // Node cannot look at such a file or folder at all: that it says so shows that it looked.
  it('says which name is not UTF-8, and does not look at one that is ignored', async () => {
    using folder = new ContextFolder({ Dockerfile: '' });
    writeFileSync(Buffer.concat([Buffer.from(`${folder.path}/caf`), Buffer.from([0xe9])]), '');
    const open = openBuildContext(contextOf(folder.path));
    await assert.rejects(open, (error) => {
      return isPlumbstackError(error, 'IMAGE_BUILD_FAILED') && /UTF-8: "caf\uFFFD"/.test(error.message);
    });
    mkdirSync(Buffer.concat([Buffer.from(`${folder.path}/dat`), Buffer.from([0xe4])]));
    folder.write('.dockerignore', 'caf?\nd?t?\n!d/none');
    assert.deepEqual(await filesSent(contextOf(folder.path)), ['.dockerignore', 'Dockerfile']);
  });

  it('sends of a file that grows what it had, and rejects for one that shrinks', async () => {
    using folder = new ContextFolder({ Dockerfile: '' });
    const log = join(folder.path, 'log');
    writeFileSync(log, Buffer.alloc(1e6, 'a'));
    const grows = (await openBuildContext(contextOf(folder.path))).pack();
    await once(grows, 'readable');
    appendFileSync(log, 'b'.repeat(1000));
    assert.ok(((await unpackFiles(grows, 1e7)).get('log')?.length ?? 0) >= 1e6);
    const shrinks = (await openBuildContext(contextOf(folder.path))).pack();
    const chunks = shrinks[Symbol.asyncIterator]();
    let bytes = 0;
    while (bytes < 300_000) bytes += ((await chunks.next()).value as Buffer).length;
    truncateSync(log, 400_000);
    await assert.rejects(async () => {
      while (!(await chunks.next()).done);
    }, /became shorter/);
  });

  it('is what a small file has become by the time that it is sent', async () => {
    using folder = new ContextFolder({ Dockerfile: '', log: 'a'.repeat(1000) });
    const context = await openBuildContext(contextOf(folder.path));
    truncateSync(join(folder.path, 'log'), 10);
    assert.equal((await unpackFiles(context.pack(), 1e6)).get('log')?.toString(), 'a'.repeat(10));
  });

  it('is read anew where something vanishes from it meanwhile, and told where that goes on', async () => {
    using folder = new ContextFolder({ Dockerfile: '', stays: 'x' });
    /** Takes a file away between the listing and the reading, for a number of times. */
    class Vanishing extends FileDigests {
      readings = 0;
      constructor(readonly times: number) {
        super();
      }
      override of(files: Parameters<FileDigests['of']>[0]): ReturnType<FileDigests['of']> {
        if (this.readings++ < this.times) rmSync(join(folder.path, 'swap'));
        if (this.readings < this.times) folder.write('next', '');
        if (this.readings < this.times) renameSync(join(folder.path, 'next'), join(folder.path, 'swap'));
        // What was listed is no more what is there: it is opened by the name that it had.
        return super.of(files.map((each) => ({ ...each, path: each.path.replace('swap', 'gone') })));
      }
    }
    folder.write('swap', '');
    const some = new Vanishing(3);
    const digest = await contextDigest(contextOf(folder.path), some);
    assert.equal(some.readings, 4);
    assert.equal(digest, await contextDigest(contextOf(folder.path)));
    folder.write('swap', '');
    const always = new Vanishing(Infinity);
    await assert.rejects(contextDigest(contextOf(folder.path), always), /IMAGE_BUILD_FAILED.*cannot be read/);
    assert.equal(always.readings, 10);
  });

  it('is sent anew where a file became shorter while it was sent', async () => {
    using folder = new ContextFolder({ Dockerfile: 'FROM scratch' });
    const log = join(folder.path, 'log');
    writeFileSync(log, Buffer.alloc(16e6, 'a'));
    const built = JSON.stringify({ aux: { ID: 'sha256:built' } });
    await using engine = await FakeEngine.start((_, socket) => {
      if (engine.requests.length > 1) return void socket.end(answer(200, built));
      // Not before its size has been told: it would be taken for a small file.
      socket.on('data', (chunk: Buffer) => {
        if (chunk.includes('aaaa')) truncateSync(log, 0);
      });
    });
    const client = await engine.client();
    assert.equal(await client.buildImage(contextOf(folder.path)), 'sha256:built');
    assert.equal(engine.requests.filter((each) => each.includes('/build')).length, 2);
    client.close();
  });

  it('adds an inline Dockerfile under a name of its own and keeps it out of the image', async () => {
    using folder = new ContextFolder({ Dockerfile: 'the folder’s own', a: '', '.dockerignore': 'b', b: '' });
    const context = await openBuildContext(contextOf(folder.path, { inline: 'FROM scratch\nCOPY . /' }));
    const sent = await contentSent(contextOf(folder.path, { inline: 'FROM scratch\nCOPY . /' }));
    assert.equal(sent.get(context.dockerfile)?.toString(), 'FROM scratch\nCOPY . /');
    assert.equal(sent.get('Dockerfile')?.toString(), 'the folder’s own');
    assert.deepEqual(sent.get('.dockerignore')?.toString().split('\n'), ['b', context.dockerfile, '']);
    assert.equal(sent.has('b'), false);
  });

  it('is not found before anything is sent: the folder, the Dockerfile, or both', async () => {
    using folder = new ContextFolder({ a: '' });
    const missing = async (build: Parameters<typeof openBuildContext>[0], path: string): Promise<void> => {
      await assert.rejects(openBuildContext(build), (error) => {
        return isPlumbstackError(error, 'NOT_FOUND') && error.details['path'] === path;
      });
    };
    await missing(contextOf('/nope/cl'), '/nope/cl');
    await missing(contextOf(join(folder.path, 'a')), join(folder.path, 'a'));
    await missing(contextOf(folder.path), join(folder.path, 'Dockerfile'));
    const { context: _, ...without } = contextOf('');
    await missing(without, '');
  });

  it('refuses a Dockerfile outside of it', async () => {
    using folder = new ContextFolder({});
    for (const dockerfile of ['../Dockerfile', '/etc/passwd']) {
      const open = openBuildContext(contextOf(folder.path, { dockerfile }));
      await assert.rejects(open, (error) => isPlumbstackError(error, 'INVALID_OPTION'));
    }
  });
});

describe('digest of a build', () => {
  it('is the same for the same files, whenever and wherever they were written', async () => {
    const files = { Dockerfile: 'FROM scratch', 'd/a': 'x', link: '->d/a' };
    using one = new ContextFolder(files);
    using two = new ContextFolder(files);
    utimesSync(join(two.path, 'd/a'), 1, 1);
    assert.equal(await contextDigest(contextOf(one.path)), await contextDigest(contextOf(two.path)));
  });

  it('changes with content, mode, name, link, options, and not with what is ignored', async () => {
    using folder = new ContextFolder({
      Dockerfile: 'FROM scratch',
      a: 'x',
      link: '->a',
      '.dockerignore': 'out',
    });
    const digest = (given = {}): Promise<string> => contextDigest(contextOf(folder.path, given));
    const first = await digest();
    folder.write('out', 'ignored');
    assert.equal(await digest(), first);
    assert.equal(await digest({ tag: 'other:2' }), first);
    const seen = new Set([first]);
    const differs = async (given = {}): Promise<void> => {
      const next = await digest(given);
      assert.ok(!seen.has(next));
      seen.add(next);
    };
    await differs({ args: { A: '1' } });
    await differs({ args: { A: '2' } });
    await differs({ labels: { a: 'b' } });
    await differs({ target: 'x' });
    await differs({ platform: 'linux/arm64' });
    await differs({ inline: 'FROM scratch' });
    folder.write('a', 'y');
    await differs();
    chmodSync(join(folder.path, 'a'), 0o755);
    await differs();
    folder.write('b', '');
    await differs();
    folder.write('other', '->b');
    await differs();
  });

  it('reads a file again only when it has changed', async () => {
    using folder = new ContextFolder({ Dockerfile: '', a: 'one' });
    const old = new Date(Date.now() - 60_000);
    const age = (): void => utimesSync(join(folder.path, 'a'), old, old);
    const known = new FileDigests();
    const digest = (): Promise<string> => contextDigest(contextOf(folder.path), known);
    age();
    const first = await digest();
    // The same size and the same time, but not the same change of the inode.
    folder.write('a', 'two');
    age();
    assert.notEqual(await digest(), first);
    assert.notEqual(await digest(), first);
    folder.write('a', 'one');
    assert.equal(await digest(), first);
  });
});

describe('digests of files', () => {
  it('are of the content, in the order of the files, whatever is asked again', async () => {
    using folder = new ContextFolder({ a: 'a', b: '', c: 'x'.repeat(700_000) });
    const files = ['c', 'a', 'b'].map((name) => ({
      path: join(folder.path, name),
      size: readFileSync(join(folder.path, name)).length,
      stamp: name,
    }));
    const expected = files.map(({ path }) => createHash('sha256').update(readFileSync(path)).digest('hex'));
    const digests = new FileDigests();
    assert.deepEqual(await digests.of(files), expected);
    // What has the stamp that it had is not read.
    folder.write('a', 'another');
    assert.deepEqual(await digests.of(files), expected);
    const changed = files.map((each) => ({ ...each, size: 7, stamp: 'new' })).slice(1, 2);
    assert.deepEqual(await digests.of(changed), [createHash('sha256').update('another').digest('hex')]);
  });
});
