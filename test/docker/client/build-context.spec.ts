import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { isPlumbstackError } from '@plumbstack/core';
import { contextDigest, openBuildContext } from '@plumbstack/docker/client';
import { contentSent, contextOf, ContextFolder, filesSent } from './context-folder';

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
    const sent = await filesSent(contextOf(folder.path, { dockerfile: './x.Dockerfile' }));
    assert.deepEqual(sent, ['.dockerignore', 'a', 'x.Dockerfile', 'x.Dockerfile.dockerignore']);
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
    assert.equal(await digest({ tag: 'other:2', labels: { a: 'b' } }), first);
    const seen = new Set([first]);
    const differs = async (given = {}): Promise<void> => {
      const next = await digest(given);
      assert.ok(!seen.has(next));
      seen.add(next);
    };
    await differs({ args: { A: '1' } });
    await differs({ args: { A: '2' } });
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
});
