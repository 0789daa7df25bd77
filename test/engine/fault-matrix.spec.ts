import assert from 'node:assert/strict';
import { Stack, type AppOptions } from '@plumbstack/core';
import type { LifecycleDeployment } from '@plumbstack/events';
import type { InMemoryRuntime } from '@plumbstack/testing';
import type { FaultKind } from './faults';
import { ownObjects } from './neighbours';
import { disturbed, runMs, settled, world, type Disturbed } from './world';

const kinds: readonly FaultKind[] = ['refused', 'lost', 'silent', 'abort', 'killed'];
/** Of each scenario every so many-th pair of a call and a fault; all of them with 1. */
const every = Number(process.env['PLUMBSTACK_FAULTS_EVERY'] ?? 7);

interface Shape {
  readonly version?: string;
  readonly replicas?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One of everything: a database with its data, an app that needs it, a pool, a router to both, given and made secrets. */
function stackOf({ version = '1', replicas = 2, headers = {} }: Shape): Stack {
  const stack = new Stack('shop');
  const app = (more: AppOptions): AppOptions => ({ ...more, env: { QUALITY: 'late', VERSION: version } });
  const secrets = [stack.secret('given', { value: 'unseen' }), stack.secret('made', { generateBytes: 16 })];
  const data = stack.volume('data');
  const store = stack.service('store', {
    image: 'example/store:1',
    mounts: [{ volume: data, target: '/data' }],
    secrets,
  });
  const single = stack.app('single', app({ image: 'example/app:1', dependsOn: [store], secrets }));
  const workers = stack.pool('workers', {
    app: stack.app('worker', app({ image: 'example/app:1', health: { command: ['true'] } })),
    replicas,
    maxConcurrency: 1,
  });
  stack.router('web', { publish: 8300, headers }).route('/single/', single).route('/workers/', workers);
  return stack;
}

interface Scenario {
  /** What is up before. @default version 1 */
  readonly before?: readonly Shape[];
  /** What the stack is in the end, when it is run to its end. */
  readonly after?: Shape;
  /** Whether its routes may be away meanwhile. @default false */
  readonly mayBeAway?: boolean;
  readonly verb: (runtime: InMemoryRuntime, signal: AbortSignal) => Promise<unknown>;
}

const attached = async (runtime: InMemoryRuntime, signal: AbortSignal): Promise<LifecycleDeployment> =>
  runtime.attach('shop', { signal });

const scenarios: Readonly<Record<string, Scenario>> = {
  'the first up': {
    before: [],
    mayBeAway: true,
    verb: (runtime, signal) => runtime.up(stackOf({}), { signal }),
  },
  'an up of what is up': { verb: (runtime, signal) => runtime.up(stackOf({}), { signal }) },
  'an update of an app and a pool': {
    after: { version: '2' },
    verb: (runtime, signal) => runtime.up(stackOf({ version: '2' }), { signal }),
  },
  'a reload of a router': {
    after: { headers: { 'X-A': 'b' } },
    verb: (runtime, signal) => runtime.up(stackOf({ headers: { 'X-A': 'b' } }), { signal }),
  },
  'a scale to more': {
    verb: async (runtime, signal) => (await attached(runtime, signal)).scale('workers', 4, { signal }),
  },
  'a scale to fewer': {
    before: [{ replicas: 3 }],
    verb: async (runtime, signal) => (await attached(runtime, signal)).scale('workers', 1, { signal }),
  },
  'a rollback': {
    before: [{ version: '1' }, { version: '2' }],
    verb: async (runtime, signal) => (await attached(runtime, signal)).rollback('workers', { signal }),
  },
  'a rollback to an older version': {
    before: [{ version: '1' }, { version: '2' }, { version: '3' }],
    after: { version: '3' },
    verb: async (runtime, signal) => {
      const deployment = await attached(runtime, signal);
      const oldest = (await deployment.versions('workers', { signal })).at(-1);
      await deployment.rollback('workers', { signal, ...(oldest !== undefined && { to: oldest }) });
    },
  },
  'a restart of a pool': {
    verb: async (runtime, signal) => (await attached(runtime, signal)).restart('workers', { signal }),
  },
  'a restart of an app': {
    mayBeAway: true,
    verb: async (runtime, signal) => (await attached(runtime, signal)).restart('single', { signal }),
  },
  'an export of a volume': {
    verb: async (runtime, signal) => {
      const deployment = await attached(runtime, signal);
      for await (const chunk of deployment.exportVolume('data', { stop: true, signal })) void chunk;
    },
  },
  down: { mayBeAway: true, verb: (runtime, signal) => runtime.down('shop', { signal }) },
};

/** What serves is known, and each version that has served at most once. */
async function assertHistory(runtime: InMemoryRuntime): Promise<void> {
  const versions = await (await runtime.attach('shop')).versions('workers');
  assert.deepEqual(
    versions.map(({ isCurrent }) => isCurrent),
    versions.map((_, index) => index === 0),
  );
  assert.ok(versions.length > 0 && versions.length <= 4);
  assert.equal(new Set(versions.map(({ digest }) => digest)).size, versions.length);
  for (const { at, by } of versions) assert.ok(at !== undefined && by !== undefined);
}

async function played(scenario: Scenario, width: number, kind?: FaultKind, call = 0): Promise<Disturbed> {
  const { before = [{}], after = {}, mayBeAway = false, verb } = scenario;
  using here = world(width);
  for (const shape of before) await here.time.run('up', runMs, () => here.runtime().up(stackOf(shape)));
  const watched = mayBeAway ? [] : ['single', 'workers'];
  const fault = kind && { call, kind };
  const outcome = await disturbed(here, 'it', fault, call + 1, watched, verb);
  assert.deepEqual([...outcome.away], [], 'was away');
  if (kind === undefined) assert.equal(outcome.error, undefined);
  await settled(here, stackOf(after));
  await here.time.run('versions', runMs, () => assertHistory(here.runtime()));
  await here.time.run('down', runMs, () => here.runtime().down('shop', { volumes: true }));
  assert.deepEqual(ownObjects(here.engine, 'shop'), [], 'left behind');
  return outcome;
}

describe('a fault at any call to the engine', () => {
  for (const [name, scenario] of Object.entries(scenarios)) {
    it(`leaves nothing that the next run does not mend: ${name}`, async function () {
      this.timeout(3_600_000);
      const { calls } = await played(scenario, 8);
      assert.ok(calls > 0);
      let met = 0;
      for (let index = 0; index < calls * kinds.length; index += every) {
        const call = 1 + Math.floor(index / kinds.length);
        const kind = kinds[index % kinds.length];
        try {
          const { happened } = await played(scenario, 1 + (index % 8), kind, call);
          if (happened) met += 1;
        } catch (error) {
          throw new assert.AssertionError({
            message: `${kind} at call ${call} of ${calls}, ${1 + (index % 8)} at once: ${String(error)}`,
          });
        }
      }
      assert.ok(met > 0, 'no fault was met');
    });
  }
});
