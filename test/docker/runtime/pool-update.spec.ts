import assert from 'node:assert/strict';
import { isPlumbstackError, type PoolOptions, type Stack } from '@plumbstack/core';
import { recordEvents } from '@plumbstack/testing';
import { ask, Lab } from '../../support/lab';
import { lightApp, lightAppOf } from '../../support/light-app';
import { repeated } from '../../support/repeated';
import { startVisitors } from '../../support/visitors';

describe('an update', () => {
  const lab = new Lab();
  afterEach(() => lab.clear());

  /** A pool and a single app behind a router, in a version. */
  function version(stack: Stack, of: string, update: PoolOptions['update'] = {}): Stack {
    const next = lab.again(stack);
    const pool = next.pool('workers', { app: next.app('pooled', lightAppOf(of)), replicas: 3, update });
    const single = next.app('single', lightAppOf(of));
    next
      .router('web', { publish: { port: 0, host: '127.0.0.1' } })
      .route('/pool/', pool)
      .route('/single/', single);
    return next;
  }

  repeated('of a pool and of a single app loses no request', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(version(stack, '1'));
    const web = deployment.endpoint('web');
    const visitors = startVisitors([new URL('/pool/', web), new URL('/single/', web)]);
    await lab.runtime.up(version(stack, '2'));
    const { answered, failures } = await visitors.leave();
    assert.deepEqual(failures, []);
    assert.ok(answered > 100, `${answered} answers`);
    for (const path of ['/pool/', '/single/']) assert.equal((await ask(web, path)).version, '2');
    assert.equal((await lab.runtime.plan(version(stack, '2'))).isEmpty, true);
  });

  repeated('lets a request that is being answered come to its end', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(version(stack, '1'));
    const web = deployment.endpoint('web');
    const slow = ['/pool/?ms=4000', '/single/?ms=4000'].map((path) => ask(web, path));
    await lab.runtime.up(version(stack, '2'));
    assert.deepEqual(
      (await Promise.all(slow)).map((answer) => answer.version),
      ['1', '1'],
    );
  });

  repeated('of a pool whose new version does not come up goes back to the one before', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(version(stack, '1'));
    const web = deployment.endpoint('web');
    const broken = lab.again(stack);
    // The second worker of the new version fails: the first one has been admitted by then.
    const half = lightApp({ env: { VERSION: '2' }, startTimeoutMs: 20_000 });
    const onlyFirst = `if (require('node:os').hostname() !== 'workers-4') { console.log('the last words'); process.exit(9); } ${half.command?.[2]}`;
    const app = broken.app('pooled', { ...half, command: ['node', '-e', onlyFirst] });
    const pool = broken.pool('workers', { app, replicas: 3 });
    const single = broken.app('single', lightAppOf('1'));
    broken
      .router('web', { publish: { port: 0, host: '127.0.0.1' } })
      .route('/pool/', pool)
      .route('/single/', single);

    using events = recordEvents(deployment.events);
    const visitors = startVisitors([new URL('/pool/', web)]);
    await assert.rejects(
      lab.runtime.up(broken),
      (error) =>
        isPlumbstackError(error, 'START_FAILED') &&
        error.details['exitCode'] === 9 &&
        (error.details['lastLines'] as readonly string[]).includes('the last words'),
    );
    assert.deepEqual((await visitors.leave()).failures, []);
    const [told, ...more] = events.of('update:rolledback');
    assert.deepEqual(more, []);
    assert.match(told?.reason ?? '', /ended with exit code 9\. Its last lines:\n *\| the last words/);
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask(web, '/pool/')));
    assert.deepEqual([...new Set(answers.map((answer) => answer.version))], ['1']);
    assert.equal((await lab.runtime.plan(version(stack, '1'))).isEmpty, true);
  });

  repeated('of a single app whose new version does not come up leaves the old one serving', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(version(stack, '1'));
    const web = deployment.endpoint('web');
    const visitors = startVisitors([new URL('/single/', web)]);
    const next = lab.again(stack);
    const single = next.app('single', { ...lightAppOf('2'), command: ['node', '-e', 'process.exit(5)'] });
    next.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/single/', single);
    await assert.rejects(lab.runtime.up(next), (error) => isPlumbstackError(error, 'START_FAILED'));
    assert.deepEqual((await visitors.leave()).failures, []);
    assert.equal((await ask(web, '/single/')).version, '1');
  });

  repeated('stop-first never has more workers than replicas', async () => {
    const stack = lab.stack();
    const update = { order: 'stop-first', parallelism: 2 } as const;
    await lab.runtime.up(version(stack, '1', update));
    using events = recordEvents(lab.runtime.events);
    await lab.runtime.up(version(stack, '2', update));
    let running = 3;
    for (const { type } of events.events) {
      if (type === 'worker:left') running--;
      if (type === 'worker:joined') running++;
      assert.ok(running <= 3 && running >= 1, `${running} workers`);
    }
    assert.equal(events.of('worker:joined').length, 3);
  });
});
