import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { openBuildContext, unpackFiles, type ImageBuild } from '@plumbstack/docker/client';
import { docker } from '../../support/docker-cli';
import { contextOf, ContextFolder } from './context-folder';
import { Objects } from './objects';

/** Everything that has gone wrong with a build context somewhere. */
function nastyFolder(): ContextFolder {
  const dockerfile = 'FROM scratch\nCOPY . /ctx/\n';
  const folder = new ContextFolder({ Dockerfile: dockerfile, plain: 'x', empty: '' });
  folder.write('run.sh', '#!/bin/sh', 0o755);
  folder.write('unreadable', 's', 0o000);
  folder.write('everybody', '', 0o666);
  for (const [path, mode] of [
    ['empty-folder/inner', 0o755],
    ['sticky', 0o1777],
    ['private', 0o700],
  ] as const) {
    mkdirSync(join(folder.path, path), { recursive: true });
    chmodSync(join(folder.path, path), mode);
  }
  folder.write('hard/a', 'one content under three names');
  linkSync(join(folder.path, 'hard/a'), join(folder.path, 'hard/b'));
  linkSync(join(folder.path, 'hard/a'), join(folder.path, 'z-hard'));
  for (const [path, target] of [
    ['link', 'plain'],
    ['link-to-folder', 'hard'],
    ['absolute', '/etc/passwd'],
    ['out', '../../outside'],
    ['broken', 'nowhere'],
    ['loop', 'loop'],
    ['long-link', 't'.repeat(150)],
    ['ünïcode-link', 'ü/é'],
  ] as const)
    symlinkSync(target, join(folder.path, path));
  for (const name of ['héllo wörld ☃.txt', '日本語/ファイル', 'e\u0301', '\u00e9', '😀'])
    folder.write(`ü/${name}`, name);
  for (const name of [
    'a"b\'c',
    'new\nline',
    '-dash',
    ' space ',
    'back\\slash',
    '..dots',
    'tab\t',
    '$HOME`x`',
    '*',
    '#x',
    '!x',
  ])
    folder.write(`odd/${name}`, name);
  for (const length of [99, 100, 101, 155, 200, 255]) folder.write('n'.repeat(length), `${length}`);
  folder.write(`${'m'.repeat(60)}/${'n'.repeat(100)}`, 'in prefix and name');
  folder.write(`${`${'d'.repeat(100)}/`.repeat(4)}${'f'.repeat(150)}`, 'longer than any header');
  folder.write('.hidden/.x', '.');
  folder.write('large', 'l'.repeat(3 * 256 * 1024 + 1));
  utimesSync(join(folder.path, 'plain'), new Date(0), new Date(0));
  execFileSync('mkfifo', [join(folder.path, 'pipe')]);
  return folder;
}

/** Type, mode, size, link and content of everything below `prefix`, by path. */
async function contentsOf(archive: Buffer, prefix: string): Promise<Record<string, string>> {
  const lines = execFileSync('tar', ['--quoting-style=c', '--numeric-owner', '-tvf', '-'], { input: archive })
    .toString()
    .trim()
    .split('\n');
  const files = await unpackFiles([archive] as unknown as AsyncIterable<Buffer>, 1e8);
  const digests = new Map(
    [...files].map(([path, content]) => [path, createHash('sha1').update(content).digest('hex')]),
  );
  const listed = lines.flatMap((line) => {
    const [, mode = '', size, name = '', link = ''] =
      /^(\S+) 0\/0 +(\d+) \S+ \S+ ("(?:[^"\\]|\\.)*")(.*)$/.exec(line) ?? assert.fail(line);
    const path = JSON.parse(octal(name).replace(/\/?"$/, '"')) as string;
    if (!path.startsWith(prefix) || path === prefix.slice(0, -1)) return [];
    const target = link.replace(`"${prefix}`, '"').replace(/^ link to .*/, ' hard link');
    return [[path.slice(prefix.length), `${mode} ${size}${target} ${digests.get(path) ?? ''}`]];
  });
  return Object.fromEntries(listed) as Record<string, string>;
}

/** tar writes bytes beyond ASCII as `\303\274`, or as they are; JSON knows neither `\303` nor `\a`. */
function octal(quoted: string): string {
  return Buffer.from(
    quoted.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8))),
    /\\[0-7]{3}/.test(quoted) ? 'latin1' : 'utf8',
  ).toString();
}

/** What BuildKit puts into the image for `COPY . /ctx/`. */
function buildkitsOwn(folder: string, ...options: readonly string[]): Buffer {
  return execFileSync(
    'docker',
    ['buildx', 'build', '-q', '--output', 'type=tar,dest=-', ...options, folder],
    {
      maxBuffer: 1e8,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
}

async function exported(image: string): Promise<Buffer> {
  const container = await docker('create', image, 'never-run');
  try {
    return execFileSync('docker', ['export', container], { maxBuffer: 1e8 });
  } finally {
    await docker('rm', container);
  }
}

async function sentBy(build: ImageBuild): Promise<Buffer> {
  return buffer((await openBuildContext(build)).pack());
}

describe('a nasty build context', () => {
  it('is sent as BuildKit sends it, file by file', async () => {
    using folder = nastyFolder();
    const theirs = await contentsOf(buildkitsOwn(folder.path), 'ctx/');
    assert.ok(Object.keys(theirs).length > 45);
    assert.deepEqual(await contentsOf(await sentBy(contextOf(folder.path)), ''), theirs);
  });

  it('makes the image that `docker build` makes with the classic builder', async () => {
    await using objects = await Objects.create();
    using folder = nastyFolder();
    const [ours, theirs] = [objects.imageName('ours'), objects.imageName('theirs')];
    await objects.client.buildImage({ ...contextOf(folder.path), tag: ours });
    execFileSync('docker', ['build', '-q', '--no-cache', '-t', theirs, folder.path], {
      env: { ...process.env, DOCKER_BUILDKIT: '0' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const expected = await contentsOf(await exported(theirs), 'ctx/');
    assert.ok(Object.keys(expected).length > 45);
    assert.deepEqual(await contentsOf(await exported(ours), 'ctx/'), expected);
  });

  // Each with the Dockerfile that it is about.
  const ignoring: readonly (readonly [what: string, files: Record<string, string>, dockerfile: string])[] = [
    ['a folder but for one file', { '.dockerignore': 'deep\n!deep/er/keep' }, 'Dockerfile'],
    ['everything but a folder', { '.dockerignore': '*\n!deep/er' }, 'Dockerfile'],
    ['the Dockerfile and itself', { '.dockerignore': 'Dockerfile\n.dockerignore' }, 'Dockerfile'],
    ['everything', { '.dockerignore': '**\n!deep/er/keep' }, 'Dockerfile'],
    [
      'by the Dockerfile’s own file, and not by the common one',
      { '.dockerignore': '*', 'b/x.Dockerfile.dockerignore': 'deep' },
      'b/x.Dockerfile',
    ],
    [
      'what the own file names and the common one does not',
      { '.dockerignore': 'plain', 'b/x.Dockerfile.dockerignore': 'b\n.dockerignore\n*.md' },
      'b/x.Dockerfile',
    ],
    ['nothing, by an own file alone', { 'b/x.Dockerfile.dockerignore': '# nothing' }, 'b/x.Dockerfile'],
  ];
  for (const [what, files, dockerfile] of ignoring) {
    it(`makes BuildKit’s image also where it ignores ${what}`, async () => {
      await using objects = await Objects.create();
      const text = 'FROM scratch\nCOPY . /ctx/\n';
      using folder = new ContextFolder({
        Dockerfile: text,
        'b/x.Dockerfile': text,
        plain: '',
        'a.md': '',
        'deep/er/keep': '1',
        'deep/er/other': '2',
        'deep/x': '3',
        ...files,
      });
      chmodSync(join(folder.path, 'deep'), 0o750);
      const theirs = buildkitsOwn(folder.path, '--file', join(folder.path, dockerfile));
      const tag = objects.imageName('ignoring');
      await objects.client.buildImage({ ...contextOf(folder.path, { dockerfile }), tag });
      const [ours, expected] = [
        await contentsOf(await exported(tag), 'ctx/'),
        await contentsOf(theirs, 'ctx/'),
      ];
      const own = Object.keys(ours).filter((path) => path.startsWith('.plumbstack'));
      assert.deepEqual(own, []);
      // Where the common file is sent beside an own one, it has lines more: the engine’s builder reads no other.
      if ('.dockerignore' in expected && 'b/x.Dockerfile.dockerignore' in files)
        expected['.dockerignore'] = ours['.dockerignore'] ?? 'it is missing';
      assert.deepEqual(ours, expected);
    });
  }
});
