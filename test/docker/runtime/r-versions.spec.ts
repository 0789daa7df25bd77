import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPlumbstackError, plumber, type PlumbstackError, type Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import type { LifecycleDeployment } from '@plumbstack/events';
import { recordEvents } from '@plumbstack/testing';
import { crash } from '../../support/crash';
import { docker } from '../../support/docker-cli';
import { engineHost } from '../../support/fault-proxy';
import { eventually, Lab } from '../../support/lab';
import { repeats } from '../../support/repeated';
import { startVisitors } from '../../support/visitors';

/** Where a run is to show it of more requests, as the environment's PLUMBSTACK_REPEAT says, so many times as many. */
const enough = 500 * repeats;

const code = (byte: string): string => `
#* @serializer text
#* @get /
#* @post /
function() "${byte}"
`;

describe('R code', function () {
  this.timeout(300_000);
  const lab = new Lab();
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'er-code-'));
  });
  afterEach(() => lab.clear());
  after(() => rm(folder, { recursive: true }));

  const write = (text: string): Promise<void> => writeFile(join(folder, 'plumber.R'), text);

  function described(name: Stack): Stack {
    const stack = lab.again(name, { baseDir: folder });
    const worker = stack.app('worker', plumber('./plumber.R'));
    const workers = stack.pool('workers', { app: worker, replicas: 3, maxConcurrency: 1 });
    stack.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/', workers);
    return stack;
  }

  async function answers(deployment: LifecycleDeployment, entry = 'web'): Promise<readonly string[]> {
    const all = Array.from({ length: 9 }, async () => (await fetch(deployment.endpoint(entry))).text());
    return [...new Set(await Promise.all(all))].sort();
  }

  async function changesByOneByte(runtime: DockerRuntime): Promise<void> {
    const stack = described(lab.stack());
    const { name } = stack;
    await write(code('1'));
    const deployment = await runtime.up(stack);
    assert.deepEqual(await answers(deployment), ['1']);

    await write(code('2'));
    const plan = await runtime.plan(described(stack));
    const [step] = plan.steps.filter(({ kind }) => kind === 'pool');
    assert.ok(
      step?.reasons.some(({ path }) => path.endsWith('code.plumber.R')),
      plan.toString(),
    );
    // Whoever comes back, comes back as what it was.
    await crash(`${name}-workers-2`);
    await eventually('it is back', async () => (await deployment.status()).healthy || undefined);
    assert.deepEqual(await answers(deployment), ['1']);

    const visitors = startVisitors([deployment.endpoint('web')]);
    await runtime.up(described(stack));
    await visitors.settle(enough / 4);
    const { answered, failures } = await visitors.leave();
    assert.deepEqual(failures, []);
    assert.ok(answered >= enough, `${answered} answers`);
    assert.deepEqual(await answers(deployment), ['2']);

    await deployment.rollback('workers');
    assert.deepEqual(await answers(deployment), ['1']);
  }

  it('that changes by one byte is an update without a failed request, and comes back by a rollback', () =>
    changesByOneByte(lab.runtime));

  it('is sent to an engine that is reached over the network', async () => {
    const wire = createServer((socket) => {
      const engine = connect(engineHost.slice('unix://'.length));
      socket.on('error', () => engine.destroy()).on('close', () => engine.destroy());
      engine.on('error', () => socket.destroy()).on('close', () => socket.destroy());
      socket.pipe(engine).pipe(socket);
    });
    await once(wire.listen(0, '127.0.0.1'), 'listening');
    try {
      await using runtime = new DockerRuntime({
        host: `tcp://127.0.0.1:${(wire.address() as AddressInfo).port}`,
      });
      await changesByOneByte(runtime);
    } finally {
      wire.close();
    }
  });

  it('that does not parse is told with R’s line before a worker is taken', async () => {
    const stack = described(lab.stack());
    await write(code('1'));
    const deployment = await lab.runtime.up(stack);
    const before = await docker('ps', '--quiet', '--filter', `name=^${stack.name}-workers`);
    await write('#* @get /\nfunction() {\n  "a" "b"\n}\n');
    const error: unknown = await lab.runtime.up(described(stack)).catch((thrown: unknown) => thrown);
    assert.ok(isPlumbstackError(error, 'IMAGE_BUILD_FAILED'), String(error));
    const { details, resource } = error;
    assert.equal(resource, `${stack.name}/worker`);
    assert.match(
      (details['lastLines'] as readonly string[]).join('\n'),
      /plumber\.R:3:7: unexpected string constant/,
    );
    assert.equal(await docker('ps', '--quiet', '--filter', `name=^${stack.name}-workers`), before);
    assert.deepEqual(await answers(deployment), ['1']);
  });

  /**
   * Watches a stack while what does not parse is saved, under visitors, and then what does.
   * @param isRolling whether the update that follows fails no request either
   */
  async function savedWhileWatched(stack: Stack, entry: string, isRolling: boolean): Promise<void> {
    await write(code('1'));
    const ending = new AbortController();
    const errors: PlumbstackError[] = [];
    using recorder = recordEvents(lab.runtime.events);
    const watching = lab.runtime.watch(stack, {
      signal: ending.signal,
      onError: (error) => errors.push(error),
    });
    try {
      await Promise.race([watching, recorder.waitFor('stack:up:finished', undefined, { timeoutMs: 60_000 })]);
      const deployment = await lab.runtime.attach(stack.name);
      const visitors = startVisitors([deployment.endpoint(entry)]);
      await write('#* @get /\nfunction() {\n  "a" "b"\n}\n');
      await eventually('the error is told', async () => errors[0]);
      assert.match(errors[0]?.message ?? '', /plumber\.R:3:7: unexpected string constant/);
      assert.deepEqual(await answers(deployment, entry), ['1']);
      if (!isRolling) assert.deepEqual((await visitors.leave()).failures, []);
      await write(code('2'));
      await eventually('it is up', async () => recorder.of('stack:up:finished')[1]);
      assert.deepEqual(await answers(deployment, entry), ['2']);
      if (isRolling) assert.deepEqual((await visitors.leave()).failures, []);
    } finally {
      ending.abort();
      await watching;
    }
    assert.ok((await lab.runtime.plan(stack)).isEmpty);
    assert.equal(errors.length, 1);
  }

  it('that is mounted and watched goes on where its successor would not come up, even on one port', async () => {
    const stack = lab.again(lab.stack(), { baseDir: folder });
    stack.app('app', plumber('./plumber.R', { live: true, publish: { port: 0, host: '127.0.0.1' } }));
    await savedWhileWatched(stack, 'app', false);
  });

  it('that is watched is updated when it is saved, and goes on where that does not parse', () =>
    savedWhileWatched(described(lab.stack()), 'web', true));
});
