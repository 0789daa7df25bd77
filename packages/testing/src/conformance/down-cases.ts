import assert from 'node:assert/strict';
import { recordEvents } from '../event-recorder.js';
import { articleStack, dataStack, singleAppStack } from '../sample-stacks.js';
import type { ConformanceCase } from './conformance-case.js';
import { actionOf, assertAbsent } from './expect.js';

/** What `down` removes, and what it leaves. */
export const downCases: readonly ConformanceCase[] = [
  {
    title: 'down needs the name alone, from any runtime, and removes everything',
    async run({ runtime, otherRuntime, app, stackName }) {
      const stack = articleStack({ name: stackName(), app });
      await runtime().up(stack);
      using recorder = recordEvents(otherRuntime().events);
      await otherRuntime().down(stack.name);
      await assertAbsent(runtime(), stack.name);
      const names = recorder.names().filter((name) => name.startsWith('stack:'));
      assert.deepEqual(names, ['stack:down:started', 'stack:down:finished']);
      const { steps } = await runtime().plan(stack);
      assert.deepEqual([...new Set(steps.map(({ action }) => action))], ['create']);
    },
  },
  {
    title: 'down twice is down once',
    async run({ runtime, app, stackName }) {
      const stack = singleAppStack({ name: stackName(), app });
      await runtime().up(stack);
      await runtime().down(stack);
      await runtime().down(stack);
      await runtime().down(stackName());
      await assertAbsent(runtime(), stack.name);
    },
  },
  {
    title: 'down keeps volumes and generated secrets, until it is asked for them',
    async run({ runtime, app, stackName }) {
      const stack = dataStack({ name: stackName(), app });
      await runtime().up(stack);
      await runtime().down(stack);
      const kept = await runtime().plan(stack);
      assert.deepEqual(
        [actionOf(kept, 'data'), actionOf(kept, 'token'), actionOf(kept, 'api')],
        ['keep', 'keep', 'create'],
      );
      await runtime().down(stack, { volumes: true });
      const gone = await runtime().plan(stack);
      assert.deepEqual([actionOf(gone, 'data'), actionOf(gone, 'token')], ['create', 'create']);
    },
  },
  {
    title: 'down of one stack leaves others as they are',
    async run({ runtime, app, stackName }) {
      const [stays, goes] = [
        singleAppStack({ name: stackName(), app }),
        singleAppStack({ name: stackName(), app }),
      ];
      const deployment = await runtime().up(stays);
      await runtime().up(goes);
      await runtime().down(goes);
      assert.ok((await deployment.status()).healthy);
      assert.ok((await runtime().plan(stays)).isEmpty);
    },
  },
  {
    title: 'await using takes the stack down at the end of its block',
    async run({ runtime, app, stackName }) {
      const stack = singleAppStack({ name: stackName(), app });
      {
        await using deployment = await runtime().up(stack);
        assert.ok((await deployment.status()).healthy);
      }
      await assertAbsent(runtime(), stack.name);
    },
  },
];
