import assert from 'node:assert/strict';
import { Stack, type AppSpec } from '@plumbstack/core';
import { refusedPath } from './refusal';

const stack = new Stack('s');
const volume = stack.volume('data');
const secret = stack.secret('key', { generateBytes: 32 });
let count = 0;
const app = (options: object): AppSpec =>
  new Stack('s').app(`a${count++}`, { image: 'a', ...options }).toSpec();
/** The refused path, without the app's own name. */
const refusedAt = (options: object): string => String(refusedPath(() => app(options))).replace(/^a\d+\./, '');

describe('mounts', () => {
  it('are none by default', () => {
    assert.deepEqual(app({}).mounts, []);
  });

  it('are writable unless they say otherwise', () => {
    const mounts = [
      { bind: './data', target: '/data' },
      { bind: '/srv', target: '/srv', readOnly: true },
      { volume, target: '/v' },
      { volume, target: '/w', readOnly: true },
      { tmpfs: true, target: '/tmp' },
      { tmpfs: true, target: '/run', sizeBytes: 4096 },
    ];
    assert.deepEqual(app({ mounts }).mounts, [
      { type: 'bind', source: './data', target: '/data', readOnly: false },
      { type: 'bind', source: '/srv', target: '/srv', readOnly: true },
      { type: 'volume', volume: 'data', target: '/v', readOnly: false },
      { type: 'volume', volume: 'data', target: '/w', readOnly: true },
      { type: 'tmpfs', target: '/tmp' },
      { type: 'tmpfs', target: '/run', sizeBytes: 4096 },
    ]);
  });

  it('of code are read-only, and the same in a spec that was read back', () => {
    const it = new Stack('s');
    it.app('a', { image: 'a', mounts: [{ bind: './code', target: '/app', restartOn: 'change' }] });
    const read = Stack.fromSpec(JSON.parse(JSON.stringify(it.toSpec())));
    for (const each of [it, read])
      assert.deepEqual(
        each.toSpec().resources.flatMap((app) => (app.kind === 'app' ? app.mounts : [])),
        [{ type: 'bind', source: './code', target: '/app', readOnly: true, restartOn: 'change' }],
      );
  });

  for (const [mount, path] of [
    [{ target: '/x' }, ''],
    [{ bind: 'a', target: '/x', restartOn: 'save' }, '.restartOn'],
    [{ bind: 'a', target: '/x', restartOn: 'change', readOnly: false }, '.readOnly'],
    [{ volume, target: '/x', restartOn: 'change' }, '.restartOn'],
    [{ tmpfs: true, target: '/x', restartOn: 'change' }, '.restartOn'],
    [{ bind: 'a', volume, target: '/x' }, ''],
    [{ bind: 'a', tmpfs: true, target: '/x' }, ''],
    [{ bind: 'a' }, '.target'],
    [{ bind: 'a', target: 'x' }, '.target'],
    [{ bind: 'a', target: '/x/../y' }, '.target'],
    [{ bind: '', target: '/x' }, '.bind'],
    [{ bind: 'a\0', target: '/x' }, '.bind'],
    [{ bind: 'a', target: '/x', readOnly: 'yes' }, '.readOnly'],
    [{ bind: 'a', target: '/x', check: ['lint'] }, '.check'],
    [{ bind: 'a', target: '/x', restartOn: 'change', check: 'lint' }, '.check'],
    [{ bind: 'a', target: '/x', sizeBytes: 4096 }, '.sizeBytes'],
    [{ volume: 'data', target: '/x' }, '.volume'],
    [{ volume: secret, target: '/x' }, '.volume'],
    [{ tmpfs: false, target: '/x' }, '.tmpfs'],
    [{ tmpfs: true, target: '/x', sizeBytes: 1 }, '.sizeBytes'],
    [{ tmpfs: true, target: '/x', readOnly: true }, '.readOnly'],
    ['./a:/b', ''],
    [null, ''],
  ] as const) {
    it(`refuse ${JSON.stringify(mount)} at mounts[1]${path}`, () => {
      assert.equal(refusedAt({ mounts: [{ bind: 'ok', target: '/ok' }, mount] }), `mounts[1]${path}`);
    });
  }
});

describe('files', () => {
  it('are none by default, and readable by all unless they say otherwise', () => {
    assert.deepEqual(app({}).files, []);
    assert.deepEqual(
      app({
        files: [
          { target: '/a', content: '' },
          { target: '/b', source: './b', mode: 0o600 },
        ],
      }).files,
      [
        { target: '/a', mode: 0o644, content: '' },
        { target: '/b', mode: 0o600, source: './b' },
      ],
    );
  });

  for (const [file, path] of [
    [{ content: 'x' }, '.target'],
    [{ target: '/a' }, ''],
    [{ target: '/a', content: 'x', source: 'y' }, ''],
    [{ target: 'a', content: 'x' }, '.target'],
    [{ target: '/a', content: 5 }, '.content'],
    [{ target: '/a', source: '' }, '.source'],
    [{ target: '/a', content: 'x', mode: 0o10000 }, '.mode'],
    [{ target: '/a', content: 'x', mode: '644' }, '.mode'],
    [{ target: '/a', content: 'x', owner: 1 }, '.owner'],
  ] as const) {
    it(`refuse ${JSON.stringify(file)} at files[0]${path}`, () => {
      assert.equal(refusedAt({ files: [file] }), `files[0]${path}`);
    });
  }
});

describe('secrets', () => {
  it('appear below /run/secrets by their name, unless they say otherwise', () => {
    assert.deepEqual(app({}).secrets, []);
    assert.deepEqual(app({ secrets: [secret, { secret, target: '/k' }, { secret }] }).secrets, [
      { secret: 'key', target: '/run/secrets/key' },
      { secret: 'key', target: '/k' },
      { secret: 'key', target: '/run/secrets/key' },
    ]);
  });

  for (const [given, path] of [
    ['key', ''],
    [volume, ''],
    [{ target: '/k' }, '.secret'],
    [{ secret: 'key' }, '.secret'],
    [{ secret: volume }, '.secret'],
    [{ secret, target: 'k' }, '.target'],
  ] as const) {
    it(`refuse what is at secrets[0]${path}`, () => {
      assert.equal(refusedAt({ secrets: [given] }), `secrets[0]${path}`);
    });
  }
});
