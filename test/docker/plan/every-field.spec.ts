import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { isPlumbstackError, Stack, type StackSpec } from '@plumbstack/core';
import { InMemoryRuntime } from '@plumbstack/testing';
import { arbitraryStack } from '../../support/arbitrary-stack';
import { applied, compare } from './planned';
import { runnable } from './runnable';

/** Fields that may change without a word, and why. Nothing on the engine goes by them. */
const unseen: Readonly<Record<string, string>> = {
  '(app|service|pool|router).image.policy': 'when an image is pulled; that it is to be is a step of its own',
  '(app|service).startTimeoutMs': 'how long the next start may take',
  '(app|service).dependsOn': 'the order of the next start, where everybody reaches everybody anyway',
  'app.updateOrder': 'how the next update goes',
  'app.drainTimeoutMs': 'of a pooled app, whose pool says it; of others it is seen, which drift.spec shows',
  'app.poolDefaults': 'of pools, whose specs have it',
  'app.(keepAlive|prefixEnv)': 'how it is routed, where no route leads to it',
  'pool.trustedProxies': 'whom its front believes, where it publishes nothing',
  'service.health': 'what the next start waits for; a command is the engine’s own, and seen',
  'secret.source': 'where a value comes from: it is the value that is compared, or its rotation',
};
const isUnseen = (path: string): boolean =>
  Object.keys(unseen).some((each) => new RegExp(`^${each}(\\.|$)`).test(path));

/** Words that some field takes. */
const words = ['lax', 'none', 'local', 'nfs', 'always', 'no', 'off', 'json', 'random', 'pause', '1.3', '::1'];

interface Change {
  readonly path: string;
  readonly to: unknown;
}

/** A value with one field changed to another value of its kind, or left out. */
function changesOf(value: unknown, path: string): readonly Change[] {
  if (Array.isArray(value)) {
    const all: readonly unknown[] = value;
    return [
      ...all.flatMap((each, index) =>
        changesOf(each, path).map(({ path: inner, to }) => ({ path: inner, to: all.with(index, to) })),
      ),
      ...(all.length > 0 ? [{ path, to: all.slice(1) }] : []),
    ];
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([name, each]: [string, unknown]) => [
      ...changesOf(each, `${path}.${name}`).map(({ path: inner, to }) => ({
        path: inner,
        to: { ...value, [name]: to },
      })),
      {
        path: `${path}.${name}`,
        to: Object.fromEntries(Object.entries(value).filter(([other]) => other !== name)),
      },
    ]);
  }
  const others: readonly unknown[] =
    typeof value === 'boolean'
      ? [!value]
      : typeof value === 'number'
        ? [value + 1, value - 1, value * 2]
        : typeof value === 'string'
          ? [`${value}x`, `x${value}`, `${value}/x`, ...words]
          : [];
  return others.map((to) => ({ path, to }));
}

/** The program, where it is one. */
function valid(spec: unknown): StackSpec | undefined {
  try {
    return Stack.fromSpec(spec).toSpec();
  } catch (error) {
    assert.ok(isPlumbstackError(error), String(error));
    return undefined;
  }
}

/** With a worker in each pool: where none runs, nothing of a worker differs. */
function populated(spec: StackSpec): StackSpec {
  const { resources, ...rest } = runnable(spec);
  return {
    ...rest,
    resources: resources.map((each) =>
      each.kind === 'pool' ? { ...each, replicas: Math.max(each.replicas, 1) } : each,
    ),
  };
}

describe('a change of any field of any resource', () => {
  it('is in the plan, or refused with what to do', async () => {
    const size = { apps: 2, services: 1, pools: 1, routers: 1, volumes: 1, secrets: 1 };
    const every = 37;
    await fc.assert(
      fc.asyncProperty(arbitraryStack(size), fc.nat({ max: every - 1 }), async (stack, first) => {
        const spec = populated(stack.toSpec());
        const engine = await applied(spec);
        const changes = spec.resources.flatMap((resource, index) =>
          changesOf(resource, resource.kind)
            .filter(({ path }) => !/^\w+\.(name|kind)$/.test(path) && !isUnseen(path))
            .map(({ path, to }) => ({ path, resources: spec.resources.with(index, to as typeof resource) })),
        );
        for (const { path, resources } of changes.filter((_, index) => index % every === first)) {
          const changed = valid({ ...spec, resources });
          if (changed === undefined || isDeepStrictEqual(changed, spec)) continue;
          try {
            const { plan } = await compare(engine, changed);
            assert.equal(plan.isEmpty, false, path);
          } catch (error) {
            if (!isPlumbstackError(error)) throw error;
            assert.ok(
              error.code === 'INVALID_OPTION' && error.hint !== undefined,
              `${path}: ${error.message}`,
            );
          }
        }
      }),
      // Always the same stacks: what a field may do unseen is a list, and not for a random one to find out.
      { numRuns: 25, seed: 7, endOnFailure: true },
    );
  });

  const volume = (options: Record<string, string>, driver?: string): Stack => {
    const stack = new Stack('shop');
    const data = stack.volume('data', { driverOptions: options, ...(driver !== undefined && { driver }) });
    stack.service('db', { image: 'db:1', mounts: [{ volume: data, target: '/data' }] });
    return stack;
  };
  const password = 'password=open sesame';

  it('is refused for a volume that is there, whose password is in no label and no message', async () => {
    await using runtime = new InMemoryRuntime();
    await runtime.up(volume({ type: 'cifs', o: password }));
    assert.equal((await runtime.plan(volume({ o: password, type: 'cifs' }))).isEmpty, true);
    const labels = JSON.stringify(await runtime.engine.client.listVolumes('io.plumbstack.owner=plumbstack'));
    assert.doesNotMatch(labels, /open sesame/);
    for (const other of [volume({ type: 'cifs' }), volume({ type: 'nfs', o: password }), volume({}, 'nfs')]) {
      for (const verb of [runtime.plan(other), runtime.up(other)]) {
        await assert.rejects(verb, (error) => {
          assert.ok(isPlumbstackError(error, 'INVALID_OPTION'), String(error));
          assert.equal(error.resource, 'shop/data');
          assert.match(error.hint ?? '', /exportVolume/);
          assert.doesNotMatch(error.message, /open sesame/);
          return true;
        });
      }
    }
    await runtime.down('shop', { volumes: true });
    await runtime.up(volume({ type: 'nfs' }));
  });

  const secret = (generateBytes: number, rotation = 0): Stack => {
    const stack = new Stack('shop');
    const key = stack.secret('key', { generateBytes, rotation });
    stack.app('api', { image: 'api:1', secrets: [key] });
    return stack;
  };

  it('of a generated secret’s length is refused, but where it is rotated too', async () => {
    await using runtime = new InMemoryRuntime();
    await runtime.up(secret(32));
    for (const verb of [runtime.plan(secret(48)), runtime.up(secret(48))])
      await assert.rejects(verb, /INVALID_OPTION: shop\/key: generateBytes is 48, .* 32\.[^]*rotation/);
    assert.equal((await runtime.plan(secret(32))).isEmpty, true);
    assert.equal((await runtime.plan(secret(48, 1))).isEmpty, false);
    await runtime.up(secret(48, 1));
    assert.equal(runtime.engine.secret('shop/key')?.length, 96);
    assert.equal((await runtime.plan(secret(48, 1))).isEmpty, true);
  });
});
