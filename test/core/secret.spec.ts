import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { Secret, Stack, type SecretOptions } from '@plumbstack/core';
import { refusalOf } from './refusal';
import { secondCopy } from './second-copy';

const value = 'correct horse battery staple';

describe('a Secret', () => {
  for (const [given, source] of [
    [{ file: './key' }, { type: 'file', path: './key' }],
    [{ env: 'API_KEY' }, { type: 'env', variable: 'API_KEY' }],
    [{ value }, { type: 'value' }],
    [{ generateBytes: 32 }, { type: 'generate', bytes: 32, rotation: 0 }],
    [
      { generateBytes: 32, rotation: 3 },
      { type: 'generate', bytes: 32, rotation: 3 },
    ],
  ] as const) {
    it(`of ${Object.keys(given).join()} says where its value comes from`, () => {
      assert.deepEqual(new Stack('s').secret('k', given).toSpec(), { kind: 'secret', name: 'k', source });
    });
  }

  it('gives its value to runtimes only', () => {
    const stack = new Stack('s');
    const secret = stack.secret('k', { value });
    stack.service('db', { image: 'a', secrets: [secret] });
    assert.equal(Secret.plainValue(secret), value);
    assert.equal(Secret.plainValue(stack.secret('e', { env: 'X' })), undefined);
    assert.equal(Secret.plainValue(Secret.withoutValue('s', 'w')), undefined);
    const seen = [
      JSON.stringify(secret),
      JSON.stringify(stack.toSpec()),
      inspect(secret, { depth: Infinity, showHidden: true, getters: true }),
      inspect(stack, { depth: Infinity }),
      JSON.stringify({ ...secret }),
    ];
    for (const text of seen) assert.ok(!text.includes(value), text);
  });

  it('of another copy of the package gives its value too', () => {
    const other = secondCopy();
    assert.notEqual(other.Secret, Secret);
    assert.equal(Secret.plainValue(new other.Stack('s').secret('k', { value })), value);
  });

  it('in the wrong place is in no message', () => {
    for (const wrong of [
      value,
      { value: 12345678 },
      { valeu: value },
      { value, env: 'X' },
      [value],
      { value: [value] },
    ]) {
      const error = refusalOf(() => new Stack('s').secret('k', wrong as never));
      const told = `${error.message} ${JSON.stringify(error.details)} ${inspect(error)}`;
      assert.ok(!told.includes(value) && !told.includes('12345678'), told);
    }
  });

  it('comes from exactly one place', () => {
    for (const wrong of [{}, { file: 'a', env: 'B' }, { value, generateBytes: 16 }]) {
      assert.match(
        refusalOf(() => new Stack('s').secret('k', wrong as SecretOptions)).message,
        /exactly one of/,
      );
    }
  });

  for (const given of [
    { file: '' },
    { env: 'A-B' },
    { generateBytes: 15 },
    { generateBytes: 1025 },
    { generateBytes: '32' },
    { generateBytes: 32, rotation: -1 },
    { env: 'A', rotation: 1 },
    { path: 'a' },
    null,
    undefined,
  ]) {
    it(`refuses ${JSON.stringify(given)}`, () => {
      refusalOf(() => new Stack('s').secret('k', given as never));
    });
  }
});
