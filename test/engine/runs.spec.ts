import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isPlumbstackError, type Stack } from '@plumbstack/core';
import { InMemoryEngine, InMemoryRuntime } from '@plumbstack/testing';
import { faults, striking, type Fault } from './faults';
import { neighbours, ownObjects, snapshotOf } from './neighbours';
import { behave, mended, neverAway, recipes, stackOf, type StackRecipe } from './recipes';
import { VirtualTime } from './virtual-time';

/** Longer than any run of these stacks may take, by its own deadlines. */
const runMs = 15 * 60_000;
/** How long a run that was given up may still take. */
const abortedMs = 1000;

interface World extends Disposable {
  readonly engine: InMemoryEngine;
  readonly time: VirtualTime;
  readonly runtime: () => InMemoryRuntime;
}

function world(concurrency: number): World {
  const time = new VirtualTime();
  const engine = new InMemoryEngine();
  engine.onStart(behave);
  return {
    engine,
    time,
    runtime: () => new InMemoryRuntime({ engine, concurrency }),
    [Symbol.dispose]: () => time[Symbol.dispose](),
  };
}

/** Runs a verb to its end, whichever that is, with a fault in it; says what was away meanwhile that must not be. */
async function disturbed(
  { engine, time }: World,
  what: string,
  fault: Fault | undefined,
  seed: number,
  watched: readonly string[],
  verb: (signal: AbortSignal) => Promise<unknown>,
): Promise<{ readonly error: unknown; readonly away: ReadonlySet<string> }> {
  const controller = new AbortController();
  const away = new Set<string>();
  const look = (): void => {
    for (const { target, answers, address } of engine.routes)
      if (!answers && watched.includes(target)) away.add(`${target} at ${address || 'nowhere'}`);
  };
  let state = seed;
  const shuffle = (): number => (state = (state * 48_271) % 2_147_483_647) % 4;
  const struck = striking(fault, controller, shuffle);
  engine.onCall((call, proceed) => {
    look();
    return struck.intercept(call, () => proceed().finally(look));
  });
  let abortedAt: number | undefined;
  controller.signal.addEventListener('abort', () => (abortedAt = time.now));
  let error: unknown;
  const isKilled = fault?.kind === 'killed';
  const run = verb(controller.signal).catch((reason: unknown) => (error = reason ?? 'nothing'));
  if (isKilled) {
    // It never ends, and need not: whatever it had begun is left as it is.
    await time.run(what, runMs, () =>
      Promise.race([run, new Promise((resolve) => setTimeout(resolve, 120_000))]),
    );
  } else {
    await time.run(what, runMs, () => run);
    if (abortedAt !== undefined)
      assert.ok(
        time.now - abortedAt <= abortedMs,
        `${what} went on for ${time.now - abortedAt} ms after its abort`,
      );
  }
  engine.onCall(undefined);
  look();
  return { error, away };
}

async function settled({ time, runtime }: World, stack: Stack): Promise<void> {
  await time.run('the next up', runMs, () => runtime().up(stack));
  const plan = await time.run('the plan after it', runMs, () => runtime().plan(stack));
  assert.ok(plan.isEmpty, `the plan after up is not empty:\n${plan.toString()}`);
}

const concurrency = fc.integer({ min: 1, max: 8 });
const seed = fc.integer({ min: 1, max: 2_147_483_646 });
const name = fc.constantFrom('shop', 'a', 'a-b');

describe('a run over an engine that is data', () => {
  it('ends, harms nobody, leaves what served serving, and is finished by the next', async function () {
    this.timeout(600_000);
    await fc.assert(
      fc.asyncProperty(
        fc.record({ name, before: recipes, after: recipes, fault: fc.option(faults, { nil: undefined }) }),
        concurrency,
        seed,
        async ({ name, before: given, after, fault }, width, order) => {
          using here = world(width);
          const before = mended(given);
          const strangers = await here.time.run('strangers', runMs, () => neighbours(here.engine, name));
          const seen = snapshotOf(here.engine, strangers);
          await settled(here, stackOf(name, before));
          const watched = neverAway(before, after);
          const { away } = await disturbed(here, 'up', fault, order, watched, (signal) =>
            here.runtime().up(stackOf(name, after), { signal }),
          );
          assert.deepEqual([...away], [], 'was away');
          const again = await disturbed(here, 'the same up', undefined, order, watched, () =>
            here.runtime().up(stackOf(name, after)),
          );
          assert.deepEqual([...again.away], [], 'was away in the second run');
          await settled(here, stackOf(name, mended(after)));
          assert.deepEqual(snapshotOf(here.engine, strangers), seen, 'a stranger was touched');
          await here.time.run('down', runMs, () =>
            here.runtime().down(name, { volumes: true, images: true }),
          );
          assert.deepEqual(ownObjects(here.engine, name), [], 'left behind');
          assert.deepEqual(snapshotOf(here.engine, strangers), seen, 'a stranger was touched by down');
        },
      ),
      { numRuns: Number(process.env['PLUMBSTACK_CASES'] ?? 200) },
    );
  });

  it('down ends and is finished by the next, whatever happens to it', async function () {
    this.timeout(600_000);
    await fc.assert(
      fc.asyncProperty(
        recipes,
        faults,
        concurrency,
        seed,
        async (recipe: StackRecipe, fault, width, order) => {
          using here = world(width);
          await here.time.run('up', runMs, () => here.runtime().up(stackOf('shop', mended(recipe))));
          const { error } = await disturbed(here, 'down', fault, order, [], (signal) =>
            here.runtime().down('shop', { volumes: true, signal }),
          );
          if (error instanceof Error && fault.kind !== 'abort')
            assert.ok(isPlumbstackError(error), String(error));
          await here.time.run('the next down', runMs, () => here.runtime().down('shop', { volumes: true }));
          assert.deepEqual(ownObjects(here.engine, 'shop'), [], 'left behind');
        },
      ),
      { numRuns: Number(process.env['PLUMBSTACK_CASES'] ?? 100) },
    );
  });
});
