import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { DockerRuntime } from '@plumbstack/docker';
import type { LifecycleDeployment, LifecycleEvent, LifecycleEventName } from '@plumbstack/events';
import { recordEvents } from '@plumbstack/testing';
import { docker, tryDocker } from '../../support/docker-cli';
import { FaultProxy } from '../../support/fault-proxy';
import { ask, eventually, Lab } from '../../support/lab';
import { lightApp } from '../../support/light-app';

/** What is told of a container, or of a worker, as `container:exited web`. */
function words(events: readonly LifecycleEvent[], stack: string): readonly string[] {
  return events
    .filter((event) => /^(?:container|app|worker|stream):/.test(event.type))
    .map((event) =>
      'container' in event ? `${event.type} ${event.container.slice(stack.length + 1)}` : event.type,
    );
}

describe('what happens by itself', function () {
  this.timeout(60_000);
  const lab = new Lab();

  afterEach(() => lab.clear());

  async function upPool(): Promise<LifecycleDeployment> {
    const stack = lab.stack();
    const app = stack.app('app', lightApp());
    const worker = stack.app('worker', lightApp());
    const pool = stack.pool('workers', { app: worker, replicas: 2, maxConcurrency: 1 });
    stack.router('web', { publish: 0 }).route('/app/', app).route('/pool/', pool);
    return lab.runtime.up(stack);
  }

  /** One app whose program is this. */
  async function upProgram(program: string, options: object = {}): Promise<LifecycleDeployment> {
    const stack = lab.stack();
    stack.service('job', {
      image: 'node:24-slim',
      command: ['node', '-e', program],
      restart: 'no',
      ...options,
    });
    return lab.runtime.up(stack);
  }

  it('is told: a crash, with its exit code, and the start that follows', async () => {
    const deployment = await upPool();
    using recorder = recordEvents(deployment.events);
    await ask(deployment.endpoint('web'), '/app/crash').catch(() => undefined);
    const exited = await recorder.waitFor('container:exited');
    assert.equal(exited.container, `${deployment.stack}-app`);
    assert.equal(exited.exitCode, 7);
    assert.equal(exited.oomKilled, false);
    await recorder.waitFor('container:started');
    await recorder.waitFor('app:healthy');
    assert.deepEqual(words(recorder.events, deployment.stack), [
      'container:exited app',
      'container:started app',
      'app:healthy app',
    ]);
  });

  it('is told: an end for want of memory', async () => {
    const grow =
      'const all = []; setTimeout(() => setInterval(() => all.push(Buffer.alloc(5e6, 1)), 5), 1500)';
    const deployment = await upProgram(grow, { resources: { memoryBytes: 60 * 1024 * 1024 } });
    using recorder = recordEvents(deployment.events);
    const { exitCode, oomKilled } = await recorder.waitFor('container:exited');
    assert.deepEqual({ exitCode, oomKilled }, { exitCode: 137, oomKilled: true });
  });

  it('is told of what somebody does by docker, each thing once', async () => {
    const deployment = await upPool();
    const name = (last: string): string => `${deployment.stack}-${last}`;
    using recorder = recordEvents(deployment.events);
    const does = async (
      told: readonly LifecycleEventName[],
      ...command: readonly string[]
    ): Promise<void> => {
      recorder.clear();
      await docker(...command);
      for (const each of told) await recorder.waitFor(each);
      const about = words(recorder.events, deployment.stack).filter((each) => each.startsWith('container:'));
      assert.deepEqual(
        about,
        told.map((each) => `${each} ${command.at(-1)?.slice(deployment.stack.length + 1)}`),
        command.join(' '),
      );
    };
    await does(['container:stopped'], 'stop', name('app'));
    await does(['container:started'], 'start', name('app'));
    await does(['container:stopped', 'container:started'], 'restart', name('app'));
    await does(['container:paused'], 'pause', name('app'));
    await does(['container:unpaused'], 'unpause', name('app'));
    await does(['container:disconnected'], 'network', 'disconnect', `${deployment.stack}_app`, name('app'));
    await does(['container:stopped'], 'kill', name('workers-1'));
    await does(['container:removed'], 'rm', name('workers-1'));
    await does(['container:stopped', 'container:removed'], 'rm', '--force', name('workers-2'));
    await does(['container:stopped', 'container:started'], 'restart', name('web'));
  });

  it('is told of workers as their HAProxy sees them', async () => {
    const deployment = await upPool();
    using recorder = recordEvents(deployment.events);
    // Stands still, and is not dead: only its health check notices.
    await docker('exec', `${deployment.stack}-workers-1`, 'sh', '-c', 'kill -STOP $(pidof node)').catch(() =>
      docker('pause', `${deployment.stack}-workers-1`),
    );
    await docker('kill', `${deployment.stack}-workers-2`);
    const down = await recorder.waitFor('worker:unhealthy', ({ worker }) => worker === 'w2');
    assert.equal(down.container, `${deployment.stack}-workers-2`);
    await docker('start', `${deployment.stack}-workers-2`);
    await recorder.waitFor('worker:recovered', ({ worker }) => worker === 'w2');
    assert.equal(recorder.of('worker:joined').length, 0);
  });

  it('is told of requests that wait, until none does', async () => {
    const deployment = await upPool();
    using recorder = recordEvents(deployment.events);
    const url = deployment.endpoint('web');
    const asked = Array.from({ length: 8 }, () => ask(url, '/pool/slow?ms=800'));
    const { resource, queued } = await recorder.waitFor('pool:queue', (event) => event.queued > 0);
    assert.equal(resource, `${deployment.stack}/workers`);
    assert.ok(queued <= 6, String(queued));
    await Promise.all(asked);
    await recorder.waitFor('pool:queue', (event) => event.queued === 0);
  });

  it('is told of the health that the engine checks', async () => {
    const check = { command: ['test', '!', '-e', '/tmp/ill'], intervalMs: 300, retries: 2 };
    const deployment = await upProgram('setInterval(() => {}, 1000)', { health: check });
    using recorder = recordEvents(deployment.events);
    await docker('exec', `${deployment.stack}-job`, 'touch', '/tmp/ill');
    await recorder.waitFor('app:unhealthy');
    await docker('exec', `${deployment.stack}-job`, 'rm', '/tmp/ill');
    await recorder.waitFor('app:healthy');
    assert.deepEqual(words(recorder.events, deployment.stack), ['app:unhealthy job', 'app:healthy job']);
  });

  it('is told of an app that runs and answers no more', async () => {
    const stack = lab.stack();
    const server = `const server = require('node:http').createServer((_, answer) => answer.end('x')).listen(8000);
      setTimeout(() => { server.close(); server.closeAllConnections(); setTimeout(() => server.listen(8000), 5000); }, 3000);`;
    stack.app('app', {
      image: 'node:24-slim',
      command: ['node', '-e', server],
      health: { tcp: true, intervalMs: 200, retries: 3 },
    });
    const deployment = await lab.runtime.up(stack);
    using recorder = recordEvents(deployment.events);
    await recorder.waitFor('app:unhealthy');
    await recorder.waitFor('app:healthy');
    assert.deepEqual(words(recorder.events, stack.name), ['app:unhealthy app', 'app:healthy app']);
  });

  it('is not told once more of what a verb of this process did', async () => {
    const stack = lab.stack();
    const describeStack = (version: string): typeof stack => {
      const described = lab.again(stack);
      const app = described.app('app', lightApp({ env: { VERSION: version } }));
      const worker = described.app('worker', lightApp({ env: { VERSION: version } }));
      const pool = described.pool('workers', { app: worker, replicas: 2 });
      described.router('web', { publish: 0 }).route('/app/', app).route('/pool/', pool);
      return described;
    };
    const deployment = await lab.runtime.up(describeStack('1'));
    using recorder = recordEvents(deployment.events);
    await docker('pause', `${stack.name}-app`);
    await recorder.waitFor('container:paused');
    const engine = await EngineLog.start(stack.name);
    await lab.runtime.up(describeStack('2'));
    await deployment.scale('workers', 4);
    await deployment.restart('workers');
    await deployment.restart('app');
    await deployment.scale('workers', 1);
    // What comes after everything else: once it was told, nothing is on its way any more.
    await docker('kill', `${stack.name}-app`);
    await recorder.waitFor('container:stopped');
    const happened = await engine.stop();
    const starts = happened.filter((each) => each === 'start').length;
    assert.equal(recorder.of('container:started').length, starts);
    assert.equal(recorder.of('container:stopped').length, 1);
    for (const never of ['container:exited', 'container:removed', 'worker:unhealthy', 'stream:gap'] as const)
      assert.deepEqual(recorder.of(never), []);
    const joins = recorder.of('worker:joined').map(({ worker }) => worker);
    const lefts = recorder.of('worker:left').map(({ worker }) => worker);
    assert.equal(joins.length, 2 + 2 + 4, joins.join());
    assert.equal(lefts.length, 2 + 3, lefts.join());
  });

  it('is told to another process too, of the verbs of this one', async () => {
    const deployment = await upPool();
    await using other = new DockerRuntime();
    const theirs = await other.attach(deployment.stack);
    using recorder = recordEvents(theirs.events);
    await docker('pause', `${deployment.stack}-app`);
    await recorder.waitFor('container:paused');
    await deployment.scale('workers', 3);
    await recorder.waitFor('worker:joined', ({ worker }) => worker === 'w3');
    await deployment.scale('workers', 2);
    await recorder.waitFor('worker:left', ({ worker }) => worker === 'w3');
    const about = words(recorder.events, deployment.stack).filter((each) => each.endsWith('workers-3'));
    assert.deepEqual(
      about.filter((each) => !each.startsWith('worker:draining')),
      [
        'container:started workers-3',
        'worker:joined workers-3',
        'container:stopped workers-3',
        'container:removed workers-3',
        'worker:left workers-3',
      ],
    );
  });

  it('is told of each stack that somebody listens to, and of no other', async () => {
    const [ours, theirs] = [
      await upProgram('setInterval(() => {}, 1000)'),
      await upProgram('setInterval(() => {}, 1000)'),
    ];
    using recorder = recordEvents(ours.events);
    await docker('pause', `${theirs.stack}-job`);
    await docker('pause', `${ours.stack}-job`);
    await recorder.waitFor('container:paused');
    assert.deepEqual([...new Set(recorder.events.map(({ stack }) => stack))], [ours.stack]);
  });
});

describe('a connection to the engine', function () {
  this.timeout(60_000);

  async function withProxy(
    run: (proxy: FaultProxy, deployment: LifecycleDeployment) => Promise<void>,
  ): Promise<void> {
    await using proxy = await FaultProxy.start();
    const lab = new Lab({ host: proxy.host });
    try {
      const stack = lab.stack();
      for (const name of ['one', 'two']) {
        const job = { image: 'node:24-slim', command: ['node', '-e', 'setInterval(() => {}, 1000)'] };
        stack.service(name, { ...job, stopGraceMs: 0 });
      }
      await run(proxy, await lab.runtime.up(stack));
    } finally {
      proxy.watch();
      await lab.clear();
      await lab.runtime[Symbol.asyncDispose]();
    }
  }

  it('that is cut again and again loses no event and tells none twice', async () => {
    await withProxy(async (proxy, deployment) => {
      using recorder = recordEvents(deployment.events);
      await docker('pause', `${deployment.stack}-one`);
      await recorder.waitFor('container:paused');
      await docker('unpause', `${deployment.stack}-one`);
      await recorder.waitFor('container:unpaused');
      recorder.clear();
      for (let round = 0; round < 6; round++) {
        proxy.cut();
        await docker('pause', `${deployment.stack}-two`);
        if (round % 2 === 0) proxy.cut();
        await docker('unpause', `${deployment.stack}-two`);
      }
      await docker('kill', `${deployment.stack}-two`);
      await recorder.waitFor('container:stopped');
      const twelve = Array.from({ length: 6 }, () => [
        'container:paused two',
        'container:unpaused two',
      ]).flat();
      assert.deepEqual(
        words(recorder.events, deployment.stack).filter((each) => !each.startsWith('stream:')),
        [...twelve, 'container:stopped two'],
      );
      assert.deepEqual(recorder.of('stream:gap'), []);
    });
  });

  it('that dies without a word is noticed, and what was missed is told', async () => {
    await withProxy(async (proxy, deployment) => {
      using recorder = recordEvents(deployment.events);
      await docker('pause', `${deployment.stack}-one`);
      await recorder.waitFor('container:paused');
      proxy.silence();
      await docker('kill', `${deployment.stack}-two`);
      const { exitCode } = await recorder.waitFor('container:stopped', () => true, { timeoutMs: 20_000 });
      assert.equal(exitCode, 137);
      assert.equal(recorder.of('container:stopped').length, 1);
    });
  });

  it('that stays away is told of, and its end too', async () => {
    await withProxy(async (proxy, deployment) => {
      using recorder = recordEvents(deployment.events);
      await docker('pause', `${deployment.stack}-one`);
      await recorder.waitFor('container:paused');
      proxy.watch({ aboutToSend: ({ name }) => (name.startsWith('GET /events') ? 'unsent' : undefined) });
      proxy.cut();
      await recorder.waitFor('stream:stale');
      await docker('unpause', `${deployment.stack}-one`);
      proxy.watch();
      const { durationMs } = await recorder.waitFor('stream:recovered');
      assert.ok(durationMs >= 1000, String(durationMs));
      assert.equal(recorder.of('container:unpaused').length, 1);
    });
  });

  it('with ten thousand events at once tells all of ours, in order, whoever reads or does not', async () => {
    await withProxy(async (proxy, deployment) => {
      using recorder = recordEvents(deployment.events);
      const controller = new AbortController();
      const { signal } = controller;
      const paused = deployment.events.stream({ signal, bufferSize: 10 })[Symbol.asyncIterator]();
      await docker('pause', `${deployment.stack}-one`);
      await recorder.waitFor('container:paused');
      recorder.clear();
      const id = await docker('inspect', '--format', '{{.Id}}', `${deployment.stack}-one`);
      const Attributes = {
        name: `${deployment.stack}-one`,
        ...(JSON.parse(
          await docker('inspect', '--format', '{{json .Config.Labels}}', `${deployment.stack}-one`),
        ) as object),
      };
      const nanos = BigInt(Date.now()) * 1_000_000n;
      const flood = Array.from({ length: 10_000 }, (_, index) =>
        JSON.stringify({
          Type: 'container',
          Action: index % 2 === 0 ? 'unpause' : 'pause',
          Actor: { ID: id, Attributes },
          // Written apart: it is more than a number holds.
          timeNano: 0,
        }).replace('"timeNano":0', `"timeNano":${nanos + BigInt(index)}`),
      );
      proxy.inject(`${flood.join('\n')}\n`);
      await docker('unpause', `${deployment.stack}-one`);
      await docker('kill', `${deployment.stack}-one`);
      await recorder.waitFor('container:stopped', () => true, { timeoutMs: 30_000 });
      const told = recorder.events.filter(({ type }) => type.startsWith('container:'));
      assert.equal(told.length, 10_002);
      told.slice(0, 10_001).forEach(({ type }, index) => {
        assert.equal(type, index % 2 === 0 ? 'container:unpaused' : 'container:paused', String(index));
      });
      // Who did not read is told how much it has missed, and gets the last ones.
      const first = (await paused.next()).value as LifecycleEvent;
      assert.equal(first.type, 'stream:gap');
      controller.abort();
    });
  });
});

describe('a program that listens', function () {
  this.timeout(60_000);
  const lab = new Lab();

  after(() => lab.clear());

  it('ends by itself; one that awaits a stream goes on until it is told', async () => {
    const stack = lab.stack();
    stack.service('job', {
      image: 'node:24-slim',
      command: ['node', '-e', 'setInterval(() => {}, 1000)'],
      stopGraceMs: 0,
    });
    await lab.runtime.up(stack);
    const listens = await Program.start(stack.name, 'listen');
    assert.equal(await listens.ended, 0);
    const awaits = await Program.start(stack.name, 'await');
    await eventually('it has begun', () => Promise.resolve(awaits.output.includes('ready') || undefined));
    // Until it listens: somebody pauses and unpauses, and it says which it was told of first.
    for (let round = 0; round < 50 && awaits.isRunning; round++) {
      await tryDocker('pause', `${stack.name}-job`);
      await tryDocker('unpause', `${stack.name}-job`);
    }
    assert.equal(await awaits.ended, 0);
    assert.match(awaits.output, /told container:(?:un)?paused/);
  });
});

/** The plain `docker events` of a stack's containers, beside us. */
class EngineLog {
  readonly #program;
  #text = '';

  private constructor(stack: string) {
    const filters = ['--filter', 'type=container', '--filter', `label=io.plumbstack.stack=${stack}`];
    this.#program = spawn('docker', ['events', ...filters, '--format', '{{.Action}}']);
    this.#program.stdout.on('data', (chunk: Buffer) => (this.#text += chunk.toString()));
  }

  static async start(stack: string): Promise<EngineLog> {
    const log = new EngineLog(stack);
    // It says nothing when it begins to listen: something is made to happen until it has heard of it.
    await eventually('docker events listens', async () => {
      await docker('exec', `${stack}-workers-1`, 'true');
      return log.#text.includes('exec_') || undefined;
    });
    return log;
  }

  async stop(): Promise<readonly string[]> {
    await eventually('the last word', () => Promise.resolve(this.#text.includes('kill') || undefined));
    this.#program.kill();
    await once(this.#program, 'close');
    return this.#text.split('\n');
  }
}

/** A process that attaches to a stack and listens. */
class Program {
  output = '';
  isRunning = true;
  readonly ended: Promise<number | null>;

  private constructor(stack: string, how: 'listen' | 'await') {
    const file = join(__dirname, '../../support/listening-program.ts');
    const program = spawn(
      process.execPath,
      ['--require', 'ts-node/register/transpile-only', file, stack, how],
      {
        cwd: join(__dirname, '../..'),
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    program.stdout.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.ended = once(program, 'close').then(([code]) => {
      this.isRunning = false;
      return code as number | null;
    });
  }

  static start(stack: string, how: 'listen' | 'await'): Promise<Program> {
    return Promise.resolve(new Program(stack, how));
  }
}
