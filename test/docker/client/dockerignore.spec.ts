import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isPlumbstackError } from '@plumbstack/core';
import { Dockerignore } from '@plumbstack/docker/client';
import { contextOf, filesSent } from './context-folder';

function ignored(patterns: readonly string[], path: string): boolean {
  let verdict = new Dockerignore(patterns.join('\n'), '.dockerignore').root();
  const parts = path.split('/');
  parts.forEach((_, index) => (verdict = verdict.inside(parts.slice(0, index + 1).join('/'))));
  return verdict.ignored;
}

describe('.dockerignore', () => {
  const cases: readonly (readonly [patterns: string[], out: string[], kept: string[]])[] = [
    [['a'], ['a', 'a/b'], ['b/a', 'ab']],
    [['/a/'], ['a', 'a/b'], ['b']],
    [['*.md', '!README.md'], ['x.md'], ['README.md', 'd/x.md']],
    [['!README.md', '*.md'], ['README.md'], []],
    [['**/*.log'], ['a.log', 'd/e/a.log'], ['a.log2']],
    [['**/node_modules'], ['node_modules', 'd/node_modules/x'], ['xnode_modules']],
    [['**tail'], ['tail', 'atail', 'd/atail'], ['tails']],
    [['d/**'], ['d/x', 'd/e/x'], ['d']],
    [['d/*', '!d/keep'], ['d/x'], ['d/keep', 'd/keep/y', 'd']],
    [['d', '!d/keep'], ['d', 'd/x'], ['d/keep']],
    [['d/?'], ['d/x'], ['d/xy']],
    [['[ab]c'], ['ac', 'bc'], ['cc']],
    [['[^a]c'], ['bc'], ['ac']],
    [
      ['c++', 'x(1)', 'a|b', '{y}'],
      ['c++', 'x(1)', 'a|b', '{y}'],
      ['c', 'x1', 'a', 'b', 'y'],
    ],
    [['\\*'], ['*'], ['a']],
    [['a/../b', './c'], ['b', 'c'], ['a']],
    [['#a', '', '  b  '], ['b'], ['#a']],
    [
      ['*', '!src', 'src/*.tmp'],
      ['x', 'src/a.tmp'],
      ['src', 'src/a.c'],
    ],
  ];
  for (const [patterns, out, kept] of cases) {
    it(`${JSON.stringify(patterns)} leaves out ${out.join(' ')} and nothing of ${kept.join(' ')}`, () => {
      assert.deepEqual(
        out.filter((path) => !ignored(patterns, path)),
        [],
      );
      assert.deepEqual(
        kept.filter((path) => ignored(patterns, path)),
        [],
      );
    });
  }

  it('refuses a line that is no pattern, and says which', () => {
    for (const line of ['!', '[z-a]']) {
      assert.throws(
        () => new Dockerignore(line, '/x/.dockerignore'),
        (error) => {
          return isPlumbstackError(error, 'INVALID_OPTION') && error.details['line'] === line;
        },
      );
    }
  });

  it('agrees with BuildKit', async function () {
    const files = [
      'a',
      'b/a',
      'b/c++',
      'c++/a.md',
      'd/e/x(1)',
      'd/e/keep.md',
      'd/f',
      'node_modules/x/i.js',
      'README.md',
      '.hid/a',
    ];
    const sets = [
      ['d', '!**/keep.md'],
      ['*', '!d/e', 'd/e/x*'],
      ['**/a', '!b'],
      ['c++', '**/x(1)'],
      ['**a', '!README*'],
      ['d/**', '!d/*/keep.md', '.*'],
      ['d', '!d/e', 'd*'],
      ['**/node_modules/**', 'b/?'],
    ];
    for (const patterns of sets) {
      const folder = mkdtempSync(join(tmpdir(), 'cl-kit-'));
      for (const file of files) {
        mkdirSync(dirname(join(folder, file)), { recursive: true });
        writeFileSync(join(folder, file), '');
      }
      writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\nCOPY . /\n');
      writeFileSync(join(folder, '.dockerignore'), patterns.join('\n'));
      const tar = execFileSync('docker', ['buildx', 'build', '-q', '--output', 'type=tar,dest=-', folder], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const theirs = execFileSync('tar', ['-tf', '-'], { input: tar })
        .toString()
        .split('\n')
        .filter((each) => files.includes(each));
      const ours = (await filesSent(contextOf(folder))).filter((each) => files.includes(each));
      rmSync(folder, { recursive: true });
      assert.deepEqual(ours.sort(), theirs.sort(), patterns.join(' '));
    }
  });
});
