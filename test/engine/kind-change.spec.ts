import assert from 'node:assert/strict';
import { isPlumbstackError, Stack, type AppOptions, type ResourceStatus } from '@plumbstack/core';
import { recordEvents } from '@plumbstack/testing';
import { ownObjects } from './neighbours';
import { brokenImage } from './recipes';
import { disturbed, runMs, settled, world, type World } from './world';

type Kind = ResourceStatus['kind'];

/** A stack whose `thing` is of a kind, and which has a router to it where it can be routed. */
function stackOf(kind: Kind, options: AppOptions = {}): Stack {
  const stack = new Stack('shop');
  const app = { image: 'example/app:1', startTimeoutMs: 3000, stopGraceMs: 2000, ...options };
  const other = stack.app('other', { image: 'example/app:1' });
  const router = (): ReturnType<Stack['router']> => stack.router('web', { publish: 8300 });
  switch (kind) {
    case 'app':
      router().route('/other/', other).route('/thing/', stack.app('thing', app));
      break;
    case 'pool': {
      const pool = stack.pool('thing', { app: stack.app('worker', app), replicas: 2 });
      router().route('/other/', other).route('/thing/', pool);
      break;
    }
    case 'service':
      stack.service('thing', app);
      router().route('/other/', other);
      break;
    case 'router':
      stack.router('thing', { publish: 8400 }).route('/other/', other);
      break;
  }
  return stack;
}

const kinds: readonly Kind[] = ['app', 'pool', 'service', 'router'];
const pairs = kinds.flatMap((from) => kinds.flatMap((to) => (from === to ? [] : [[from, to] as const])));

/** All there is of it; an anonymous volume has a name that means nothing. */
function objects({ engine }: World): readonly string[] {
  return ownObjects(engine, 'shop')
    .map((each) => each.replace(/ [0-9a-f]{64}$/, ''))
    .sort();
}

async function up({ time, runtime }: World, stack: Stack): Promise<unknown> {
  return time.run('up', runMs, () =>
    runtime()
      .up(stack)
      .then(
        () => undefined,
        (error: unknown) => error,
      ),
  );
}

describe('a resource that is of another kind now, under the same name', () => {
  for (const [from, to] of pairs) {
    it(`is one step of the plan, is made, and leaves nothing of what it was: ${from} to ${to}`, async () => {
      using here = world(8);
      await settled(here, stackOf(to));
      const alone = objects(here);
      await here.time.run('down', runMs, () => here.runtime().down('shop', { volumes: true }));
      await settled(here, stackOf(from));
      const plan = await here.time.run('plan', runMs, () => here.runtime().plan(stackOf(to)));
      assert.deepEqual(
        plan.steps
          .filter(({ resource }) => resource === 'shop/thing')
          .map(({ action, kind, reasons }) => ({ action, kind, reasons })),
        [{ action: 'replace', kind: to, reasons: [{ path: 'kind', from, to }] }],
        plan.toString(),
      );
      await settled(here, stackOf(to));
      assert.deepEqual(objects(here), alone);
      const { resources } = await (await here.runtime().attach('shop')).status();
      assert.equal(resources.find(({ resource }) => resource === 'shop/thing')?.kind, to);
    });
  }

  // A volume that it may write to: never two of it at once.
  const withData = (stack: Stack): AppOptions => ({
    env: { QUALITY: 'ends' },
    mounts: [{ volume: stack.volume('data'), target: '/data' }],
    updateOrder: 'stop-first',
  });
  const swaps = {
    'a pool to an app that is alone with its data': [
      stackOf('pool'),
      (): Stack => {
        const stack = new Stack('shop');
        const other = stack.app('other', { image: 'example/app:1' });
        const thing = stack.app('thing', {
          image: 'example/app:1',
          startTimeoutMs: 3000,
          ...withData(stack),
        });
        stack.router('web', { publish: 8300 }).route('/other/', other).route('/thing/', thing);
        return stack;
      },
    ],
    'a pool to a router, with an image that does not run': [
      stackOf('pool'),
      (): Stack => {
        const stack = new Stack('shop');
        const other = stack.app('other', { image: 'example/app:1' });
        stack.router('thing', { publish: 8400, image: brokenImage }).route('/other/', other);
        return stack;
      },
    ],
    'a router to a pool': [stackOf('router'), () => stackOf('pool', { env: { QUALITY: 'ends' } })],
    'a service to an app': [stackOf('service'), () => stackOf('app', { env: { QUALITY: 'ends' } })],
    'an app to a service': [stackOf('app'), () => stackOf('service', { env: { QUALITY: 'ends' } })],
  } as const;
  for (const [title, [before, broken]] of Object.entries(swaps)) {
    it(`runs again as what it was, where what it should become does not come up: ${title}`, async () => {
      using here = world(8);
      await settled(here, before);
      const runtime = here.runtime();
      using events = recordEvents(runtime.events);
      const error = await here.time.run('up', runMs, () =>
        runtime.up(broken()).then(
          () => undefined,
          (reason: unknown) => reason,
        ),
      );
      assert.ok(isPlumbstackError(error), String(error));
      assert.equal(events.of('update:rolledback').length, 1);
      const status = await (await here.runtime().attach('shop')).status();
      const thing = status.resources.find(({ resource }) => resource === 'shop/thing');
      assert.deepEqual(
        thing?.containers.map(({ state }) => state).filter((state) => state !== 'running'),
        [],
      );
      await settled(here, before);
      assert.ok(here.engine.routes.every(({ answers }) => answers));
    });

    for (const kind of ['abort', 'killed', 'lost', 'refused'] as const) {
      it(`is finished by the next run, wherever the first one met a fault: ${title}, ${kind}`, async () => {
        let calls = Infinity;
        for (let call = 1; call <= calls; call += 5) {
          using here = world(1 + (call % 8));
          await settled(here, before);
          const outcome = await disturbed(here, 'it', { call, kind }, call, [], (runtime, signal) =>
            runtime.up(broken(), { signal }),
          );
          if (calls === Infinity) ({ calls } = outcome);
          await up(here, broken());
          await settled(here, before);
          assert.ok(here.engine.routes.every(({ answers }) => answers));
          await here.time.run('down', runMs, () => here.runtime().down('shop', { volumes: true }));
          assert.deepEqual(ownObjects(here.engine, 'shop'), []);
        }
      });
    }
  }
});
