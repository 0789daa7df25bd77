import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readPlan, type ResourceSpec, type StackSpec } from '@plumbstack/core';
import type { Inputs } from '@plumbstack/docker/internal';
import { arbitraryStack } from '../../support/arbitrary-stack';
import { modest, secretMarker } from '../compile/compiled';
import { applied, compare, doings, emptyPicture } from './picture';
import { changesOf, withNetworks } from './program-changes';

const specs = arbitraryStack().map((stack) => modest(stack.toSpec()));

describe('a plan for an empty engine', () => {
  it('creates everything, and nothing twice', async () => {
    await fc.assert(
      fc.asyncProperty(specs, async (spec) => {
        const { plan, desired, orphans } = await compare(emptyPicture(), spec);
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
    );
  });

  it('has the network, volumes, secrets and images before what needs them, and dependencies first', async () => {
    await fc.assert(
      fc.asyncProperty(specs, async (spec) => {
        const inputs = await missingImages(spec);
        const { plan, desired } = await compare(emptyPicture(), spec, inputs);
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
        assert.equal(
          kinds.filter((each) => each === 'image').length,
          Object.values(inputs.images).filter(({ action }) => action !== 'none').length,
        );
      }),
    );
  });
});

/** Inputs of an engine that has none of the images. */
async function missingImages(spec: StackSpec): Promise<Pick<Inputs, 'images'>> {
  const { desired } = await compare(emptyPicture(), spec);
  const images = desired.images.map(({ resource, image: { id: _, ...rest } }) => [
    resource,
    { ...rest, action: 'pull' as const },
  ]);
  return { images: Object.fromEntries(images) };
}

describe('a plan for what has been applied', () => {
  it('is empty', async () => {
    await fc.assert(
      fc.asyncProperty(specs, async (spec) => {
        const { plan } = await compare(await applied(spec), spec);
        assert.ok(plan.isEmpty, plan.toString());
      }),
      { numRuns: 200 },
    );
  });

  it('is empty also where the engine lists everything in another order', async () => {
    await fc.assert(
      fc.asyncProperty(specs, async (spec) => {
        const picture = await applied(spec);
        const before = await compare(picture, spec);
        picture.containers.reverse();
        picture.volumes.reverse();
        for (const [id, files] of [...picture.configs])
          picture.configs.set(id, new Map([...files].reverse()));
        const after = await compare(picture, spec);
        assert.ok(after.plan.isEmpty, after.plan.toString());
        assert.equal(after.plan.fingerprint, before.plan.fingerprint);
      }),
    );
  });

  it('is empty whatever others have on the engine', async () => {
    await fc.assert(
      fc.asyncProperty(specs, specs, async (spec, other) => {
        fc.pre(other.name !== spec.name);
        const picture = await applied(spec);
        const before = (await compare(picture, spec)).plan;
        const theirs = await applied(other);
        picture.networks.push(...theirs.networks);
        picture.containers.push(...theirs.containers);
        picture.volumes.push(...theirs.volumes);
        // Somebody else's, with our stack's label but not our mark.
        for (const each of theirs.containers) {
          const { 'io.plumbstack.owner': _, ...labels } = each.labels;
          picture.containers.push({ ...each, labels: { ...labels, 'io.plumbstack.stack': spec.name } });
        }
        const { plan } = await compare(picture, spec);
        assert.ok(plan.isEmpty, plan.toString());
        assert.equal(plan.fingerprint, before.fingerprint);
      }),
    );
  });

  it('names exactly what a change of the program is about', async () => {
    const change = fc.tuple(specs, fc.nat()).chain(([spec, seed]) => {
      const changes = changesOf(spec);
      return fc.constant({ spec, change: changes[seed % changes.length] });
    });
    await fc.assert(
      fc.asyncProperty(change, async ({ spec, change: chosen }) => {
        assert.ok(chosen !== undefined);
        const { plan, ...rest } = await compare(await applied(spec), chosen.spec);
        assert.deepEqual(
          [...doings({ plan, ...rest })].sort(),
          [...withNetworks(spec, chosen)].sort(),
          chosen.title,
        );
        for (const { action, reasons } of plan.steps) {
          if (action === 'keep') assert.deepEqual(reasons, []);
          else
            assert.ok(
              reasons.length > 0 && reasons.every(({ path }) => path !== ''),
              JSON.stringify(reasons),
            );
        }
      }),
      { numRuns: 400 },
    );
  });

  it('deletes the containers of what the program has no more, after everything else, and no volume', async () => {
    await fc.assert(
      fc.asyncProperty(specs, async (spec) => {
        const picture = await applied(spec);
        const nothing: StackSpec = { ...spec, resources: [] };
        const { plan, orphans, desired, observed } = await compare(picture, nothing);
        const { units, networks } = (await compare(picture, spec)).desired;
        assert.deepEqual(
          [...doings({ plan, orphans, changed: new Set() })].sort(),
          [
            ...units.map(({ kind, resource }) => `delete ${kind} ${resource}`),
            ...networks.map(({ creation }) => `delete network ${creation.name}`),
          ].sort(),
        );
        assert.deepEqual(desired.units, []);
        assert.equal(orphans.length, observed.containers.filter(({ role }) => role !== 'secret').length);
      }),
    );
  });

  it('is the same whether resources are declared in one order or another', async () => {
    await fc.assert(
      fc.asyncProperty(specs, async (spec) => {
        const picture = await applied(spec);
        const turned: StackSpec = { ...spec, resources: [...spec.resources].reverse() };
        const { plan } = await compare(picture, turned);
        assert.ok(plan.isEmpty, plan.toString());
      }),
    );
  });

  it('is the same whatever the order of keys in the program', async () => {
    await fc.assert(
      fc.asyncProperty(specs, async (spec) => {
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
        const { plan } = await compare(await applied(spec), turned);
        assert.ok(plan.isEmpty, plan.toString());
      }),
    );
  });
});

function reversed<T>(dictionary: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(dictionary).reverse());
}

describe('any plan', () => {
  const worlds = fc.record({
    before: specs,
    after: specs,
    of: fc.constantFrom('another', 'the same', 'nothing'),
  });

  it('is the same plan when it is written as JSON and read back', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async ({ before, after, of }) => {
        const picture = of === 'nothing' ? emptyPicture() : await applied({ ...before, name: after.name });
        const { plan } = await compare(picture, of === 'the same' ? { ...before, name: after.name } : after);
        const read = readPlan(JSON.parse(JSON.stringify(plan)));
        assert.deepEqual(read, plan);
        assert.equal(read.toString(), plan.toString());
      }),
    );
  });

  it('has no secret in it', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async ({ before, after, of }) => {
        const picture = of === 'nothing' ? emptyPicture() : await applied({ ...before, name: after.name });
        const { plan } = await compare(picture, after);
        const text = JSON.stringify(plan) + plan.toString();
        assert.ok(!text.includes(secretMarker));
        const hashes = after.resources.flatMap((each) =>
          each.kind === 'router' ? each.routes.flatMap(({ auth }) => Object.values(auth?.users ?? {})) : [],
        );
        for (const each of hashes) if (typeof each === 'string') assert.ok(!text.includes(each), each);
        assert.ok(!text.includes('$6$salt$'), 'the hash of a secret');
      }),
    );
  });

  it('is another one for another program', async () => {
    await fc.assert(
      fc.asyncProperty(specs, fc.nat(), async (spec, seed) => {
        const picture = await applied(spec);
        const changes = changesOf(spec);
        const changed = changes[seed % changes.length]?.spec ?? spec;
        assert.notEqual(
          (await compare(picture, changed)).plan.fingerprint,
          (await compare(picture, spec)).plan.fingerprint,
        );
      }),
    );
  });
});
