import assert from 'node:assert/strict';
import { PlumbstackError } from '@plumbstack/core';
import { recordEvents } from '../event-recorder.js';
import { articleStack, pooledStack, singleAppStack } from '../sample-stacks.js';
import type { ConformanceCase } from './conformance-case.js';
import { assertAbsent, assertConverged, rejection, resourceStatus } from './expect.js';

/** Abort, deadlines and verbs that meet. */
export const waitCases: readonly ConformanceCase[] = [
  {
    title: 'a signal that has aborted lets no verb begin',
    async run({ runtime, app, stackName }) {
      const stack = singleAppStack({ name: stackName(), app });
      const signal = AbortSignal.abort(new Error('not today'));
      const verbs = [
        () => runtime().plan(stack, { signal }),
        () => runtime().up(stack, { signal }),
        () => runtime().attach(stack.name, { signal }),
        () => runtime().list({ signal }),
        () => runtime().down(stack, { signal }),
      ];
      for (const verb of verbs) await assert.rejects(verb, (reason) => reason === signal.reason);
      await assertAbsent(runtime(), stack.name);
    },
  },
  {
    title:
      'an option that a verb does not know, or that is no such option, is refused before anything is done',
    async run({ runtime, app, stackName }) {
      const stack = pooledStack({ name: stackName(), app, replicas: 1 });
      const refused = async (verb: string, call: (options: object) => unknown): Promise<void> => {
        for (const [name, value] of Object.entries({ timeoutMS: 1000, signal: 'now' })) {
          // Some verbs reject, and logs throws: its stream is read later.
          const work = Promise.resolve({ [name]: value }).then(call);
          const error = await rejection(work, 'INVALID_OPTION');
          assert.equal(error.details['path'], `${verb}.${name}`);
        }
      };
      await refused('plan', (options) => runtime().plan(stack, options));
      await refused('up', (options) => runtime().up(stack, options));
      await refused('watch', (options) => runtime().watch(stack, options));
      await assertAbsent(runtime(), stack.name);
      const deployment = await runtime().up(stack);
      await refused('attach', (options) => runtime().attach(stack.name, options));
      await refused('list', (options) => runtime().list(options));
      await refused('status', (options) => deployment.status(options));
      await refused('scale', (options) => deployment.scale('workers', 2, options));
      await refused('repair', (options) => deployment.repair('workers', options));
      await refused('restart', (options) => deployment.restart('workers', options));
      await refused('versions', (options) => deployment.versions('workers', options));
      await refused('rollback', (options) => deployment.rollback('workers', options));
      await refused('logs', (options) => deployment.logs('workers', options));
      await refused('exec', (options) => deployment.exec('workers', ['true'], options));
      await refused('stats', (options) => deployment.stats('workers', options));
      await refused('down', (options) => deployment.down(options));
      await refused('down', (options) => runtime().down(stack, options));
      const { hint } = await rejection(runtime().down(stack, { volume: true } as object), 'INVALID_OPTION');
      assert.match(hint ?? '', /"volumes"/);
      await assertConverged(runtime(), stack);
    },
  },
  {
    title: 'an abort in the middle of up rejects with its reason, and the next up finishes',
    async run({ runtime, app, stackName }) {
      const stack = articleStack({ name: stackName(), app });
      const controller = new AbortController();
      const reason = new Error('enough');
      {
        using _listening = runtime().events.once('step:started', () => controller.abort(reason));
        await assert.rejects(runtime().up(stack, { signal: controller.signal }), (error) => error === reason);
      }
      const deployment = await runtime().up(stack);
      assert.ok((await deployment.status()).healthy);
      await assertConverged(runtime(), stack);
    },
  },
  {
    title: 'an up that does not end by its deadline rejects with TIMEOUT',
    async run({ runtime, app, stackName }) {
      const stack = singleAppStack({ name: stackName(), app });
      const confirm = (): Promise<boolean> => new Promise(() => undefined);
      await rejection(runtime().up(stack, { confirm, timeoutMs: 1000 }), 'TIMEOUT');
      await runtime().up(stack);
      await assertConverged(runtime(), stack);
    },
  },
  {
    title: 'two ups at once both succeed, and the stack is made once',
    async run({ runtime, otherRuntime, app, stackName }) {
      const stack = pooledStack({ name: stackName(), app });
      using ours = recordEvents(runtime().events);
      using theirs = recordEvents(otherRuntime().events);
      const [one, two] = await Promise.all([runtime().up(stack), otherRuntime().up(stack)]);
      assert.equal(one.endpoint('workers').href, two.endpoint('workers').href);
      const { running, containers } = await resourceStatus(one, 'workers');
      assert.equal(running, 2);
      const finished = [ours, theirs].flatMap((each) => each.of('step:finished'));
      assert.equal(finished.filter(({ resource }) => resource === `${stack.name}/workers`).length, 1);
      assert.equal(containers.filter(({ role }) => role === 'worker').length, 2);
      await assertConverged(runtime(), stack);
    },
  },
  {
    title: 'verbs of one runtime on one stack take turns',
    async run({ runtime, app, stackName }) {
      const stack = pooledStack({ name: stackName(), app, replicas: 1 });
      const deployment = await runtime().up(stack);
      await Promise.all([deployment.scale('workers', 3), deployment.scale('workers', 2)]);
      const { desired, running, containers } = await resourceStatus(deployment, 'workers');
      assert.ok(desired === 2 || desired === 3, `${desired} are wanted`);
      assert.equal(running, desired);
      assert.equal(containers.filter(({ role }) => role === 'worker').length, running);
    },
  },
  {
    title: 'a listener that throws harms no verb and no other listener',
    async run({ runtime, app, stackName }) {
      const stack = singleAppStack({ name: stackName(), app });
      using _thrower = runtime().events.on('*', () => {
        throw new PlumbstackError('ENGINE_FAILED', 'a listener that throws.');
      });
      using _rejecter = runtime().events.on('stack:up:started', () =>
        Promise.reject(new Error('another listener')),
      );
      using recorder = recordEvents(runtime().events);
      await runtime().up(stack);
      await recorder.waitFor('stack:up:finished');
      await assertConverged(runtime(), stack);
    },
  },
];
