import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readPlan, type Plan, type ResourceSpec, type StackSpec } from '@plumbstack/core';
import { InMemoryEngine } from '@plumbstack/testing';
import { arbitraryStack } from '../../support/arbitrary-stack';
import { secretMarker } from '../compile/compiled';
import { compare, doings, untouched } from './planned';
import { changesOf, withNetworks } from './program-changes';
import { runnable } from './runnable';

const specs = arbitraryStack().map((stack) => runnable(stack.toSpec()));

/** Few, of which each is brought up once: most of what is to be known of a plan is asked of what is up. */
const few = fc.sample(specs, 30);
const fewSpecs = fc.constantFrom(...few);
const allOfThem = { examples: few.map((spec): [StackSpec] => [spec]), numRuns: few.length };

describe('a plan for an empty engine', () => {
  it('creates everything, and nothing twice', async () => {
    await fc.assert(
      fc.asyncProperty(specs, async (spec) => {
        const { plan, desired, orphans } = await compare(new InMemoryEngine(), spec);
        assert.ok(plan.steps.every(({ action }) => action === 'create'));
        assert.equal(
          new Set(plan.steps.map(({ kind, resource }) => `${kind} ${resource}`)).size,
          plan.steps.length,
        );
        const names = plan.steps.map(({ resource }) => resource);
        for (const { resource } of [...desired.units, ...desired.volumes])
          assert.ok(names.includes(`${spec.name}/${resource}`));
        assert.deepEqual(orphans, []);
      }),
      { numRuns: 50 },
    );
  });

  it('has the network, volumes, secrets and images before what needs them, and dependencies first', async () => {
    await fc.assert(
      fc.asyncProperty(specs, async (spec) => {
        const { plan, desired } = await compare(new InMemoryEngine(), spec, { hasImages: false });
        const kinds = plan.steps.map(({ kind }) => kind);
        const isUnit = (kind: string): boolean => ['app', 'service', 'pool', 'router'].includes(kind);
        const first = kinds.findIndex(isUnit);
        assert.ok(kinds.slice(first < 0 ? kinds.length : first).every(isUnit), kinds.join(' '));
        assert.equal(kinds[0], desired.networks.length > 0 ? 'network' : plan.steps[0]?.kind);
        assert.equal(kinds.filter((each) => each === 'network').length, desired.networks.length);
        assert.deepEqual(
          plan.steps.filter(({ kind }) => isUnit(kind)).map(({ resource }) => resource),
          desired.units.map(({ resource }) => `${spec.name}/${resource}`),
        );
        assert.equal(kinds.filter((each) => each === 'image').length, desired.images.length);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a plan for what has been applied', () => {
  it('is empty', async () => {
    await fc.assert(
      fc.asyncProperty(fewSpecs, async (spec) => {
        const { plan } = await compare(await untouched(spec), spec);
        assert.ok(plan.isEmpty, plan.toString());
      }),
      allOfThem,
    );
  });

  it('is empty also where the engine lists everything in another order', async () => {
    await fc.assert(
      fc.asyncProperty(fewSpecs, async (spec) => {
        const up = await untouched(spec);
        const before = await compare(up, spec);
        up.onCall(async (_, proceed) => {
          const answer = await proceed();
          if (Array.isArray(answer)) answer.reverse();
          return answer;
        });
        const after = await compare(up, spec);
        up.onCall(undefined);
        assert.ok(after.plan.isEmpty, after.plan.toString());
        assert.equal(after.plan.fingerprint, before.plan.fingerprint);
      }),
      allOfThem,
    );
  });

  it('names exactly what a change of the program is about', async () => {
    await fc.assert(
      fc.asyncProperty(fewSpecs, fc.nat(), async (spec, seed) => {
        const changes = changesOf(spec);
        const chosen = changes[seed % changes.length];
        assert.ok(chosen !== undefined);
        const { plan } = await compare(await untouched(spec), chosen.spec);
        assert.deepEqual([...doings({ plan })].sort(), [...withNetworks(spec, chosen)].sort(), chosen.title);
        for (const { action, reasons } of plan.steps) {
          if (action === 'keep') assert.deepEqual(reasons, []);
          else
            assert.ok(
              reasons.length > 0 && reasons.every(({ path }) => path !== ''),
              JSON.stringify(reasons),
            );
        }
      }),
      { numRuns: 200 },
    );
  });

  it('deletes the containers of what the program has no more, after everything else, and no volume', async () => {
    await fc.assert(
      fc.asyncProperty(fewSpecs, async (spec) => {
        const nothing: StackSpec = { ...spec, resources: [] };
        const { plan, orphans, desired, observed } = await compare(await untouched(spec), nothing);
        const { units, networks } = (await compare(await untouched(spec), spec)).desired;
        assert.deepEqual(
          [...doings({ plan })].sort(),
          [
            ...units.map(({ kind, resource }) => `delete ${kind} ${resource}`),
            ...networks.map(({ creation }) => `delete network ${creation.name}`),
          ].sort(),
        );
        assert.deepEqual(desired.units, []);
        assert.equal(orphans.length, observed.containers.filter(({ role }) => role !== 'secret').length);
      }),
      allOfThem,
    );
  });

  it('is the same whether resources are declared in one order or another', async () => {
    await fc.assert(
      fc.asyncProperty(fewSpecs, async (spec) => {
        const turned: StackSpec = { ...spec, resources: [...spec.resources].reverse() };
        const { plan } = await compare(await untouched(spec), turned);
        assert.ok(plan.isEmpty, plan.toString());
      }),
      allOfThem,
    );
  });

  it('is the same whatever the order of keys in the program', async () => {
    await fc.assert(
      fc.asyncProperty(fewSpecs, async (spec) => {
        const turned: StackSpec = {
          ...spec,
          resources: spec.resources.map((each): ResourceSpec =>
            'env' in each
              ? {
                  ...each,
                  env: reversed(each.env),
                  labels: reversed(each.labels),
                  extraHosts: reversed(each.extraHosts),
                }
              : each,
          ),
        };
        const { plan } = await compare(await untouched(spec), turned);
        assert.ok(plan.isEmpty, plan.toString());
      }),
      allOfThem,
    );
  });
});

function reversed<T>(dictionary: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(dictionary).reverse());
}

describe('any plan', () => {
  /** A program, and its plan on an engine on which it, another one, or nothing is up. */
  const plans = fc
    .tuple(fewSpecs, specs, fc.constantFrom('another', 'the same', 'nothing'))
    .map(([spec, other, up]) => async (): Promise<[Plan, StackSpec]> => {
      const program = up === 'the same' ? spec : { ...other, name: spec.name };
      return [
        (await compare(up === 'nothing' ? new InMemoryEngine() : await untouched(spec), program)).plan,
        program,
      ];
    });

  it('is the same plan when it is written as JSON and read back', async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (make) => {
        const [plan] = await make();
        const read = readPlan(JSON.parse(JSON.stringify(plan)));
        assert.deepEqual(read, plan);
        assert.equal(read.toString(), plan.toString());
      }),
      { numRuns: 50 },
    );
  });

  it('has no secret in it', async () => {
    await fc.assert(
      fc.asyncProperty(plans, async (make) => {
        const [plan, { resources }] = await make();
        const text = JSON.stringify(plan) + plan.toString();
        assert.ok(!text.includes(secretMarker));
        const hashes = resources.flatMap((each) =>
          each.kind === 'router' ? each.routes.flatMap(({ auth }) => Object.values(auth?.users ?? {})) : [],
        );
        for (const each of hashes) if (typeof each === 'string') assert.ok(!text.includes(each), each);
        assert.ok(!text.includes('$6$'), 'the hash of a secret');
      }),
      { numRuns: 50 },
    );
  });

  it('is another one for another program', async () => {
    await fc.assert(
      fc.asyncProperty(fewSpecs, fc.nat(), async (spec, seed) => {
        const changes = changesOf(spec);
        const changed = changes[seed % changes.length]?.spec ?? spec;
        assert.notEqual(
          (await compare(await untouched(spec), changed)).plan.fingerprint,
          (await compare(await untouched(spec), spec)).plan.fingerprint,
        );
      }),
      { numRuns: 50 },
    );
  });
});
