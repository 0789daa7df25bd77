import assert from 'node:assert/strict';
import { readPlan, Stack, type AppOptions } from '@plumbstack/core';
import { recordEvents } from '../event-recorder.js';
import { articleStack, pooledStack, singleAppStack } from '../sample-stacks.js';
import type { ConformanceCase } from './conformance-case.js';
import { actionOf, assertAbsent, assertConverged, rejection, withEnv } from './expect.js';

/** One resource for each thing that visitors may notice. On every address it has no `former`, which loopback alone has. */
function noticedStack(name: string, app: AppOptions, host = '127.0.0.1'): Stack {
  const stack = new Stack(name);
  const volume = stack.volume('data');
  const worker = stack.app('worker', app);
  const targets = [
    stack.app('routed', app),
    stack.app('open', { ...app, publish: 0 }),
    stack.app('writer', { ...app, mounts: [...(app.mounts ?? []), { volume, target: '/data' }] }),
    stack.pool('workers', { app: worker, replicas: 2, update: { order: 'stop-first' } }),
  ];
  if (host === '127.0.0.1') stack.app('former', { ...app, publish: 0 });
  const web = stack.router('web', { publish: { port: 0, host } });
  for (const each of targets) web.route(`/${each.name}/`, each);
  return stack;
}

/** What `plan` says, and what `up` does with it. */
export const planCases: readonly ConformanceCase[] = [
  {
    title: 'the plan of a new stack creates everything, and makes nothing',
    async run({ runtime, app, stackName }) {
      const stack = articleStack({ name: stackName(), app });
      const plan = await runtime().plan(stack);
      assert.equal(plan.stack, stack.name);
      assert.ok(!plan.isEmpty);
      for (const name of ['workers', 'app2', 'web']) assert.equal(actionOf(plan, name), 'create', name);
      assert.deepEqual([...new Set(plan.steps.map(({ action }) => action))], ['create']);
      await assertAbsent(runtime(), stack.name);
    },
  },
  {
    title: 'a plan has one step for a resource, and targets come before the router',
    async run({ runtime, app, stackName }) {
      const name = stackName();
      const { steps } = await runtime().plan(articleStack({ name, app }));
      const named = steps.filter(({ kind }) => kind !== 'image').map(({ resource }) => resource);
      assert.equal(new Set(named).size, named.length, `twice in ${named.join(', ')}`);
      const [workers, app2, web] = ['workers', 'app2', 'web'].map((each) => named.indexOf(`${name}/${each}`));
      assert.ok(workers !== undefined && app2 !== undefined && web !== undefined);
      assert.ok(Math.min(workers, app2) >= 0 && Math.max(workers, app2) < web, named.join(', '));
    },
  },
  {
    title: 'two plans of the same stack are the same',
    async run({ runtime, otherRuntime, app, stackName }) {
      const stack = singleAppStack({ name: stackName(), app });
      const [one, two] = [await runtime().plan(stack), await otherRuntime().plan(stack)];
      assert.equal(one.fingerprint, two.fingerprint);
      assert.deepEqual(one.steps, two.steps);
    },
  },
  {
    title: 'the plan after up is empty',
    async run({ runtime, app, stackName }) {
      const stack = articleStack({ name: stackName(), app });
      await runtime().up(stack);
      const plan = await runtime().plan(stack);
      assert.ok(plan.isEmpty, plan.toString());
      assert.ok(plan.steps.every(({ action }) => action === 'keep'));
    },
  },
  {
    title: 'a changed option is in the plan, with its path and both values',
    async run({ runtime, app, stackName }) {
      const name = stackName();
      await runtime().up(singleAppStack({ name, app: withEnv(app, 'before') }));
      const plan = await runtime().plan(singleAppStack({ name, app: withEnv(app, 'after') }));
      const step = plan.steps.find(({ resource }) => resource === `${name}/api`);
      assert.ok(step?.action === 'update' || step?.action === 'replace', `the action is ${step?.action}`);
      assert.deepEqual(
        step.reasons.filter(({ path }) => path === 'env.CONFORMANCE'),
        [{ path: 'env.CONFORMANCE', from: 'before', to: 'after' }],
      );
      for (const text of ['env.CONFORMANCE', 'before', 'after']) assert.ok(plan.toString().includes(text));
    },
  },
  {
    title: 'a plan says what visitors notice of each change',
    async run({ runtime, app, stackName }) {
      const name = stackName();
      const deployment = await runtime().up(noticedStack(name, withEnv(app, 'before')));
      const next = noticedStack(name, withEnv(app, 'after'), '0.0.0.0');
      const { steps } = await runtime().plan(next);
      const impactOf = (resource: string): string | undefined =>
        steps.find((step) => step.resource === `${name}/${resource}`)?.impact;
      const at = (resource: string): string => deployment.endpoint(resource).host;
      const finish = 'visitors have up to 30 s to finish what they have begun';
      assert.equal(impactOf('routed'), finish);
      assert.equal(
        impactOf('open'),
        `stopped before its successor starts; no answer at ${at('open')}, /open/ of web meanwhile`,
      );
      assert.equal(
        impactOf('writer'),
        'stopped before its successor starts, which takes over the data in data; no answer at /writer/ of web meanwhile',
      );
      assert.equal(
        impactOf('workers'),
        `1 of 2 workers at a time leave before their successors join; ${finish}`,
      );
      assert.match(
        impactOf('web') ?? '',
        /^nginx is stopped before its successor starts; connections to 0\.0\.0\.0:\d+ are refused for a moment$/,
      );
      assert.equal(impactOf('former'), `nothing answers at ${at('former')} any more`);
    },
  },
  {
    title: 'a plan survives JSON, and up applies exactly it',
    async run({ runtime, app, stackName }) {
      const stack = singleAppStack({ name: stackName(), app });
      const plan = await runtime().plan(stack);
      using recorder = recordEvents(runtime().events);
      await runtime().up(stack, { plan: readPlan(JSON.parse(JSON.stringify(plan))) });
      const planned = recorder.of('stack:up:planned')[0]?.plan;
      assert.equal(JSON.stringify(planned), JSON.stringify(plan));
      await assertConverged(runtime(), stack);
    },
  },
  {
    title: 'a plan that was applied once is stale, and changes nothing',
    async run({ runtime, app, stackName }) {
      const stack = singleAppStack({ name: stackName(), app });
      const plan = await runtime().plan(stack);
      await runtime().up(stack);
      await rejection(runtime().up(stack, { plan }), 'PLAN_STALE');
      await assertConverged(runtime(), stack);
    },
  },
  {
    title: 'the plan of another version of the program is stale',
    async run({ runtime, app, stackName }) {
      const name = stackName();
      const plan = await runtime().plan(singleAppStack({ name, app: withEnv(app, 'one') }));
      await rejection(
        runtime().up(singleAppStack({ name, app: withEnv(app, 'two') }), { plan }),
        'PLAN_STALE',
      );
      await assertAbsent(runtime(), name);
    },
  },
  {
    title: 'a confirm that says no leaves the world as it is',
    async run({ runtime, app, stackName }) {
      const stack = singleAppStack({ name: stackName(), app });
      const planned = await runtime().plan(stack);
      let asked: string | undefined;
      const confirm = ({ fingerprint }: { readonly fingerprint: string }): boolean => {
        asked = fingerprint;
        return false;
      };
      await rejection(runtime().up(stack, { confirm }), 'NOT_CONFIRMED');
      assert.equal(asked, planned.fingerprint);
      await assertAbsent(runtime(), stack.name);
    },
  },
  {
    title: 'nobody is asked to confirm an empty plan',
    async run({ runtime, app, stackName }) {
      const stack = singleAppStack({ name: stackName(), app });
      await runtime().up(stack, { confirm: () => Promise.resolve(true) });
      await runtime().up(stack, { confirm: () => assert.fail('was asked') });
    },
  },
  {
    title: 'after scale, the plan goes back to what the program says',
    async run({ runtime, app, stackName }) {
      const stack = pooledStack({ name: stackName(), app, replicas: 1 });
      const deployment = await runtime().up(stack);
      await deployment.scale('workers', 2);
      const plan = await runtime().plan(stack);
      assert.ok(!plan.isEmpty);
      const reasons = plan.steps.flatMap((step) => step.reasons);
      assert.deepEqual(
        reasons.filter(({ path }) => path === 'replicas'),
        [{ path: 'replicas', from: 2, to: 1 }],
      );
    },
  },
];
