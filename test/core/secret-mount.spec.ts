import assert from 'node:assert/strict';
import fc from 'fast-check';
import { secretText, secretValue, Stack, type SecretEncoding, type SecretForm } from '@plumbstack/core';
import { problemsOf, refusedPath } from './refusal';

const stack = new Stack('s');
const secret = stack.secret('key', { generateBytes: 16 });

function text(form: SecretForm, value: string): string | undefined {
  return secretText(form, () => value);
}

describe('a mounted secret', () => {
  it('says how it is written and which variable holds it', () => {
    const mount = { secret, target: '/k', env: 'KEY', prefix: 'a', suffix: 'b', encoding: 'uri' } as const;
    const { secrets } = stack.app('a', { image: 'a', secrets: [mount] }).toSpec();
    assert.deepEqual(secrets, [{ ...mount, secret: 'key' }]);
  });

  for (const [wrong, path] of [
    [{ env: 'A-B' }, '.env'],
    [{ prefix: '\0' }, '.prefix'],
    [{ suffix: 5 }, '.suffix'],
    [{ encoding: 'base64' }, '.encoding'],
  ] as const) {
    it(`refuses ${JSON.stringify(wrong)}`, () => {
      const options = { image: 'a', secrets: [{ secret, ...wrong }] };
      assert.equal(
        refusedPath(() => new Stack('s').app('a', options as never)),
        `a.secrets[0]${path}`,
      );
    });
  }

  it('shares its variable with nothing else', () => {
    const stack = new Stack('s');
    const secret = stack.secret('key', { generateBytes: 16 });
    stack.app('a', {
      image: 'a',
      env: { KEY: 'x' },
      secrets: [
        { secret, env: 'KEY' },
        { secret, target: '/b', env: 'TOKEN' },
        { secret, target: '/c', env: 'TOKEN' },
      ],
    });
    assert.deepEqual(
      problemsOf(stack).map(({ path, message }) => `${path} ${message}`),
      [
        'a.secrets[0].env is KEY, which env.KEY sets too',
        'a.secrets[2].env is TOKEN, which secrets[1].env sets too',
      ],
    );
  });
});

describe("a secret's text", () => {
  it('is the value itself, not looked at, where nothing is said', () => {
    assert.equal(
      secretText({}, () => assert.fail('it was read')),
      undefined,
    );
  });

  it('stands between its prefix and suffix, without line ends at its end', () => {
    assert.equal(text({ prefix: 'a ', suffix: ' b\n' }, 'x\ny\r\n\n'), 'a x\ny b\n');
  });

  it('reads back as the value that it was made of, whatever that holds', () => {
    const forms = fc.record(
      {
        prefix: fc.string(),
        suffix: fc.string(),
        encoding: fc.constantFrom<SecretEncoding>('uri', 'pgpass', 'quoted'),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(forms, fc.string({ unit: 'grapheme' }), (form, value) => {
        fc.pre(!value.endsWith('\n'));
        assert.equal(secretValue(form, text(form, value) ?? value), value);
      }),
    );
  });

  it('reads back as nothing where somebody has written another one', () => {
    assert.equal(secretValue({ prefix: 'ab', suffix: 'bc' }, 'abc'), undefined);
    assert.equal(secretValue({ encoding: 'quoted' }, 'a'), undefined);
    assert.equal(secretValue({ encoding: 'uri' }, '%'), undefined);
  });

  it('is a part of a URL that reads back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (value) => {
        fc.pre(!value.endsWith('\n'));
        const url = new URL(text({ encoding: 'uri', prefix: 'db://me:', suffix: '@db/x' }, value) ?? '');
        assert.equal(decodeURIComponent(url.password), value);
        assert.equal(url.host, 'db');
      }),
    );
  });

  it("is a field of PostgreSQL's password file", () => {
    assert.equal(text({ encoding: 'pgpass' }, 'a:b\\c'), 'a\\:b\\\\c');
  });

  it("is an argument of Redis' configuration, whatever it holds", () => {
    assert.equal(
      text({ encoding: 'quoted' }, 'a "b" \\ c\n\td\u007f é'),
      '"a \\"b\\" \\\\ c\\x0a\\x09d\\x7f é"',
    );
  });
});
