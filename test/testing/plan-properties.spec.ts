import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Stack, type Runtime, type StackSpec } from '@plumbstack/core';
import { InMemoryEngine, InMemoryRuntime } from '@plumbstack/testing';
import { arbitraryStack } from '../support/arbitrary-stack';

/** A value that a program has in itself is in no spec: these come from elsewhere. */
const specs = arbitraryStack().map((stack): StackSpec => {
  const spec = stack.toSpec();
  const resources = spec.resources.map((each) =>
    each.kind === 'secret' && each.source.type === 'value'
      ? { ...each, source: { type: 'env' as const, variable: 'ELSEWHERE' } }
      : each,
  );
  return { ...spec, resources };
});

async function assertNothingLeft(runtime: Runtime, spec: StackSpec): Promise<void> {
  const plan = await runtime.plan(Stack.fromSpec(spec));
  assert.ok(plan.isEmpty, plan.toString());
}

describe('a plan that is applied to the in-memory engine', () => {
  it('leaves nothing to do, whatever the stack', async () => {
    await fc.assert(
      fc.asyncProperty(specs, async (spec) => {
        const runtime = new InMemoryRuntime();
        const plan = await runtime.plan(Stack.fromSpec(spec));
        await runtime.up(Stack.fromSpec(spec), { plan });
        await assertNothingLeft(runtime, spec);
      }),
    );
  });

  it('leaves nothing to do, whatever the stack was before', async () => {
    await fc.assert(
      fc.asyncProperty(specs, specs, async (before, spec) => {
        const runtime = new InMemoryRuntime();
        await runtime.up(Stack.fromSpec({ ...before, name: spec.name }));
        const plan = await runtime.plan(Stack.fromSpec(spec));
        await runtime.up(Stack.fromSpec(spec), { plan });
        await assertNothingLeft(runtime, spec);
      }),
    );
  });

  it('leaves nothing to do after any of its containers was stopped, crashed or removed', async () => {
    await fc.assert(
      fc.asyncProperty(specs, fc.array(fc.tuple(fc.nat(), fc.nat(2))), async (spec, harms) => {
        const engine = new InMemoryEngine();
        const runtime = new InMemoryRuntime({ engine });
        await runtime.up(Stack.fromSpec(spec));
        for (const [which, how] of harms) {
          const container = engine.containers[which % Math.max(1, engine.containers.length)];
          if (container?.state !== 'running') continue;
          if (how === 0) engine.stop(container.name);
          else if (how === 1) engine.crash(container.name, { staysDown: true });
          else engine.remove(container.name);
        }
        await runtime.up(Stack.fromSpec(spec));
        await assertNothingLeft(runtime, spec);
      }),
    );
  });

  it('is the same for a program that declares its resources in another order, before and after', async () => {
    await fc.assert(
      fc.asyncProperty(specs, async (spec) => {
        const runtime = new InMemoryRuntime();
        const turned: StackSpec = { ...spec, resources: [...spec.resources].reverse() };
        const [one, two] = [
          await runtime.plan(Stack.fromSpec(spec)),
          await runtime.plan(Stack.fromSpec(turned)),
        ];
        const named = ({ steps }: typeof one): readonly string[] =>
          steps.map(({ action, resource }) => `${action} ${resource}`).sort();
        assert.deepEqual(named(two), named(one));
        await runtime.up(Stack.fromSpec(spec));
        await assertNothingLeft(runtime, turned);
      }),
    );
  });
});
