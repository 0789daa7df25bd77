import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { isPlumbstackError, type PoolOptions, type Stack } from '@plumbstack/core';
import type { LifecycleDeployment } from '@plumbstack/events';
import { recordEvents } from '@plumbstack/testing';
import { docker } from '../../support/docker-cli';
import { eventually, Lab } from '../../support/lab';
import { repeated } from '../../support/repeated';
import { startVisitors } from '../../support/visitors';
import { pickyApp, readyCommand, type PickyApp } from './picky-app';

describe('a pool whose versions are checked in different ways', function () {
  this.timeout(180_000);
  const lab = new Lab();
  afterEach(() => lab.clear());

  function version(stack: Stack, app: PickyApp, pool: Partial<PoolOptions> = {}): Stack {
    const next = lab.again(stack);
    const workers = next.pool('workers', { app: next.app('app', pickyApp(app)), replicas: 3, ...pool });
    next.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/', workers);
    return next;
  }

  /** Brings one version after the other up while visitors ask, none of whom may fail. */
  async function underVisitors(deployment: LifecycleDeployment, work: () => Promise<unknown>): Promise<void> {
    const visitors = startVisitors([deployment.endpoint('web')]);
    let thrown: unknown;
    try {
      await work();
    } catch (error) {
      thrown = error;
    }
    const { answered, failures } = await visitors.leave();
    if (thrown !== undefined) throw thrown as Error;
    assert.deepEqual(failures, []);
    assert.ok(answered > 100, `${answered} answers`);
  }

  async function versions(deployment: LifecycleDeployment): Promise<readonly string[]> {
    const all = Array.from({ length: 12 }, async () => (await fetch(deployment.endpoint('web'))).text());
    return [...new Set(await Promise.all(all))];
  }

  repeated('changes to another health path, and back, without a failed request', async () => {
    const stack = lab.stack();
    const one = { version: '1', health: '/check-one' };
    const two = { version: '2', health: '/check-two', readyMs: 4000 };
    const deployment = await lab.runtime.up(version(stack, one));
    await underVisitors(deployment, async () => {
      await lab.runtime.up(version(stack, two));
      assert.deepEqual(await versions(deployment), ['2']);
      await lab.runtime.up(version(stack, one));
      assert.deepEqual(await versions(deployment), ['1']);
    });
    assert.equal((await lab.runtime.plan(version(stack, one))).isEmpty, true);
  });

  repeated('finishes what a worker was asked before HAProxy was reloaded, and then lets it go', async () => {
    const stack = lab.stack();
    const one = { version: '1', health: '/check-one', endsAtOnce: true };
    const deployment = await lab.runtime.up(version(stack, one));
    const slow = fetch(new URL('/slow', deployment.endpoint('web')));
    await eventually('a worker is asked', async () => {
      const { workers } = await deployment.stats('workers');
      return workers.some(({ sessions }) => sessions > 0) ? true : undefined;
    });
    await lab.runtime.up(version(stack, { version: '2', health: '/check-two' }));
    const answer = await slow;
    assert.deepEqual([answer.status, await answer.text()], [200, '1']);
    assert.deepEqual(await versions(deployment), ['2']);
  });

  repeated('answers on a connection that was idle all the while that the pool changed', async () => {
    const stack = lab.stack();
    const publish = { port: 0, host: '127.0.0.1' };
    const deployment = await lab.runtime.up(
      version(stack, { version: '1', health: '/check-one' }, { publish }),
    );
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      const ask = async (): Promise<readonly [number | undefined, string]> => {
        const [answer] = (await once(get(deployment.endpoint('workers'), { agent }), 'response')) as [
          IncomingMessage,
        ];
        return [answer.statusCode, await text(answer)];
      };
      assert.deepEqual(await ask(), [200, '1']);
      await lab.runtime.up(version(stack, { version: '2', health: '/check-two' }, { publish }));
      assert.deepEqual(await ask(), [200, '2']);
    } finally {
      agent.destroy();
    }
  });

  repeated('goes back from a version that takes requests and never passes its check', async () => {
    const stack = lab.stack();
    const one = { version: '1', health: '/check-one' };
    const deployment = await lab.runtime.up(version(stack, one));
    using events = recordEvents(deployment.events);
    await underVisitors(deployment, () =>
      assert.rejects(
        lab.runtime.up(version(stack, { version: '2', health: '/check-two', readyMs: 'never' })),
        (error) => isPlumbstackError(error, 'UNHEALTHY'),
      ),
    );
    assert.equal(events.of('update:rolledback').length, 1);
    assert.deepEqual(await versions(deployment), ['1']);
    assert.equal((await lab.runtime.plan(version(stack, one))).isEmpty, true);
  });

  repeated("gives no request to a worker that passes HAProxy's check before its command's", async () => {
    const stack = lab.stack();
    const check = { command: readyCommand, intervalMs: 500 };
    const deployment = await lab.runtime.up(version(stack, { version: '1', check }));
    await underVisitors(deployment, () =>
      lab.runtime.up(version(stack, { version: '2', check, readyMs: 3000 })),
    );
    assert.deepEqual(await versions(deployment), ['2']);
  });

  it("tells what a new version's own check said, where it never passed", async () => {
    const stack = lab.stack();
    const check = { command: ['sh', '-c', 'echo no model is loaded; exit 3'], intervalMs: 200, retries: 2 };
    const deployment = await lab.runtime.up(version(stack, { version: '1' }));
    using events = recordEvents(deployment.events);
    await underVisitors(deployment, () =>
      assert.rejects(
        lab.runtime.up(version(stack, { version: '2', check, readyMs: 'never' })),
        (error) =>
          isPlumbstackError(error, 'UNHEALTHY') &&
          /no model is loaded/.test(String(error.details['healthOutput'])),
      ),
    );
    assert.match(events.of('update:rolledback')[0]?.reason ?? '', /no model is loaded/);
  });

  it('gives no request to such a worker in a pool that grows, nor in one whose HAProxy only looks at its port', async () => {
    const stack = lab.stack();
    const app = { version: '1', readyMs: 2500 };
    const deployment = await lab.runtime.up(version(stack, app, { health: { tcp: true } }));
    await underVisitors(deployment, () => deployment.scale('workers', 5));
  });

  repeated('changes to another port without a failed request', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(version(stack, { version: '1', port: 8000 }));
    await underVisitors(deployment, async () => {
      await lab.runtime.up(version(stack, { version: '2', port: 9000, readyMs: 1000 }));
      assert.deepEqual(await versions(deployment), ['2']);
      // On slots of which HAProxy knew another port.
      await lab.runtime.up(
        version(stack, { version: '3', port: 8000 }, { update: { order: 'stop-first', parallelism: 2 } }),
      );
      assert.deepEqual(await versions(deployment), ['3']);
    });
  });

  it('refuses a check that its workers do not pass, and keeps serving', async () => {
    const stack = lab.stack();
    const app = { version: '1', check: { http: '/check', timeoutMs: 500 } };
    const deployment = await lab.runtime.up(version(stack, app));
    const quick = lab.again(stack);
    const pool = quick.pool('workers', {
      app: quick.app('app', { ...pickyApp(app), startTimeoutMs: 2000 }),
      replicas: 3,
      health: { http: '/check-nobody' },
    });
    quick.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/', pool);
    await underVisitors(deployment, () =>
      assert.rejects(
        lab.runtime.up(quick),
        (error) => isPlumbstackError(error, 'UNHEALTHY') && /\/check-nobody/.test(error.message),
      ),
    );
    assert.equal((await lab.runtime.plan(version(stack, app))).isEmpty, true);
  });

  it('has workers that crashed back by itself after such an update, and all of them after HAProxy restarts', async () => {
    const stack = lab.stack();
    await lab.runtime.up(version(stack, { version: '1', health: '/check-one' }));
    const deployment = await lab.runtime.up(version(stack, { version: '2', health: '/check-two' }));
    const url = deployment.endpoint('web');
    const areUp = async (): Promise<true | undefined> => {
      const { workers } = await deployment.stats('workers');
      return workers.filter(({ state }) => state === 'up').length === 3 ? true : undefined;
    };
    await fetch(new URL('/crash', url), { method: 'POST' });
    await eventually('the crashed worker runs again', async () => {
      const counts = await Promise.all(
        (await deployment.status()).resources
          .flatMap(({ containers }) => containers)
          .filter(({ role }) => role === 'worker')
          .map(({ id }) => docker('inspect', '--format', '{{.RestartCount}}', id)),
      );
      return counts.includes('1') ? true : undefined;
    });
    await eventually('it is in again', areUp);
    await docker('restart', `${stack.name}-workers`);
    await eventually('all are in again', areUp);
    assert.deepEqual(await versions(deployment), ['2']);
  });
});
