import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Stack, type Mount, type Problem } from '@plumbstack/core';
import { problemsOf } from './refusal';

type MountKind = 'bind' | 'volume' | 'tmpfs';
interface Given {
  readonly mounts: readonly (readonly [kind: MountKind, target: string, readOnly?: boolean])[];
  readonly file?: string;
  readonly secret?: string;
  readonly readOnly?: boolean;
}

function described({ mounts, file, secret, readOnly = false }: Given): Stack {
  const stack = new Stack('s');
  const data = stack.volume('data');
  const key = stack.secret('key', { generateBytes: 32 });
  stack.app('a', {
    image: 'api:1',
    readOnly,
    mounts: mounts.map(([kind, target, sealed = false]): Mount => {
      if (kind === 'tmpfs') return { tmpfs: true, target };
      return kind === 'bind'
        ? { bind: './host', target, readOnly: sealed }
        : { volume: data, target, readOnly: sealed };
    }),
    ...(file !== undefined && { files: [{ content: 'x', target: file }] }),
    ...(secret !== undefined && { secrets: [{ secret: key, target: secret }] }),
  });
  return stack;
}

describe('the files and secrets of a container', () => {
  const refused: readonly (readonly [given: Given, says: RegExp])[] = [
    [{ mounts: [['bind', '/data']], file: '/data/x' }, /files\[0\].*bind mount at \/data: .* into \.\/host/],
    [{ mounts: [['bind', '/data']], secret: '/data/deep/er/key' }, /secrets\[0\].*bind mount at \/data/],
    [{ mounts: [['bind', '/data', true]], file: '/data/x' }, /bind mount at \/data/],
    [{ mounts: [['bind', '/data/a.conf']], file: '/data/a.conf/x' }, /bind mount at \/data\/a\.conf/],
    [{ mounts: [['bind', '/run']], secret: '/run/secrets/key' }, /bind mount at \/run/],
    [{ mounts: [['bind', '/run']], secret: '/var/run/key' }, /bind mount at \/run/],
    [{ mounts: [['bind', '/var/run']], secret: '/run/secrets/key' }, /bind mount at \/var\/run/],
    [{ mounts: [['bind', '/var/run']], file: '/run' }, /files\[0\].*mounts\[0\]\.target fills too/],
    [{ mounts: [['volume', '/data']], file: '/data/x' }, /files\[0\].*volume data at \/data/],
    [{ mounts: [['volume', '/data', true]], secret: '/data/x' }, /secrets\[0\].*volume data at \/data/],
    [
      {
        mounts: [
          ['bind', '/a'],
          ['bind', '/a/b'],
        ],
        file: '/a/b/x',
      },
      /bind mount at \/a\/b/,
    ],
    [
      {
        mounts: [
          ['bind', '/a/b'],
          ['bind', '/a'],
        ],
        file: '/a/c',
      },
      /bind mount at \/a:/,
    ],
    [
      {
        mounts: [
          ['tmpfs', '/a'],
          ['bind', '/a/b'],
        ],
        file: '/a/b/x',
      },
      /bind mount at \/a\/b/,
    ],
    [
      {
        mounts: [
          ['bind', '/a'],
          ['tmpfs', '/a/b'],
        ],
        file: '/a/b/x',
      },
      /tmpfs at \/a\/b/,
    ],
    [{ mounts: [['bind', '/a']], file: '/a/deep/x', readOnly: true }, /bind mount at \/a/],
    [{ mounts: [['volume', '/a']], file: '/a/deep/x', readOnly: true }, /volume data at \/a/],
    [{ mounts: [['tmpfs', '/a']], file: '/a/x', readOnly: true }, /tmpfs at \/a/],
    [{ mounts: [], file: '/x', readOnly: true }, /a root folder that is read-only/],
  ];
  for (const [given, says] of refused) {
    it(`are refused where they would not be its own: ${JSON.stringify(given)}`, () => {
      const told = problemsOf(described(given));
      assert.equal(told.length, 1, JSON.stringify(told));
      assert.match(`${told[0]?.path} ${told[0]?.message}`, says);
    });
  }

  const taken: readonly Given[] = [
    { mounts: [['bind', '/data']], file: '/database/x', secret: '/dat/key' },
    { mounts: [['bind', '/data/sub']], file: '/data/x' },
    { mounts: [['bind', '/var/running']], secret: '/run/secrets/key' },
    { mounts: [['tmpfs', '/tmp']], file: '/tmp/deep/x', readOnly: true },
    { mounts: [], file: '/x' },
  ];
  for (const given of taken) {
    it(`are taken where they are: ${JSON.stringify(given)}`, () => described(given).validate());
  }

  for (const target of ['/data/../etc/x', '/data//x', '/data/x/', '/data/./x', 'data/x', '/']) {
    it(`have no other way to write a path: ${JSON.stringify(target)}`, () => {
      assert.throws(() => described({ mounts: [], file: target }), /INVALID_OPTION/);
      assert.throws(() => described({ mounts: [['bind', target]] }), /INVALID_OPTION/);
    });
  }

  it('are never in what outlives the container, whatever is mounted where', () => {
    const path = fc
      .array(fc.constantFrom('a', 'b', 'run', 'var'), { minLength: 1, maxLength: 3 })
      .map((parts) => `/${parts.join('/')}`);
    const kind = fc.constantFrom<MountKind>('bind', 'volume', 'tmpfs');
    const problemsIn = (stack: Stack): readonly Problem[] => {
      try {
        stack.validate();
        return [];
      } catch {
        return problemsOf(stack);
      }
    };
    fc.assert(
      fc.property(
        fc.array(fc.tuple(kind, path), { maxLength: 4 }),
        path,
        fc.boolean(),
        (mounts, file, readOnly) => {
          const real = (each: string): string => each.replace(/^\/var\/run(?=\/|$)/, '/run').concat('/');
          const deepest = mounts
            .filter(([, target]) => real(file).startsWith(real(target)))
            .reduce((best, [, target]) => Math.max(best, real(target).length), 0);
          const outlives = mounts.some(
            ([type, target]) =>
              type !== 'tmpfs' && real(target).length === deepest && real(file).startsWith(real(target)),
          );
          if (outlives) assert.ok(problemsIn(described({ mounts, file, readOnly })).length > 0);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
