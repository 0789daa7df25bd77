import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stack } from '@plumbstack/core';
import { recordEvents } from '../event-recorder.js';
import { articleStack, dataStack, pooledStack, singleAppStack } from '../sample-stacks.js';
import type { ConformanceCase } from './conformance-case.js';
import {
  actionOf,
  assertAbsent,
  assertConverged,
  assertNames,
  idsOf,
  rejection,
  resourceIn,
  resourceStatus,
  steady,
  withEnv,
} from './expect.js';

const patient = { timeoutMs: 60_000 };

/** What `up` brings about. */
export const upCases: readonly ConformanceCase[] = [
  {
    title: 'after up, everything runs and is healthy',
    async run({ runtime, app, stackName }) {
      const deployment = await runtime().up(articleStack({ name: stackName(), app, replicas: 2 }));
      const status = await deployment.status();
      assert.ok(status.healthy, JSON.stringify(status));
      const counts = ['workers', 'app2', 'web'].map((name) => {
        const { kind, desired, running, healthy } = resourceIn(status, name);
        return [kind, desired, running, healthy];
      });
      assert.deepEqual(counts, [
        ['pool', 2, 2, 2],
        ['app', 1, 1, 1],
        ['router', 1, 1, 1],
      ]);
    },
  },
  {
    title: 'a second up with nothing changed does nothing',
    async run({ runtime, app, stackName }) {
      const stack = articleStack({ name: stackName(), app });
      const first = await (await runtime().up(stack)).status();
      using recorder = recordEvents(runtime().events);
      const second = await (await runtime().up(stack)).status();
      assert.deepEqual(steady(second), steady(first));
      const acted = recorder
        .names()
        .filter((name) => /^(?:step|resource|worker|pool|router|update):/.test(name));
      assert.deepEqual(acted, []);
    },
  },
  {
    title: 'a spec that was written to JSON is the same stack',
    async run({ runtime, app, stackName }) {
      const stack = articleStack({ name: stackName(), app });
      await runtime().up(stack);
      await assertConverged(runtime(), Stack.fromSpec(JSON.parse(JSON.stringify(stack.toSpec()))));
    },
  },
  {
    title: 'an app whose option changed is replaced, and keeps its free port',
    async run({ runtime, app, stackName }) {
      const name = stackName();
      // The one that goes leaves a lower port free, which is none of the other's business.
      const original = new Stack(name);
      original.app('goes', { ...app, publish: 0 });
      original.app('api', { ...withEnv(app, 'one'), publish: 0 });
      const first = await runtime().up(original);
      const before = { url: first.endpoint('api').href, ids: idsOf(await resourceStatus(first, 'api')) };
      const changed = singleAppStack({ name, app: withEnv(app, 'two') });
      const second = await runtime().up(changed);
      assert.equal(second.endpoint('api').href, before.url);
      assert.notDeepEqual(idsOf(await resourceStatus(second, 'api')), before.ids);
      await assertConverged(runtime(), changed);
    },
  },
  {
    title: 'a pool whose app changed gets new workers, as many as before',
    async run({ runtime, app, stackName }) {
      const name = stackName();
      const first = await runtime().up(pooledStack({ name, app: withEnv(app, 'one') }));
      const before = idsOf(await resourceStatus(first, 'workers'));
      const changed = pooledStack({ name, app: withEnv(app, 'two') });
      const second = await runtime().up(changed);
      const { desired, healthy, ...rest } = await resourceStatus(second, 'workers');
      assert.deepEqual([desired, healthy], [2, 2]);
      assert.deepEqual(
        idsOf({ desired, healthy, ...rest }).filter((id) => before.includes(id)),
        [],
      );
      await assertConverged(runtime(), changed);
    },
  },
  {
    title: 'a new route reloads the router, and touches no app',
    async run({ runtime, app, stackName }) {
      const name = stackName();
      const routed = (...prefixes: readonly string[]): Stack => {
        const stack = new Stack(name);
        const api = stack.app('api', app);
        const web = stack.router('web', { publish: { port: 0, host: '127.0.0.1' } });
        for (const prefix of prefixes) web.route(prefix, api);
        return stack;
      };
      const first = await runtime().up(routed('/one/'));
      const ids = idsOf(await resourceStatus(first, 'api'));
      using recorder = recordEvents(runtime().events);
      const second = await runtime().up(routed('/one/', '/two/'));
      assert.deepEqual(idsOf(await resourceStatus(second, 'api')), ids);
      const reloaded = await recorder.waitFor('router:reloaded');
      assert.equal(reloaded.resource, `${name}/web`);
      await assertConverged(runtime(), routed('/one/', '/two/'));
    },
  },
  {
    title: 'a resource that the program no longer has is removed',
    async run({ runtime, app, stackName }) {
      const name = stackName();
      const two = new Stack(name);
      two.app('stays', app);
      two.app('goes', { ...app, publish: 0 });
      await runtime().up(two);
      const one = new Stack(name);
      one.app('stays', app);
      assert.equal(actionOf(await runtime().plan(one), 'goes'), 'delete');
      using recorder = recordEvents(runtime().events);
      const deployment = await runtime().up(one);
      const removed = await recorder.waitFor(
        'resource:removed',
        ({ resource }) => resource === `${name}/goes`,
      );
      assert.equal(removed.stack, name);
      const { resources } = await deployment.status();
      assert.deepEqual(
        resources.map(({ resource }) => resource),
        [`${name}/stays`],
      );
      await assertConverged(runtime(), one);
    },
  },
  {
    title: 'a volume and a generated secret that the program no longer has are kept',
    async run({ runtime, app, stackName }) {
      const full = dataStack({ name: stackName(), app });
      await runtime().up(full);
      await runtime().up(singleAppStack({ name: full.name, app }));
      const plan = await runtime().plan(full);
      assert.deepEqual([actionOf(plan, 'data'), actionOf(plan, 'token')], ['keep', 'keep']);
    },
  },
  {
    title: 'a generated secret of another rotation gets a new value, and what has it is made anew',
    async run({ runtime, app, stackName }) {
      const name = stackName();
      await runtime().up(dataStack({ name, app }));
      const rotated = dataStack({ name, app, rotation: 1 });
      const plan = await runtime().plan(rotated);
      assert.deepEqual(
        ['token', 'store', 'api', 'data'].map((each) => actionOf(plan, each)),
        ['update', 'replace', 'replace', 'keep'],
      );
      await runtime().up(rotated);
      assert.ok((await runtime().plan(rotated)).isEmpty);
    },
  },
  {
    title: 'what others depend on is started first',
    async run({ runtime, app, stackName }) {
      const stack = dataStack({ name: stackName(), app });
      using recorder = recordEvents(runtime().events);
      await runtime().up(stack);
      await recorder.waitFor('container:started', ({ resource }) => resource === `${stack.name}/api`);
      const started = recorder.of('container:started').map(({ resource }) => resource);
      assert.deepEqual([...new Set(started)], [`${stack.name}/store`, `${stack.name}/api`]);
    },
  },
  {
    title: 'an invalid stack never reaches the engine',
    async run({ runtime, app, stackName }) {
      const stack = new Stack(stackName());
      stack.app('api', app);
      stack.app('api', app);
      using recorder = recordEvents(runtime().events);
      assertNames(await rejection(runtime().up(stack), 'INVALID_STACK'), 'api');
      await rejection(runtime().plan(stack), 'INVALID_STACK');
      assert.deepEqual(
        recorder.names().filter((name) => /^(?:step|resource|container):/.test(name)),
        [],
      );
      await assertAbsent(runtime(), stack.name);
    },
  },
  {
    title: 'a host port that another stack holds is refused, with who holds it',
    async run({ runtime, app, stackName }) {
      const holder = singleAppStack({ name: stackName(), app });
      const port = Number((await runtime().up(holder)).endpoint('api').port);
      const other = new Stack(stackName());
      other.app('api', { ...app, publish: port });
      const error = await rejection(runtime().up(other), 'PORT_IN_USE');
      assertNames(error, String(port));
      assertNames(error, holder.name);
      await assertConverged(runtime(), holder);
    },
  },
  {
    title: 'a stack that failed is finished by the next up',
    async run({ runtime, app, stackName }) {
      const holder = singleAppStack({ name: stackName(), app });
      const port = Number((await runtime().up(holder)).endpoint('api').port);
      const stack = new Stack(stackName());
      stack.app('first', app);
      stack.app('second', { ...app, publish: port });
      await rejection(runtime().up(stack), 'PORT_IN_USE');
      await runtime().down(holder);
      const deployment = await runtime().up(stack);
      assert.equal(Number(deployment.endpoint('second').port), port);
      assert.ok((await deployment.status()).healthy);
      await assertConverged(runtime(), stack);
    },
  },
  {
    title: 'watch brings a stack up, again when a file of it is saved, and leaves it up',
    async run({ runtime, app, stackName }) {
      const folder = await mkdtemp(join(tmpdir(), 'plumbstack-conformance-'));
      const source = join(folder, 'settings.txt');
      const ending = new AbortController();
      try {
        await writeFile(source, 'one');
        const files = [...(app.files ?? []), { source, target: '/settings.txt' }];
        const stack = singleAppStack({ name: stackName(), app: { ...app, files } });
        using recorder = recordEvents(runtime().events);
        const watching = runtime().watch(stack, { signal: ending.signal });
        await Promise.race([watching, recorder.waitFor('stack:up:finished', undefined, patient)]);
        const [before] = idsOf(await resourceStatus(await runtime().attach(stack.name), 'api'));
        await writeFile(source, 'two');
        await Promise.race([
          watching,
          recorder.waitFor('stack:up:finished', () => recorder.of('stack:up:finished').length > 1, patient),
        ]);
        const [after] = idsOf(await resourceStatus(await runtime().attach(stack.name), 'api'));
        assert.notEqual(after, before);
        assert.deepEqual(recorder.of('watch:changed')[0]?.paths, [source]);
        ending.abort();
        await watching;
        await assertConverged(runtime(), stack);
      } finally {
        ending.abort();
        await rm(folder, { recursive: true });
      }
    },
  },
];
