import assert from 'node:assert/strict';
import fc from 'fast-check';
import { freeze } from '@plumbstack/core';

describe('freeze', () => {
  it('gives an equal copy that nothing can change, and leaves what it was given', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const before = JSON.stringify(value);
        const frozen = freeze(value);
        assert.deepEqual(frozen, value);
        const check = (each: unknown, original: unknown): void => {
          if (typeof each !== 'object' || each === null) return;
          assert.ok(Object.isFrozen(each) && each !== original);
          for (const [key, inner] of Object.entries(each))
            check(inner, (original as Record<string, unknown>)[key]);
        };
        check(frozen, value);
        assert.equal(JSON.stringify(value), before);
        assert.ok(typeof value !== 'object' || value === null || !Object.isFrozen(value));
      }),
    );
  });

  it('keeps a key named __proto__ a key', () => {
    const frozen = freeze(JSON.parse('{"__proto__":{"polluted":true}}') as object);
    assert.deepEqual(Object.keys(frozen), ['__proto__']);
    assert.ok(!('polluted' in frozen));
  });
});
