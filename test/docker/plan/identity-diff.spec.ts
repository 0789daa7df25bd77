import assert from 'node:assert/strict';
import fc from 'fast-check';
import { canonicalJson, differences } from '@plumbstack/docker/internal';

const data = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe('the differences of two identities', () => {
  it('are none exactly where the data are equal', () => {
    fc.assert(fc.property(data, (value) => assert.deepEqual(differences(value, structuredClone(value)), [])));
    fc.assert(
      fc.property(data, data, (a, b) => {
        assert.equal(differences(a, b).length === 0, canonicalJson(a) === canonicalJson(b));
      }),
    );
  });

  it('are the same backwards, with from and to exchanged', () => {
    fc.assert(
      fc.property(data, data, (a, b) => {
        const said = (from: unknown, to: unknown, turned: boolean): readonly string[] =>
          differences(from, to)
            .map((each) =>
              canonicalJson(turned ? [each.path, each.to, each.from] : [each.path, each.from, each.to]),
            )
            .sort();
        assert.deepEqual(said(a, b, false), said(b, a, true));
      }),
    );
  });

  for (const [title, from, to, expected] of [
    ['a leaf by its path', { a: { b: 1 } }, { a: { b: 2 } }, [{ path: 'a.b', from: 1, to: 2 }]],
    ['what is new without a from', {}, { a: 1 }, [{ path: 'a', to: 1 }]],
    ['what is gone without a to', { a: 1 }, {}, [{ path: 'a', from: 1 }]],
    ['a list as a whole', { a: [1, 2] }, { a: [2, 1] }, [{ path: 'a', from: [1, 2], to: [2, 1] }]],
    ['another type as a whole', { a: { b: 1 } }, { a: [1] }, [{ path: 'a', from: { b: 1 }, to: [1] }]],
    ['null as a value', { a: null }, { a: 1 }, [{ path: 'a', from: null, to: 1 }]],
    ['undefined as what is not there', { a: undefined }, {}, []],
    [
      'every leaf that differs',
      { a: 1, b: { c: 2, d: 3 } },
      { a: 1, b: { c: 4, e: 5 } },
      [
        { path: 'b.c', from: 2, to: 4 },
        { path: 'b.d', from: 3 },
        { path: 'b.e', to: 5 },
      ],
    ],
    ['names that every object has', {}, { constructor: 'x' }, [{ path: 'constructor', to: 'x' }]],
    ['the prototype by name', {}, JSON.parse('{"__proto__":"x"}'), [{ path: '__proto__', to: 'x' }]],
  ] as readonly [string, unknown, unknown, unknown][]) {
    it(`tell ${title}`, () => assert.deepEqual(differences(from, to), expected));
  }

  it('begin with the path that they are asked below', () => {
    assert.deepEqual(differences({ a: 1 }, { a: 2 }, 'worker'), [{ path: 'worker.a', from: 1, to: 2 }]);
    assert.deepEqual(differences('always', 'no', 'restart'), [{ path: 'restart', from: 'always', to: 'no' }]);
  });
});
