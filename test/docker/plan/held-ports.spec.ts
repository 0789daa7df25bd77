import assert from 'node:assert/strict';
import fc from 'fast-check';
import { addressesOverlap, Stack, type Publish } from '@plumbstack/core';
import { portMoves } from '@plumbstack/docker/internal';
import { applied, compare } from './picture';

interface Published {
  readonly publish: Publish;
  readonly dependsOn?: readonly string[];
}

/** Apps by name; what is called `web...` is a router. */
function described(apps: Readonly<Record<string, Published>>): Stack {
  const stack = new Stack('shop');
  for (const [name, { publish, dependsOn = [] }] of Object.entries(apps)) {
    if (name.startsWith('web')) stack.router(name, { publish });
    else {
      const needs = stack.resources.filter((each) => dependsOn.includes(each.name));
      stack.app(name, { image: 'a', publish, dependsOn: needs as never[] });
    }
  }
  return stack;
}

async function moves(
  before: Readonly<Record<string, Published>>,
  now: Readonly<Record<string, Published>>,
): Promise<{
  readonly inTheWay: readonly string[];
  readonly after: Readonly<Record<string, readonly string[]>>;
}> {
  const { desired, observed } = await compare(
    await applied(described(before).toSpec()),
    described(now).toSpec(),
  );
  const { inTheWay, after } = portMoves(desired, observed);
  return {
    inTheWay: inTheWay.map(({ resource }) => resource).sort(),
    after: Object.fromEntries([...after].map(([name, others]) => [name, [...others].sort()])),
  };
}

describe('a host port that goes to another resource', () => {
  it('is freed first where what has it is gone from the program', async () => {
    const { inTheWay, after } = await moves({ old: { publish: 8080 } }, { new: { publish: 8080 } });
    assert.deepEqual({ inTheWay, after }, { inTheWay: ['old'], after: {} });
  });

  it('is waited for where what has it stays', async () => {
    const now = { a: { publish: 8081 }, b: { publish: 8080 } };
    assert.deepEqual(await moves({ a: { publish: 8080 } }, now), { inTheWay: [], after: { b: ['a'] } });
    const chain = { a: { publish: 3 }, b: { publish: 1 }, c: { publish: 2 } };
    assert.deepEqual(await moves({ a: { publish: 1 }, b: { publish: 2 }, c: { publish: 4 } }, chain), {
      inTheWay: [],
      after: { b: ['a'], c: ['b'] },
    });
  });

  it('is freed first where two change theirs with each other, or with three', async () => {
    const two = await moves(
      { a: { publish: 1 }, b: { publish: 2 } },
      { a: { publish: 2 }, b: { publish: 1 } },
    );
    assert.equal(two.inTheWay.length, 1);
    assert.equal(Object.keys(two.after).length, 1);
    const three = await moves(
      { a: { publish: 1 }, b: { publish: 2 }, c: { publish: 3 } },
      { a: { publish: 2 }, b: { publish: 3 }, c: { publish: 1 } },
    );
    assert.equal(three.inTheWay.length, 1);
  });

  it('is freed first where what has it waits for what wants it', async () => {
    const now = { b: { publish: 8080 }, a: { publish: 8081, dependsOn: ['b'] } };
    assert.deepEqual(await moves({ a: { publish: 8080 } }, now), { inTheWay: ['a'], after: {} });
  });

  it('is known by its address too', async () => {
    const at = (host: string): Published => ({ publish: { port: 8080, host } });
    const same = { a: at('127.0.0.1') };
    assert.deepEqual(await moves(same, { ...same, b: at('127.0.0.2') }), { inTheWay: [], after: {} });
    const narrowed = { a: at('127.0.0.1'), b: at('127.0.0.2') };
    assert.deepEqual(await moves({ a: at('0.0.0.0') }, narrowed), { inTheWay: [], after: { b: ['a'] } });
    assert.deepEqual(await moves({ web: at('0.0.0.0') }, { web: at('127.0.0.1'), b: at('127.0.0.2') }), {
      inTheWay: ['web'],
      after: {},
    });
    assert.deepEqual(await moves({ a: at('0.0.0.0') }, { a: at('0.0.0.0'), b: at('::') }), {
      inTheWay: [],
      after: {},
    });
  });

  it('is free in time, whoever has it before and after, and nobody waits in a ring', async () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'web1', 'web2');
    const host = fc.constantFrom('127.0.0.1', '127.0.0.2', '0.0.0.0');
    const place = fc.record({ port: fc.integer({ min: 1, max: 4 }), host });
    const program = fc.dictionary(name, place, { minKeys: 1, maxKeys: 6 }).map((all) => {
      const taken: { host: string; port: number }[] = [];
      return Object.fromEntries(
        Object.entries(all).flatMap(([each, publish]) => {
          if (taken.some(({ host, port }) => port === publish.port && addressesOverlap(host, publish.host)))
            return [];
          taken.push(publish);
          return [[each, { publish }]];
        }),
      );
    });
    await fc.assert(
      fc.asyncProperty(program, program, async (before, now) => {
        const { inTheWay, after } = await moves(before, now);
        const done = new Set<string>();
        // Everybody can begin at some time: what they wait for does not wait for them.
        for (let left = Object.keys(now); left.length > 0;) {
          const ready = left.filter((each) => (after[each] ?? []).every((other) => done.has(other)));
          assert.ok(ready.length > 0, 'they wait for each other');
          for (const each of ready) done.add(each);
          left = left.filter((each) => !done.has(each));
        }
        for (const [each, { publish }] of Object.entries(now)) {
          for (const [other, { publish: had }] of Object.entries(before)) {
            const meets = had.port === publish.port && addressesOverlap(had.host, publish.host);
            const keeps = now[other]?.publish.port === had.port && now[other]?.publish.host === had.host;
            if (!meets || other === each || keeps) continue;
            assert.ok(
              inTheWay.includes(other) || (after[each] ?? []).includes(other),
              `${each} meets ${other}`,
            );
          }
        }
      }),
      { numRuns: 50 },
    );
  });
});
