import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isPlumbstackError } from '@plumbstack/core';
import { faults } from './faults';
import { neighbours, ownObjects, snapshotOf } from './neighbours';
import { mended, neverAway, recipes, stackOf, type StackRecipe } from './recipes';
import { disturbed, runMs, settled, world } from './world';

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
          const { away } = await disturbed(here, 'up', fault, order, watched, (runtime, signal) =>
            runtime.up(stackOf(name, after), { signal }),
          );
          assert.deepEqual([...away], [], 'was away');
          const again = await disturbed(here, 'the same up', undefined, order, watched, (runtime) =>
            runtime.up(stackOf(name, after)),
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
          const { error } = await disturbed(here, 'down', fault, order, [], (runtime, signal) =>
            runtime.down('shop', { volumes: true, signal }),
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
