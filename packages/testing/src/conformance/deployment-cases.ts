import assert from 'node:assert/strict';
import { routerPort, routerTlsPort, Stack, type LogLine } from '@plumbstack/core';
import { recordEvents } from '../event-recorder.js';
import { articleStack, dataStack, pooledStack, singleAppStack } from '../sample-stacks.js';
import type { ConformanceCase } from './conformance-case.js';
import {
  actionOf,
  assertConverged,
  assertNames,
  refusal,
  rejection,
  resourceStatus,
  steady,
} from './expect.js';

/** What a deployment tells, and what its verbs do. */
export const deploymentCases: readonly ConformanceCase[] = [
  {
    title: 'another runtime that attaches sees the same endpoints and status',
    async run({ runtime, otherRuntime, app, stackName }) {
      const stack = articleStack({ name: stackName(), app });
      const ours = await runtime().up(stack);
      const theirs = await otherRuntime().attach(stack.name);
      assert.equal(theirs.stack, stack.name);
      assert.equal(theirs.endpoint('web').href, ours.endpoint('web').href);
      assert.deepEqual(steady(await theirs.status()), steady(await ours.status()));
      await assertConverged(otherRuntime(), stack);
    },
  },
  {
    title: 'a stack that is not up cannot be attached to',
    async run({ runtime, stackName }) {
      const name = stackName();
      assertNames(await rejection(runtime().attach(name), 'NOT_FOUND'), name);
    },
  },
  {
    title: 'list has every stack that is up, with what runs',
    async run({ runtime, otherRuntime, app, stackName }) {
      const stack = pooledStack({ name: stackName(), app, pool: { publish: [] } });
      await runtime().up(stack);
      const summary = (await otherRuntime().list()).find((each) => each.stack === stack.name);
      assert.ok(summary !== undefined, 'it is not listed');
      assert.equal(summary.running, 3);
      assert.equal(summary.containers, 3);
      assert.ok(summary.resources > 0);
    },
  },
  {
    title: 'an endpoint is the URL of the published port, by name or by resource',
    async run({ runtime, app, stackName }) {
      const stack = singleAppStack({ name: stackName(), app });
      const [api = assert.fail('the sample has no app')] = stack.resources;
      const deployment = await runtime().up(stack);
      const url = deployment.endpoint('api');
      assert.equal(url.protocol, 'http:');
      assert.ok(Number(url.port) > 0, url.href);
      assert.equal(deployment.endpoint(api).href, url.href);
      assert.equal(deployment.endpoint('api', app.port ?? 8000).href, url.href);
      const { endpoints } = await resourceStatus(deployment, 'api');
      assert.deepEqual(endpoints, [url.href]);
    },
  },
  {
    title: 'what publishes nothing has no endpoint, and the error says how to get one',
    async run({ runtime, app, stackName }) {
      const deployment = await runtime().up(articleStack({ name: stackName(), app }));
      assert.ok(refusal(() => deployment.endpoint('app2'), 'NOT_FOUND').hint !== undefined);
      assertNames(
        refusal(() => deployment.endpoint('nobody'), 'NOT_FOUND'),
        'app2',
      );
    },
  },
  {
    title: 'of several published ports, the port in the container says which',
    async run({ runtime, app, stackName }) {
      const stack = new Stack(stackName());
      const port = app.port ?? 8000;
      stack.app('api', { ...app, publish: [0, { port: 0, containerPort: port + 1 }] });
      const deployment = await runtime().up(stack);
      const urls = [deployment.endpoint('api', port), deployment.endpoint('api', port + 1)].map(
        ({ href }) => href,
      );
      assert.equal(new Set(urls).size, 2);
      refusal(() => deployment.endpoint('api', port + 2), 'NOT_FOUND');
    },
  },
  {
    title: 'the endpoint of a router with TLS is HTTPS, unless the port of plain HTTP is asked for',
    async run({ runtime, stackName }) {
      const stack = new Stack(stackName());
      const publish = [0, 0].map((port) => ({ port, host: '127.0.0.1' }));
      stack.router('web', { publish, tls: { selfSigned: true } });
      const deployment = await runtime().up(stack);
      const [secure, plain] = [deployment.endpoint('web'), deployment.endpoint('web', routerPort)];
      assert.deepEqual([secure.protocol, plain.protocol], ['https:', 'http:']);
      assert.notEqual(secure.port, plain.port);
      assert.equal(deployment.endpoint('web', routerTlsPort).href, secure.href);
    },
  },
  {
    title: 'scale adds workers, and removes them after they were drained',
    async run({ runtime, app, stackName }) {
      const deployment = await runtime().up(pooledStack({ name: stackName(), app, replicas: 1 }));
      using recorder = recordEvents(deployment.events);
      await deployment.scale('workers', 3);
      const grown = await resourceStatus(deployment, 'workers');
      assert.deepEqual([grown.desired, grown.running, grown.healthy], [3, 3, 3]);
      await recorder.waitFor('pool:scaled', ({ from, to }) => from === 1 && to === 3);
      assert.equal(recorder.of('worker:joined').length, 2);
      await deployment.scale('workers', 1);
      const shrunk = await resourceStatus(deployment, 'workers');
      assert.deepEqual([shrunk.desired, shrunk.running], [1, 1]);
      await recorder.waitFor('pool:scaled', ({ from, to }) => from === 3 && to === 1);
      const gone = recorder.of('worker:left').map(({ worker }) => worker);
      assert.equal(gone.length, 2);
      for (const worker of gone) {
        const told = recorder.events
          .filter((each) => 'worker' in each && each.worker === worker)
          .map(({ type }) => type);
        assert.ok(
          told.indexOf('worker:draining') < told.indexOf('worker:left') && told.includes('worker:draining'),
        );
      }
    },
  },
  {
    title: 'a pool can be scaled to 0 and back',
    async run({ runtime, app, stackName }) {
      const stack = pooledStack({ name: stackName(), app });
      const deployment = await runtime().up(stack);
      const url = deployment.endpoint('workers').href;
      await deployment.scale('workers', 0);
      const none = await resourceStatus(deployment, 'workers');
      assert.deepEqual([none.desired, none.running], [0, 0]);
      await deployment.scale('workers', 2);
      assert.equal(deployment.endpoint('workers').href, url);
      assert.ok((await deployment.status()).healthy);
      await assertConverged(runtime(), stack);
    },
  },
  {
    title: 'the next up sets as many workers as the program says',
    async run({ runtime, app, stackName }) {
      const stack = pooledStack({ name: stackName(), app, replicas: 1 });
      const deployment = await runtime().up(stack);
      await deployment.scale('workers', 3);
      await runtime().up(stack);
      const { desired, running } = await resourceStatus(deployment, 'workers');
      assert.deepEqual([desired, running], [1, 1]);
    },
  },
  {
    title: 'rollback brings a pool back to the version before, and once more to the one it came from',
    async run({ runtime, otherRuntime, app, stackName }) {
      const name = stackName();
      const version = (VERSION: string): Stack =>
        pooledStack({ name, app: { ...app, env: { VERSION } }, replicas: 2 });
      await runtime().up(version('1'));
      await runtime().up(version('2'));
      // From another process, which has seen neither program.
      const attached = await otherRuntime().attach(name);
      using recorder = recordEvents(attached.events);
      await attached.rollback('workers');
      assert.equal(recorder.of('worker:joined').length, 2);
      assert.equal(recorder.of('worker:left').length, 2);
      await assertConverged(runtime(), version('1'));
      assert.equal((await runtime().plan(version('2'))).isEmpty, false);
      await attached.rollback('workers');
      await assertConverged(runtime(), version('2'));
    },
  },
  {
    title: 'versions of a pool are listed newest first, and rollback leads to each of them',
    async run({ runtime, otherRuntime, app, stackName }) {
      const name = stackName();
      const version = (VERSION: string): Stack =>
        pooledStack({ name, app: { ...app, env: { VERSION } }, replicas: 1 });
      const deployment = await runtime().up(version('1'));
      const [first, ...none] = await deployment.versions('workers');
      assert.ok(first !== undefined && first.isCurrent);
      assert.deepEqual(none, []);
      assert.match(first.digest, /^[0-9a-f]{64}$/);
      assert.ok(Math.abs(Date.now() - Date.parse(first.at ?? '')) < 10 * 60_000, first.at);
      assert.match(first.by ?? '', /^.+@.+$/);
      assert.ok(first.source !== '' && first.image !== '');
      await runtime().up(version('2'));
      await runtime().up(version('3'));
      const attached = await otherRuntime().attach(name);
      const digests = async (): Promise<readonly string[]> =>
        (await attached.versions('workers')).map(({ digest }) => digest);
      const [three = '', two = '', one = ''] = await digests();
      assert.equal(one, first.digest);
      await attached.rollback('workers', { to: first });
      await assertConverged(runtime(), version('1'));
      assert.deepEqual(await digests(), [one, three, two]);
      await attached.rollback('workers', { to: two.slice(0, 8) });
      await assertConverged(runtime(), version('2'));
      assert.deepEqual(await digests(), [two, one, three]);
      assertNames(
        await rejection(attached.rollback('workers', { to: '0123456789' }), 'NOT_FOUND'),
        'workers',
      );
      await rejection(attached.rollback('workers', { to: two.slice(0, 7) }), 'INVALID_OPTION');
      await assertConverged(runtime(), version('2'));
    },
  },
  {
    title: 'a rollback keeps the number of workers, and the next up brings what its program says',
    async run({ runtime, app, stackName }) {
      const name = stackName();
      const version = (VERSION: string): Stack =>
        pooledStack({ name, app: { ...app, env: { VERSION } }, replicas: 2 });
      await runtime().up(version('1'));
      const deployment = await runtime().up(version('2'));
      await deployment.scale('workers', 1);
      await deployment.rollback('workers');
      const { desired, running, healthy } = await resourceStatus(deployment, 'workers');
      assert.deepEqual([desired, running, healthy], [1, 1, 1]);
      await runtime().up(version('2'));
      await assertConverged(runtime(), version('2'));
    },
  },
  {
    title: 'a rollback gives workers the secrets that their version was given',
    async run({ runtime, app, stackName }) {
      const name = stackName();
      const version = (value: string, replicas = 2): Stack => {
        const stack = new Stack(name);
        const secret = stack.secret('token', { value });
        const given = stack.app('api', { ...app, secrets: [...(app.secrets ?? []), secret] });
        stack.pool('workers', { app: given, replicas, publish: 0 });
        return stack;
      };
      const plannedFor = async (stack: Stack): Promise<unknown> =>
        actionOf(await runtime().plan(stack), 'workers');
      await runtime().up(version('of the first version'));
      const deployment = await runtime().up(version('of the second version'));
      await deployment.rollback('workers');
      assert.equal(await plannedFor(version('of the first version')), 'keep');
      assert.equal(await plannedFor(version('of the second version')), 'replace');
      // One that is added is like the others.
      await deployment.scale('workers', 3);
      assert.equal(await plannedFor(version('of the first version', 3)), 'keep');
      await deployment.rollback('workers');
      assert.equal(await plannedFor(version('of the second version', 3)), 'keep');
      await assertConverged(runtime(), version('of the second version', 3));
    },
  },
  {
    title: 'a pool that was never updated has no version to go back to',
    async run({ runtime, app, stackName }) {
      const deployment = await runtime().up(pooledStack({ name: stackName(), app, replicas: 1 }));
      const error = await rejection(deployment.rollback('workers'), 'NOT_FOUND');
      assertNames(error, 'workers');
      assert.ok(error.hint !== undefined);
      assertNames(await rejection(deployment.rollback('worker'), 'NOT_FOUND'), 'workers');
      assertNames(await rejection(deployment.versions('worker'), 'NOT_FOUND'), 'workers');
    },
  },
  {
    title: 'a pool that does not exist is not found, and those that do are named',
    async run({ runtime, app, stackName }) {
      const deployment = await runtime().up(pooledStack({ name: stackName(), app, replicas: 1 }));
      assertNames(await rejection(deployment.scale('worker', 2), 'NOT_FOUND'), 'workers');
      assertNames(await rejection(deployment.stats('worker'), 'NOT_FOUND'), 'workers');
    },
  },
  {
    title: 'restart starts the containers again and changes nothing else',
    async run({ runtime, app, stackName }) {
      const stack = articleStack({ name: stackName(), app });
      const deployment = await runtime().up(stack);
      const url = deployment.endpoint('web').href;
      for (const name of ['app2', 'workers']) {
        using recorder = recordEvents(deployment.events);
        await deployment.restart(name);
        await recorder.waitFor('container:started', ({ resource }) => resource === `${stack.name}/${name}`);
      }
      assert.equal(deployment.endpoint('web').href, url);
      assert.ok((await deployment.status()).healthy);
      await assertConverged(runtime(), stack);
      await rejection(deployment.restart('nobody'), 'NOT_FOUND');
    },
  },
  {
    title: 'repair leaves what is well as it is, and does not find what there is not',
    async run({ runtime, otherRuntime, app, stackName }) {
      const stack = articleStack({ name: stackName(), app });
      const deployment = await runtime().up(stack);
      const before = steady(await deployment.status());
      const attached = await otherRuntime().attach(stack.name);
      await attached.repair();
      await attached.repair('workers');
      assert.deepEqual(steady(await deployment.status()), before);
      await assertConverged(runtime(), stack);
      assertNames(await rejection(attached.repair('worker'), 'NOT_FOUND'), 'workers');
    },
  },
  {
    title: 'exec gives what the command wrote and how it ended',
    async run({ runtime, app, command, stackName }) {
      const deployment = await runtime().up(singleAppStack({ name: stackName(), app }));
      assert.deepEqual(await deployment.exec('api', command.run), command.answers);
      await rejection(deployment.exec('nobody', command.run), 'NOT_FOUND');
    },
  },
  {
    title: 'logs have the lines of the containers, with where they come from',
    async run({ runtime, app, startLine, stackName }) {
      const stack = singleAppStack({ name: stackName(), app });
      const deployment = await runtime().up(stack);
      const line = await firstLine(
        deployment.logs('api', { follow: true, signal: AbortSignal.timeout(10_000) }),
        startLine,
      );
      assert.equal(line.resource, `${stack.name}/api`);
      assert.equal(line.stream, 'stdout');
      assert.ok(!Number.isNaN(Date.parse(line.at)), line.at);
      const all = await collect(deployment.logs());
      assert.ok(all.some(({ text }) => text === startLine));
      assert.deepEqual(await collect(deployment.logs('api', { tail: 0 })), []);
      assert.equal((await collect(deployment.logs('api', { tail: 1 }))).length, 1);
      await rejection(collect(deployment.logs('nobody')), 'NOT_FOUND');
    },
  },
  {
    title: 'followed logs end quietly when their signal aborts',
    async run({ runtime, app, startLine, stackName }) {
      const deployment = await runtime().up(singleAppStack({ name: stackName(), app }));
      const controller = new AbortController();
      const seen: string[] = [];
      for await (const { text } of deployment.logs('api', { follow: true, signal: controller.signal })) {
        seen.push(text);
        if (text === startLine) controller.abort();
      }
      assert.equal(seen.at(-1), startLine);
    },
  },
  {
    title: 'stats count every worker of a pool',
    async run({ runtime, app, stackName }) {
      const name = stackName();
      const deployment = await runtime().up(pooledStack({ name, app }));
      const stats = await deployment.stats('workers');
      assert.ok(stats.pool === 'workers' || stats.pool === `${name}/workers`, stats.pool);
      assert.equal(stats.queued, 0);
      assert.equal(stats.workers.filter(({ state }) => state === 'up').length, 2);
    },
  },
  {
    title: 'what was exported from a volume can be imported into another, and what uses it runs again',
    async run({ runtime, app, stackName }) {
      const stacks = [dataStack({ name: stackName(), app }), dataStack({ name: stackName(), app })] as const;
      const [from, to] = [await runtime().up(stacks[0]), await runtime().up(stacks[1])];
      let size = 0;
      const counted = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
        for await (const chunk of from.exportVolume('data')) {
          size += chunk.length;
          yield chunk;
        }
      };
      await to.importVolume('data', counted(), { stop: true });
      assert.ok(size >= 1024, `${size} bytes`);
      const { resources } = await to.status();
      assert.equal(resources.find(({ resource }) => resource.endsWith('/store'))?.healthy, 1);
    },
  },
  {
    title: 'a volume that is in use is not imported into, unless its users are to be stopped',
    async run({ runtime, app, stackName }) {
      const deployment = await runtime().up(dataStack({ name: stackName(), app }));
      const source = deployment.exportVolume('data');
      assertNames(await rejection(deployment.importVolume('data', source), 'INVALID_OPTION'), 'data');
    },
  },
  {
    title: 'a volume that does not exist is not found, and those that do are named',
    async run({ runtime, app, stackName }) {
      const deployment = await runtime().up(dataStack({ name: stackName(), app }));
      const error = await rejection(
        deployment.exportVolume('date')[Symbol.asyncIterator]().next(),
        'NOT_FOUND',
      );
      assertNames(error, 'date');
      assert.match(error.hint ?? '', /data/);
    },
  },
];

async function collect(lines: AsyncIterable<LogLine>): Promise<readonly LogLine[]> {
  const all: LogLine[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

async function firstLine(lines: AsyncIterable<LogLine>, text: string): Promise<LogLine> {
  for await (const line of lines) if (line.text === text) return line;
  return assert.fail(`the logs do not have ${JSON.stringify(text)}`);
}
