import assert from 'node:assert/strict';
import { isPlumbstackError, type AppOptions, type Stack } from '@plumbstack/core';
import { ask, Lab } from '../../support/lab';
import { lightApp, lightAppOf } from '../../support/light-app';
import { startVisitors } from '../../support/visitors';

const loopback = { port: 0, host: '127.0.0.1' } as const;

/** A stack with a router to `thing`, an app or a pool. */
function described(stack: Stack, kind: 'app' | 'pool', version: string): Stack {
  const options = lightAppOf(version, { stopGraceMs: 2000 });
  const thing =
    kind === 'app'
      ? stack.app('thing', options)
      : stack.pool('thing', { app: stack.app('worker', options), replicas: 2 });
  stack.router('web', { publish: loopback }).route('/thing/', thing);
  return stack;
}

describe('a resource that is of another kind now, under the same name', function () {
  this.timeout(120_000);
  const lab = new Lab();
  afterEach(() => lab.clear());
  after(() => lab.runtime[Symbol.asyncDispose]());

  it('serves every request while an app becomes a pool and a pool an app', async () => {
    const stack = described(lab.stack(), 'app', '1');
    const deployment = await lab.runtime.up(stack);
    const web = deployment.endpoint('web');
    const visitors = startVisitors([new URL('/thing/', web)]);
    await lab.runtime.up(described(lab.again(stack), 'pool', '2'));
    assert.equal((await ask(web, '/thing/')).version, '2');
    await lab.runtime.up(described(lab.again(stack), 'app', '3'));
    assert.equal((await ask(web, '/thing/')).version, '3');
    const { answered, failures } = await visitors.leave();
    assert.deepEqual(failures, []);
    assert.ok(answered > 50, `${answered} answers`);
  });
});

describe('an app whose new version listens on another port and does not come up', () => {
  const lab = new Lab();
  afterEach(() => lab.clear());

  it('goes on being asked on the port it has', async () => {
    const stack = lab.stack();
    const version = (of: Stack, thing: AppOptions): Stack => {
      of.router('web', { publish: loopback }).route('/thing/', of.app('thing', thing));
      return of;
    };
    const deployment = await lab.runtime.up(version(stack, lightAppOf('1')));
    const broken = { ...lightApp({ port: 9000 }), command: ['node', '-e', 'process.exit(5)'] };
    await assert.rejects(lab.runtime.up(version(lab.again(stack), broken)), (error) =>
      isPlumbstackError(error, 'START_FAILED'),
    );
    assert.equal((await ask(deployment.endpoint('web'), '/thing/')).version, '1');
    const back = version(lab.again(stack), lightAppOf('1'));
    await lab.runtime.up(back);
    assert.ok((await lab.runtime.plan(back)).isEmpty);
  });
});
