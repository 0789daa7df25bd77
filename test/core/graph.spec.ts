import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Stack, dependenciesFirst, findCycle, startGraph, type Graph } from '@plumbstack/core';

const graph = (edges: Readonly<Record<string, readonly string[]>>): Graph => new Map(Object.entries(edges));
/** Graphs whose names only point at names with a higher number: none has a cycle. */
const acyclic = fc
  .array(fc.array(fc.nat({ max: 20 }), { maxLength: 4 }), { maxLength: 15 })
  .map(
    (rows): Graph =>
      new Map(rows.map((row, index) => [`n${index}`, row.map((step) => `n${index + 1 + step}`)])),
  );
const anyGraph = fc
  .array(fc.array(fc.nat({ max: 8 }), { maxLength: 3 }), { minLength: 1, maxLength: 9 })
  .map((rows): Graph => new Map(rows.map((row, index) => [`n${index}`, row.map((each) => `n${each}`)])));

describe('findCycle', () => {
  it('finds none where there is none', () => {
    assert.equal(findCycle(new Map()), undefined);
    assert.equal(findCycle(graph({ a: ['b', 'c'], b: ['c'], c: [], d: ['a', 'nobody'] })), undefined);
    fc.assert(fc.property(acyclic, (each) => assert.equal(findCycle(each), undefined)));
  });

  it('gives the way back to its start, without the way to it', () => {
    assert.deepEqual(findCycle(graph({ a: ['a'] })), ['a', 'a']);
    assert.deepEqual(findCycle(graph({ a: ['b'], b: ['c'], c: ['d', 'b'], d: [] })), ['b', 'c', 'b']);
  });

  it('gives only steps that are in the graph', () => {
    fc.assert(
      fc.property(anyGraph, (each) => {
        const cycle = findCycle(each);
        if (cycle === undefined) return dependenciesFirst(each).length > 0;
        assert.equal(cycle[0], cycle.at(-1));
        assert.ok(cycle.length > 1);
        return cycle.slice(1).every((name, index) => each.get(cycle[index] ?? '')?.includes(name));
      }),
    );
  });

  it('goes as deep as the graph does', () => {
    const depth = 200_000;
    const deep = new Map(Array.from({ length: depth }, (_, index) => [`n${index}`, [`n${index + 1}`]]));
    assert.equal(findCycle(deep), undefined);
    assert.equal(dependenciesFirst(deep)[0], `n${depth}`);
    deep.set(`n${depth}`, ['n0']);
    assert.equal(findCycle(deep)?.length, depth + 2);
  });

  it('visits each name once, however many ways lead to it', () => {
    const layers = 60;
    const diamonds = new Map<string, string[]>();
    for (let layer = 0; layer < layers; layer++) {
      diamonds.set(`a${layer}`, [`a${layer + 1}`, `b${layer + 1}`]);
      diamonds.set(`b${layer}`, [`a${layer + 1}`, `b${layer + 1}`]);
    }
    assert.equal(findCycle(diamonds), undefined); // 2 ** 60 ways would never end
  });
});

describe('dependenciesFirst', () => {
  it('puts each name once, after everything it points at', () => {
    assert.deepEqual(dependenciesFirst(graph({ a: ['b', 'c'], b: ['c'], c: [] })), ['c', 'b', 'a']);
    fc.assert(
      fc.property(acyclic, (each) => {
        const order = dependenciesFirst(each);
        assert.equal(new Set(order).size, order.length);
        for (const [name, next] of each) {
          for (const other of next) assert.ok(order.indexOf(other) < order.indexOf(name));
        }
      }),
    );
  });
});

describe('startGraph', () => {
  it('points from each resource at what must be there before it', () => {
    const stack = new Stack('s');
    const db = stack.service('db', { image: 'a' });
    const app = stack.app('worker', { image: 'a', dependsOn: [db] });
    const pool = stack.pool('pool', { app });
    stack.app('b', { image: 'a', dependsOn: [pool, db] });
    stack.volume('v');
    assert.deepEqual(Object.fromEntries(startGraph(stack.toSpec())), {
      db: [],
      worker: ['db'],
      pool: ['worker'],
      b: ['pool', 'db'],
      v: [],
    });
  });
});
