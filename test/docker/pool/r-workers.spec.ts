import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plumber, type PoolOptions } from '@plumbstack/core';
import type { LifecycleDeployment } from '@plumbstack/events';
import { docker } from '../../support/docker-cli';
import { eventually, Lab } from '../../support/lab';

const image = 'rstudio/plumber:latest';
const api = `
#* @get /who
#* @serializer unboxedJSON
function() Sys.info()[["nodename"]]
#* @get /compute
#* @serializer unboxedJSON
function(seconds) { end <- Sys.time() + as.numeric(seconds); while (Sys.time() < end) sqrt(2); Sys.info()[["nodename"]] }
#* @get /eat
function() { all <- list(); for (i in 1:100) all[[i]] <- rep(runif(1), 5e6); length(all) }
`;

describe('a pool of single-threaded R', function () {
  this.timeout(240_000);
  const lab = new Lab();
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plumbstack-r-'));
    await writeFile(join(folder, 'api.R'), api);
  });
  afterEach(() => lab.clear());
  after(() => rm(folder, { recursive: true }));

  async function up(pool: Partial<PoolOptions>): Promise<LifecycleDeployment> {
    const stack = lab.stack({ baseDir: folder });
    const app = stack.app('app', plumber('./api.R', { image, resources: { memoryBytes: 400_000_000 } }));
    const workers = stack.pool('workers', { app, replicas: 2, maxConcurrency: 1, ...pool });
    stack.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/r/', workers);
    return lab.runtime.up(stack);
  }
  const get = (deployment: LifecycleDeployment, path: string): Promise<Response> =>
    fetch(new URL(`/r/${path}`, deployment.endpoint('web')));
  const statesOf = async (deployment: LifecycleDeployment): Promise<string> =>
    (await deployment.stats('workers')).workers.map(({ state }) => state).join();
  const untilAllUp = (deployment: LifecycleDeployment): Promise<true> =>
    eventually(
      'both are up',
      async () => ((await statesOf(deployment)) === 'up,up' ? true : undefined),
      60_000,
    );
  const untilQueued = (deployment: LifecycleDeployment, sessions: number): Promise<true> =>
    eventually('they are there', async () =>
      (await deployment.stats('workers')).sessions === sessions ? true : undefined,
    );

  it('lets requests wait in one queue of limited length and time, and says when to come back', async () => {
    const deployment = await up({ queue: { limit: 1, timeoutMs: 1500 } });
    const computing = [get(deployment, 'compute?seconds=6'), get(deployment, 'compute?seconds=6')];
    await untilQueued(deployment, 2);
    const waiting = get(deployment, 'who');
    await untilQueued(deployment, 3);
    const tooMany = await get(deployment, 'who');
    assert.deepEqual([tooMany.status, tooMany.headers.get('retry-after')], [503, '5']);
    const tooLong = await waiting;
    assert.deepEqual([tooLong.status, tooLong.headers.get('retry-after')], [503, '5']);
    const answers = await Promise.all(computing);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200],
    );
    const hosts = await Promise.all(answers.map((each) => each.json() as Promise<string>));
    assert.deepEqual(hosts.sort(), ['workers-1', 'workers-2']);
  });

  for (const [title, health] of [
    ['its port', { tcp: true, intervalMs: 200, timeoutMs: 300, retries: 1 }],
    ['an answer', { http: '/who', intervalMs: 200, timeoutMs: 300, retries: 1 }],
  ] as const) {
    it(`does not take a computing worker for a dead one, checked by ${title}`, async () => {
      const deployment = await up({ health });
      const computing = [get(deployment, 'compute?seconds=5'), get(deployment, 'compute?seconds=5')];
      await untilQueued(deployment, 2);
      // Waits its turn rather than being told that nobody is there.
      const waiting = get(deployment, 'who');
      const states = new Set<string>();
      let ended = false;
      const all = Promise.all(computing).finally(() => (ended = true));
      while (!ended) states.add(await statesOf(deployment));
      assert.deepEqual([...states], ['up,up']);
      assert.deepEqual(
        [...(await all), await waiting].map(({ status }) => status),
        [200, 200, 200],
      );
    });
  }

  it('asks another one for what a wedged worker holds, and takes it out until it answers', async () => {
    const health = { http: '/who', intervalMs: 200, timeoutMs: 1000, retries: 1 };
    const deployment = await up({ health, timeoutMs: 3000 });
    const worker = `${deployment.stack}-workers-1`;
    await docker('pause', worker);
    try {
      const answers = await Promise.all([get(deployment, 'who'), get(deployment, 'who')]);
      for (const each of answers) assert.equal(await each.json(), 'workers-2');
      await eventually('it is out', async () =>
        (await statesOf(deployment)) === 'down,up' ? true : undefined,
      );
    } finally {
      await docker('unpause', worker);
    }
    await untilAllUp(deployment);
  });

  it('has a worker back that was killed, or ran out of memory, with nobody to look after it', async () => {
    const deployment = await up({});
    const workers = [1, 2].map((number) => `${deployment.stack}-workers-${number}`);
    const restarts = async (): Promise<number> => {
      const counts = workers.map((each) => docker('inspect', '--format', '{{.RestartCount}}', each));
      return (await Promise.all(counts)).reduce((sum, each) => sum + Number(each), 0);
    };
    await docker('exec', workers[0] ?? '', 'bash', '-c', 'kill -9 $(pgrep -x R)').catch(() =>
      docker('exec', workers[0] ?? '', 'sh', '-c', 'kill -9 -1'),
    );
    await eventually('it runs again', async () => ((await restarts()) === 1 ? true : undefined));
    await untilAllUp(deployment);
    // Both are asked, because a GET is asked again elsewhere.
    const fate = await get(deployment, 'eat');
    assert.ok(fate.status >= 500, `${fate.status}`);
    await eventually('who was asked runs again', async () => ((await restarts()) >= 2 ? true : undefined));
    // HAProxy may look a moment later than the last of them ended.
    await eventually('they answer', async () =>
      (await get(deployment, 'who')).status === 200 ? true : undefined,
    );
    await untilAllUp(deployment);
  });
});
