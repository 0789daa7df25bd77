import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { DockerRuntime } from '@plumbstack/docker';
import { assertServes, smallStack } from '../../faults/small-stack';
import { VerbProcess, type VerbEnd, type VerbEvent } from '../../faults/verb-process';
import { FaultProxy, type EngineCall } from '../../support/fault-proxy';
import { Lab } from '../../support/lab';

/** Holds a run at its first call of a name, until it is let go. */
class Stop {
  readonly reached: Promise<void>;
  readonly letGo: () => void;

  constructor(proxy: FaultProxy, name: string) {
    let reach = (): void => undefined;
    let go = (): void => undefined;
    this.reached = new Promise((resolve) => (reach = resolve));
    const gone = new Promise<void>((resolve) => (go = resolve));
    this.letGo = go;
    proxy.watch({
      aboutToSend: async (call) => {
        if (call.name !== name || call.nth !== 1) return undefined;
        reach();
        await gone;
        return undefined;
      },
    });
  }
}

const failureOf = ({ events }: VerbEnd): VerbEvent | undefined =>
  events.find(({ type }) => type === 'verb:failed');
const timeOf = ({ events }: VerbEnd, type: string): string =>
  events.find((each) => each.type === type)?.at ?? '';
const isAboutLease = ({ name }: EngineCall): boolean => name.includes('{stack}.lease');

describe('the lease of a stack', function () {
  this.timeout(120_000);
  const lab = new Lab();
  let proxy: FaultProxy;
  let name: string;
  beforeEach(async () => {
    proxy = await FaultProxy.start();
    name = lab.stack().name;
  });
  afterEach(async () => {
    await lab.clear();
    await proxy[Symbol.asyncDispose]();
  });
  after(() => lab.runtime[Symbol.asyncDispose]());

  const web = async (): Promise<URL> => (await lab.runtime.attach(name)).endpoint('web');

  it('lets two processes change one stack in turns, and tells the second who holds it', async () => {
    const stop = new Stop(proxy, 'POST /containers/create {stack}-web');
    const first = new VerbProcess({ verb: 'up', stack: name, version: '1' }, proxy.host);
    await stop.reached;
    const second = new VerbProcess({ verb: 'up', stack: name, version: '2' });
    const { holder = '' } = await second.event('lock:waiting');
    assert.ok(holder.startsWith(`process ${first.pid} on ${hostname()}`), holder);
    stop.letGo();
    const [one, two] = await Promise.all([first.ended, second.ended]);
    assert.deepEqual([one.exitCode, two.exitCode], [0, 0], failureOf(two)?.message);
    assert.ok(timeOf(two, 'lock:acquired') > timeOf(one, 'step:finished'));
    await assertServes(await web(), '2');
  });

  it('is taken over within five seconds when its holder was killed', async () => {
    const stop = new Stop(proxy, 'POST /containers/create {stack}-web');
    const first = new VerbProcess({ verb: 'up', stack: name, version: '1' }, proxy.host);
    await stop.reached;
    const second = new VerbProcess({ verb: 'up', stack: name, version: '2' });
    await second.event('lock:waiting');
    await first.kill();
    const killed = performance.now();
    await second.event('lock:acquired');
    const waited = performance.now() - killed;
    assert.ok(waited < 5000, `after ${Math.round(waited)} ms`);
    assert.equal((await second.ended).exitCode, 0);
    await assertServes(await web(), '2');
  });

  for (const where of [
    'POST /containers/{stack}-single.next/rename {stack}-single',
    'POST /containers/{stack}-web/kill SIGHUP',
    'POST /containers/{stack}-workers-N/stop',
    'POST /containers/{stack}-workers/exec',
  ]) {
    it(`is lost by a holder that was stopped for ten seconds, which then changes nothing more: ${where}`, async () => {
      await lab.runtime.up(smallStack(name, '1'));
      let stopped = (): void => undefined;
      const wasStopped = new Promise<void>((resolve) => (stopped = resolve));
      const first = new VerbProcess({ verb: 'up', stack: name, version: '2' }, proxy.host);
      proxy.watch({
        aboutToSend: (call) => {
          if (call.name !== where || call.nth !== 1) return undefined;
          first.pause();
          stopped();
          return undefined;
        },
      });
      await wasStopped;
      const end = performance.now() + 10_000;
      const second = await new VerbProcess({ verb: 'up', stack: name, version: '3' }).ended;
      assert.equal(second.exitCode, 0, failureOf(second)?.message);
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, end - performance.now())));
      const before = proxy.calls.length;
      first.resume();
      const lost = await first.ended;
      assert.equal(lost.exitCode, 1);
      assert.equal(failureOf(lost)?.code, 'LOCKED', failureOf(lost)?.message);
      const later = proxy.calls.slice(before).filter((call) => call.isWrite && !isAboutLease(call));
      assert.deepEqual(
        later.map((call) => call.name),
        [],
      );
      await assertServes(await web(), '3');
      assert.ok((await lab.runtime.plan(smallStack(name, '3'))).isEmpty);
    });
  }

  it('is not lost by a holder that was stopped for a second', async () => {
    const first = new VerbProcess({ verb: 'up', stack: name }, proxy.host);
    proxy.watch({
      aboutToSend: ({ name: call }) => {
        if (call !== 'POST /containers/create {stack}-web') return undefined;
        first.pause();
        setTimeout(() => first.resume(), 1000);
        return undefined;
      },
    });
    const { exitCode } = await first.ended;
    assert.equal(exitCode, 0);
    await assertServes(await web(), '1');
  });

  it('is not taken by a run that has nothing to do, which only reads', async function () {
    await lab.runtime.up(smallStack(name));
    await using runtime = new DockerRuntime({ host: proxy.host });
    await runtime.plan(smallStack(name));
    proxy.watch();
    await runtime.up(smallStack(name));
    assert.deepEqual(proxy.writes, []);
    const methods = new Set(proxy.calls.map((call) => call.name.split(' ')[0]));
    assert.deepEqual([...methods], ['GET']);
    if (this.test) this.test.title += ` (${proxy.calls.length} GETs, no other call)`;
  });

  it('that a dead holder left is removed by a run that has nothing else to do', async () => {
    await lab.runtime.up(smallStack(name));
    const stop = new Stop(proxy, 'DELETE /containers/{stack}.lease');
    const holder = new VerbProcess({ verb: 'scale', stack: name, replicas: [2] }, proxy.host);
    await stop.reached;
    await holder.kill();
    await lab.runtime.up(smallStack(name));
    await using runtime = new DockerRuntime({ host: proxy.host });
    proxy.watch();
    await runtime.up(smallStack(name));
    assert.deepEqual(proxy.writes, []);
  });
});
