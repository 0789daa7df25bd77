import assert from 'node:assert/strict';
import fc from 'fast-check';
import { addressesOverlap, Stack, type Publish } from '@plumbstack/core';
import { InMemoryRuntime } from '@plumbstack/testing';

/** Apps, services (`db...`), routers (`web...`) and published pools (`pool...`) by name. */
function described(program: Readonly<Record<string, Publish>>): Stack {
  const stack = new Stack('shop');
  for (const [name, publish] of Object.entries(program)) {
    if (name.startsWith('web')) stack.router(name, { publish });
    else if (name.startsWith('db')) stack.service(name, { image: 'db:1', publish });
    else if (name.startsWith('pool'))
      stack.pool(name, { app: stack.app(`of-${name}`, { image: 'api:1' }), replicas: 1, publish });
    else stack.app(name, { image: 'api:1', publish });
  }
  return stack;
}

async function brings(
  before: Readonly<Record<string, Publish>>,
  now: Readonly<Record<string, Publish>>,
): Promise<void> {
  await using runtime = new InMemoryRuntime();
  await runtime.up(described(before));
  const deployment = await runtime.up(described(now));
  assert.equal((await deployment.status()).healthy, true);
  assert.equal((await runtime.plan(described(now))).isEmpty, true);
}

describe('published ports of a program that changes', () => {
  const changes: readonly (readonly [
    what: string,
    before: Record<string, Publish>,
    now: Record<string, Publish>,
  ])[] = [
    ['an app is renamed', { old: 8080 }, { new: 8080 }],
    ['a service is renamed', { dbold: 8080 }, { dbnew: 8080 }],
    ['a router is renamed', { webold: 8080 }, { webnew: 8080 }],
    ['a pool is renamed', { poolold: 8080 }, { poolnew: 8080 }],
    ['two apps change ports', { a: 8080, b: 8081 }, { a: 8081, b: 8080 }],
    ['an app and a router do', { a: 8080, web: 8081 }, { a: 8081, web: 8080 }],
    ['a pool and a service do', { pool: 8080, db: 8081 }, { pool: 8081, db: 8080 }],
    ['three apps pass them on', { a: 1, b: 2, c: 3 }, { a: 2, b: 3, c: 1 }],
    ['one that stays gives one up', { a: [8080, 8081] }, { a: 8081, b: 8080 }],
    [
      'one of two addresses is given up',
      { web: { port: 8080, host: '0.0.0.0' } },
      { web: { port: 8080, host: '127.0.0.1' }, a: { port: 8080, host: '127.0.0.2' } },
    ],
  ];
  for (const [what, before, now] of changes)
    it(`comes up in one run where ${what}`, () => brings(before, now));

  it('is left alone by the next run, also with a free port beside a named one', async () => {
    const publish = [
      { port: 8080, host: '127.0.0.1' },
      { port: 0, host: '127.0.0.2' },
    ];
    await using runtime = new InMemoryRuntime();
    await runtime.up(described({ a: publish, b: 0, c: [0, 0] }));
    assert.equal((await runtime.plan(described({ a: publish, b: 0, c: [0, 0] }))).isEmpty, true);
  });

  it('gives a hundred apps a hundred free ports', async () => {
    await using runtime = new InMemoryRuntime();
    const stack = described(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`a${i}`, 0])));
    const deployment = await runtime.up(stack);
    const ports = stack.resources.map((each) => deployment.endpoint(each).port);
    assert.equal(new Set(ports).size, 100);
  });

  it('comes up whatever was published before', async () => {
    const name = fc.constantFrom('a', 'b', 'db', 'web', 'pool');
    const host = fc.constantFrom('127.0.0.1', '127.0.0.2', '0.0.0.0');
    const place = fc.record({ port: fc.integer({ min: 1, max: 3 }), host });
    const program = fc.dictionary(name, place, { minKeys: 1, maxKeys: 5 }).map((all) => {
      const taken: { host: string; port: number }[] = [];
      return Object.fromEntries(
        Object.entries(all).filter(([, { port, host: at }]) => {
          const isTaken = taken.some((each) => each.port === port && addressesOverlap(each.host, at));
          if (!isTaken) taken.push({ port, host: at });
          return !isTaken;
        }),
      );
    });
    await fc.assert(fc.asyncProperty(program, program, brings), { numRuns: 25 });
  });
});
