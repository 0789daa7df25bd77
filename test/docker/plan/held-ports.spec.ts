import assert from 'node:assert/strict';
import { Stack, type Publish } from '@plumbstack/core';
import { portMoves } from '@plumbstack/docker/internal';
import { applied, compare } from './planned';

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
});
