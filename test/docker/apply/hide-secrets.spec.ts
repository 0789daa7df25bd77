import assert from 'node:assert/strict';
import { secretText, type SecretEncoding } from '@plumbstack/core';
import { hideSecrets } from '@plumbstack/docker/internal';
import fc from 'fast-check';

const hide = (text: string, ...values: readonly (string | Buffer)[]): string =>
  hideSecrets(values.map((each) => Buffer.from(each)))(text);

describe('hidden secrets', () => {
  it('leave the words around them', () => {
    assert.equal(hide('cannot reach db://me:swordfish@db', 'swordfish'), 'cannot reach db://me:***@db');
  });

  it('are found in every form that a container is given them in, and in which programs write them', () => {
    const encodings: readonly SecretEncoding[] = ['uri', 'pgpass', 'quoted'];
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 4 }), (value) => {
        fc.pre(value.trim() === value && value.length >= 4 && !value.includes('\n') && !value.includes('*'));
        const bytes = Buffer.from(value);
        const forms = [
          value,
          ...encodings.map((encoding) => secretText({ encoding }, () => value) ?? ''),
          encodeURIComponent(value),
          JSON.stringify(value).slice(1, -1),
          bytes.toString('base64'),
          bytes.toString('base64url'),
          bytes.toString('hex'),
        ];
        for (const form of forms) assert.equal(hide(`<${form}>`, value), '<***>');
      }),
    );
  });

  it('of several lines are found line by line, but for lines that are everywhere', () => {
    const key = '-----BEGIN KEY-----\nMIIEvQIBADANBg\n}\n-----END KEY-----\n';
    assert.equal(hide('  MIIEvQIBADANBg', key), '  ***');
    assert.equal(hide('}', key), '}');
  });

  it('are hidden whole where one is a part of another', () => {
    assert.equal(hide('sword swordfish', 'sword', 'swordfish'), '*** ***');
  });

  it('that are as short as any word are left alone', () => {
    assert.equal(hide('a cat', 'cat', ''), 'a cat');
  });

  it('are text, whatever they look like', () => {
    assert.equal(hide('$& .* a', '$&$&', '.*.*'), '$& .* a');
    assert.equal(hide('a.*.*b', '.*.*'), 'a***b');
  });
});
