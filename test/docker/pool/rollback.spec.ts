import assert from 'node:assert/strict';
import { isPlumbstackError, type AppOptions, type Stack } from '@plumbstack/core';
import type { LifecycleDeployment } from '@plumbstack/events';
import { recordEvents } from '@plumbstack/testing';
import { docker } from '../../support/docker-cli';
import { ask, Lab } from '../../support/lab';
import { lightAppOf } from '../../support/light-app';
import { repeated } from '../../support/repeated';
import { startVisitors } from '../../support/visitors';
import { pickyApp } from './picky-app';

describe('a rollback', function () {
  this.timeout(180_000);
  const lab = new Lab();
  afterEach(() => lab.clear());

  function version(stack: Stack, app: AppOptions): Stack {
    const next = lab.again(stack);
    const pool = next.pool('workers', { app: next.app('app', app), replicas: 3 });
    next.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/', pool);
    return next;
  }
  const versionsOf = async (deployment: LifecycleDeployment): Promise<readonly string[]> => {
    const texts = Array.from({ length: 9 }, async () => (await fetch(deployment.endpoint('web'))).text());
    return [...new Set(await Promise.all(texts))];
  };

  repeated('to a version with another health check, from another process, fails no request', async () => {
    const stack = lab.stack();
    await lab.runtime.up(version(stack, pickyApp({ version: '1', health: '/check-one', readyMs: 1500 })));
    const two = version(stack, pickyApp({ version: '2', health: '/check-two' }));
    const deployment = await lab.runtime.up(two);
    const visitors = startVisitors([deployment.endpoint('web')]);
    const attached = await new Lab().runtime.attach(stack.name);
    await attached.rollback('workers');
    const { answered, failures } = await visitors.leave();
    assert.deepEqual(failures, []);
    assert.ok(answered > 100, `${answered} answers`);
    assert.deepEqual(await versionsOf(deployment), ['1']);
    // The program has not changed: its plan says so, and its up brings it again.
    assert.match((await lab.runtime.plan(two)).toString(), /worker\.env\.VERSION: 1 -> 2/);
    await lab.runtime.up(two);
    assert.deepEqual(await versionsOf(deployment), ['2']);
  });

  it('brings back what the workers were given, files and secrets included', async () => {
    const stack = lab.stack();
    const withSecret = (value: string): Stack => {
      const next = lab.again(stack);
      const secret = next.secret('key', { value });
      const app = next.app('app', {
        ...lightAppOf(value.slice(0, 1)),
        secrets: [{ secret, target: '/run/key' }],
        files: [{ target: '/srv/name', content: value.slice(0, 1) }],
      });
      next.pool('workers', { app, replicas: 2, publish: 0 });
      return next;
    };
    await lab.runtime.up(withSecret('a-first-secret'));
    const deployment = await lab.runtime.up(withSecret('b-second-secret'));
    await deployment.rollback('workers');
    const read = async (file: string): Promise<string> =>
      (await deployment.exec('workers', ['cat', file])).stdout;
    assert.equal(await read('/run/key'), 'a-first-secret');
    assert.equal(await read('/srv/name'), 'a');
    assert.equal((await ask(deployment.endpoint('workers'), '/')).version, 'a');
    assert.equal((await lab.runtime.plan(withSecret('a-first-secret'))).isEmpty, true);
  });

  it('leaves an update that was paused half-way', async () => {
    const stack = lab.stack();
    await lab.runtime.up(version(stack, lightAppOf('1')));
    const broken = lab.again(stack);
    const { command } = lightAppOf('2');
    // The second worker of the new version ends at once.
    const onlyFirst = `if (require('node:os').hostname() !== 'workers-4') process.exit(9); ${command?.[2]}`;
    const app = broken.app('app', { ...lightAppOf('2'), command: ['node', '-e', onlyFirst] });
    const pool = broken.pool('workers', { app, replicas: 3, update: { onFailure: 'pause' } });
    broken.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/', pool);
    await assert.rejects(lab.runtime.up(broken), (error) => isPlumbstackError(error, 'START_FAILED'));
    const deployment = await lab.runtime.attach(stack.name);
    const visitors = startVisitors([deployment.endpoint('web')]);
    await deployment.rollback('workers');
    assert.deepEqual((await visitors.leave()).failures, []);
    const answers = await Promise.all(Array.from({ length: 9 }, () => ask(deployment.endpoint('web'), '/')));
    assert.deepEqual([...new Set(answers.map((answer) => answer.version))], ['1']);
    await assert.rejects(deployment.rollback('workers'), (error) => isPlumbstackError(error, 'NOT_FOUND'));
  });

  it('goes to the version that served, past updates that did not come up', async () => {
    const stack = lab.stack();
    await lab.runtime.up(version(stack, pickyApp({ version: '1' })));
    const deployment = await lab.runtime.up(version(stack, pickyApp({ version: '2' })));
    await assert.rejects(lab.runtime.up(version(stack, pickyApp({ version: '3', readyMs: 'never' }))));
    assert.deepEqual(await versionsOf(deployment), ['2']);
    await deployment.rollback('workers');
    assert.deepEqual(await versionsOf(deployment), ['1']);
  });

  it('to any version that is remembered, under load, fails no request', async () => {
    const stack = lab.stack();
    const withSecret = (number: string): Stack => {
      const next = lab.again(stack);
      const secret = next.secret('key', { value: `the secret of ${number}` });
      const app = next.app('app', lightAppOf(number, { secrets: [{ secret, target: '/run/key' }] }));
      const pool = next.pool('workers', { app, replicas: 2, keepVersions: 2 });
      next.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/', pool);
      return next;
    };
    for (const number of ['1', '2', '3']) await lab.runtime.up(withSecret(number));
    const deployment = await new Lab().runtime.attach(stack.name);
    const visitors = startVisitors([deployment.endpoint('web')]);
    const [three, two, one] = await deployment.versions('workers');
    await deployment.rollback('workers', { to: one?.digest.slice(0, 8) ?? '' });
    const { answered, failures } = await visitors.leave();
    assert.deepEqual(failures, []);
    assert.ok(answered > 50, `${answered} answers`);
    assert.equal((await deployment.exec('workers', ['cat', '/run/key'])).stdout, 'the secret of 1');
    const now = await deployment.versions('workers');
    assert.deepEqual(
      now.map(({ digest }) => digest),
      [one?.digest, three?.digest, two?.digest],
    );
    assert.ok((await lab.runtime.plan(withSecret('1'))).isEmpty);
    // A fourth, and what was left first is forgotten with its secret.
    await lab.runtime.up(withSecret('4'));
    const folder = '/etc/plumbstack';
    const held = await docker(
      'exec',
      '--user',
      '0',
      `${stack.name}-workers`,
      'sh',
      '-c',
      `cat ${folder}/contents/*`,
    );
    assert.deepEqual([...held.matchAll(/secret of (.)/g)].map(([, number]) => number).sort(), [
      '1',
      '3',
      '4',
    ]);
    const record = await docker(
      'exec',
      '--user',
      '0',
      `${stack.name}-workers`,
      'cat',
      `${folder}/record.json`,
    );
    const inspected = await docker('inspect', `${stack.name}-workers`);
    for (const text of [record, inspected]) assert.ok(!text.includes('the secret of'));
  });

  it('says that the image of the version before is gone, and changes nothing', async () => {
    const stack = lab.stack();
    const tag = `${stack.name}-old:1`;
    const built = async (comment: string): Promise<void> => {
      const container = await docker('create', 'node:24-slim');
      await docker('commit', '--change', `LABEL made=${comment}`, container, tag);
      await docker('rm', container);
    };
    await built('one');
    await lab.runtime.up(version(stack, { ...lightAppOf('1'), image: tag }));
    const deployment = await lab.runtime.up(version(stack, lightAppOf('2')));
    await docker('image', 'rm', tag);
    using events = recordEvents(deployment.events);
    await assert.rejects(
      deployment.rollback('workers'),
      (error) =>
        isPlumbstackError(error, 'NOT_FOUND') &&
        error.resource === `${stack.name}/workers` &&
        /image of that version is gone/.test(error.message),
    );
    assert.deepEqual(events.of('container:started'), []);
    assert.equal((await lab.runtime.plan(version(stack, lightAppOf('2')))).isEmpty, true);
  });
});
