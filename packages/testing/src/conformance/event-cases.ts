import assert from 'node:assert/strict';
import type { LifecycleEvent } from '@plumbstack/events';
import { recordEvents } from '../event-recorder.js';
import { articleStack, dataStack, singleAppStack } from '../sample-stacks.js';
import type { ConformanceCase } from './conformance-case.js';
import { rejection, withEnv } from './expect.js';

/** What is told, and what never is. */
export const eventCases: readonly ConformanceCase[] = [
  {
    title: 'the events of an up begin with it, go on with its plan and end with it',
    async run({ runtime, app, stackName }) {
      const stack = articleStack({ name: stackName(), app });
      using recorder = recordEvents(runtime().events);
      await runtime().up(stack);
      const verbs = recorder.names().filter((name) => name.startsWith('stack:'));
      assert.deepEqual(verbs, ['stack:up:started', 'stack:up:planned', 'stack:up:finished']);
      const names = recorder.names();
      assert.ok(names.indexOf('stack:up:planned') < names.indexOf('step:started'));
      for (const name of ['workers', 'app2', 'web']) {
        const resource = `${stack.name}/${name}`;
        const steps = recorder.events.filter(
          (each) => /^step:/.test(each.type) && 'resource' in each && each.resource === resource,
        );
        assert.deepEqual(
          steps.map(({ type }) => type),
          ['step:started', 'step:finished'],
          name,
        );
        assert.equal(
          recorder.of('resource:created').filter((each) => each.resource === resource).length,
          1,
          name,
        );
      }
      assert.equal(recorder.of('worker:joined').length, 2);
      assert.deepEqual(
        recorder.of('app:healthy').map(({ resource }) => resource),
        [`${stack.name}/app2`],
      );
    },
  },
  {
    title: 'every event has its stack, its time and a number one above the last',
    async run({ runtime, app, stackName }) {
      const stack = singleAppStack({ name: stackName(), app });
      using recorder = recordEvents(runtime().events);
      await runtime().up(stack);
      await runtime().down(stack);
      const { events } = recorder;
      assert.ok(events.length > 0);
      const first = events[0]?.seq ?? 0;
      assert.deepEqual(
        events.map(({ seq }) => seq),
        events.map((_, index) => first + index),
      );
      for (const event of events) {
        assert.ok(event.stack.length > 0, event.type);
        assert.equal(new Date(event.at).toISOString(), event.at, event.type);
      }
    },
  },
  {
    title: "a deployment's events are those of its own stack",
    async run({ runtime, app, stackName }) {
      const ours = await runtime().up(singleAppStack({ name: stackName(), app }));
      using recorder = recordEvents(ours.events);
      await runtime().up(singleAppStack({ name: stackName(), app }));
      await ours.down();
      const { events } = recorder;
      assert.deepEqual([...new Set(events.map(({ stack }) => stack))], [ours.stack]);
      assert.ok(recorder.names().includes('stack:down:finished'));
    },
  },
  {
    title: 'a stream gives the same events, in order, until its signal aborts',
    async run({ runtime, app, stackName }) {
      const stack = singleAppStack({ name: stackName(), app });
      using recorder = recordEvents(runtime().events);
      const controller = new AbortController();
      const read = readUntilAborted(
        runtime().events.stream({ signal: controller.signal }),
        'stack:up:finished',
        controller,
      );
      await runtime().up(stack);
      const streamed = await read;
      assert.deepEqual(streamed, recorder.names().slice(0, streamed.length));
      assert.equal(streamed.at(-1), 'stack:up:finished');
    },
  },
  {
    title: 'an up that fails says so, with the code',
    async run({ runtime, app, stackName }) {
      const stack = singleAppStack({ name: stackName(), app });
      using recorder = recordEvents(runtime().events);
      await rejection(runtime().up(stack, { confirm: () => false }), 'NOT_CONFIRMED');
      const failed = await recorder.waitFor('stack:up:failed');
      assert.equal(failed.code, 'NOT_CONFIRMED');
      assert.ok(!recorder.names().includes('stack:up:finished'));
    },
  },
  {
    title: "a secret's value is in no plan, event, status or list",
    async run({ runtime, app, stackName }) {
      const name = stackName();
      const values = ['conformance-first-8f3a1c', 'conformance-second-5b7e2d'];
      const said: string[] = [];
      using recorder = recordEvents(runtime().events);
      for (const token of values) {
        const stack = dataStack({ name, app, token });
        const plan = await runtime().plan(stack);
        assert.ok(!plan.isEmpty, 'a new value changes nothing');
        const deployment = await runtime().up(stack);
        const seen = [
          await deployment.status(),
          await runtime().list(),
          await runtime().plan(stack),
          stack.toSpec(),
        ];
        said.push(JSON.stringify(plan), plan.toString(), JSON.stringify(seen));
      }
      said.push(JSON.stringify(recorder.events));
      for (const value of values) assert.ok(!said.some((text) => text.includes(value)), `${value} was told`);
    },
  },
  {
    title: 'an event cannot be changed by who hears it',
    async run({ runtime, app, stackName }) {
      const stack = singleAppStack({ name: stackName(), app: withEnv(app, 'one') });
      using recorder = recordEvents(runtime().events);
      await runtime().up(stack);
      for (const event of recorder.events) assert.ok(Object.isFrozen(event), event.type);
    },
  },
];

async function readUntilAborted(
  stream: AsyncIterable<LifecycleEvent>,
  last: LifecycleEvent['type'],
  controller: AbortController,
): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const { type } of stream) {
    names.push(type);
    if (type === last) controller.abort();
  }
  return names;
}
