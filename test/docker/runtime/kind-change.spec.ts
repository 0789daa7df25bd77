import assert from 'node:assert/strict';
import { isPlumbstackError, type AppOptions, type ResourceStatus, type Stack } from '@plumbstack/core';
import { ask, Lab, leftovers } from '../../support/lab';
import { lightApp, lightAppOf } from '../../support/light-app';
import { startVisitors } from '../../support/visitors';

type Kind = ResourceStatus['kind'];
const loopback = { port: 0, host: '127.0.0.1' } as const;

/** A stack whose `thing` is of a kind, and which has a router to it where it can be routed. */
function described(stack: Stack, kind: Kind, version: string, more: AppOptions = {}): Stack {
  const options = lightAppOf(version, { stopGraceMs: 2000, ...more });
  const other = stack.app('other', lightAppOf(version, { stopGraceMs: 2000 }));
  const router = (): ReturnType<Stack['router']> => stack.router('web', { publish: loopback });
  switch (kind) {
    case 'app':
      router().route('/other/', other).route('/thing/', stack.app('thing', options));
      break;
    case 'pool': {
      const pool = stack.pool('thing', { app: stack.app('worker', options), replicas: 2 });
      router().route('/other/', other).route('/thing/', pool);
      break;
    }
    case 'service':
      stack.service('thing', { image: 'node:24-slim', command: ['sleep', '600'], stopGraceMs: 2000 });
      router().route('/other/', other);
      break;
    case 'router':
      stack.router('thing', { publish: loopback }).route('/other/', other);
      break;
  }
  return stack;
}

describe('a resource that is of another kind now, under the same name', function () {
  this.timeout(120_000);
  const lab = new Lab();
  afterEach(() => lab.clear());
  after(() => lab.runtime[Symbol.asyncDispose]());

  /** All there is of it, without the stack's name before theirs. */
  async function objects({ name }: Stack): Promise<readonly string[]> {
    return (await leftovers(name)).map((each) => each.replace(name, '')).sort();
  }

  const chain: readonly (readonly [Kind, Kind])[] = [
    ['service', 'app'],
    ['app', 'pool'],
    ['pool', 'app'],
    ['app', 'router'],
    ['router', 'pool'],
    ['pool', 'service'],
    ['service', 'router'],
    ['router', 'app'],
    ['app', 'service'],
  ];

  /** What there is of a stack that never was anything else. */
  const known = new Map<Kind, readonly string[]>();
  async function alone(kind: Kind): Promise<readonly string[]> {
    const found = known.get(kind);
    if (found !== undefined) return found;
    const stack = described(lab.stack(), kind, '1');
    await lab.runtime.up(stack);
    const made = await objects(stack);
    known.set(kind, made);
    await lab.runtime.down(stack, { volumes: true });
    return made;
  }

  it('is in the plan as one step that says so, is made, and leaves nothing of what it was', async () => {
    const stack = described(lab.stack(), 'service', '1');
    await lab.runtime.up(stack);
    for (const [from, to] of chain) {
      const next = described(lab.again(stack), to, '1');
      const plan = await lab.runtime.plan(next);
      const steps = plan.steps.filter(({ resource }) => resource === `${stack.name}/thing`);
      assert.deepEqual(
        steps.map(({ action, kind, reasons }) => ({ action, kind, reasons })),
        [{ action: 'replace', kind: to, reasons: [{ path: 'kind', from, to }] }],
        plan.toString(),
      );
      const deployment = await lab.runtime.up(next);
      const { healthy, resources } = await deployment.status();
      assert.ok(healthy, `${from} to ${to}`);
      assert.equal(resources.find(({ resource }) => resource.endsWith('/thing'))?.kind, to);
      if (to === 'app' || to === 'pool') {
        assert.equal((await ask(deployment.endpoint('web'), '/thing/')).version, '1');
      }
      if (to === 'router') assert.equal((await ask(deployment.endpoint('thing'), '/other/')).host, 'other');
      const again = await lab.runtime.plan(next);
      assert.ok(again.isEmpty, again.toString());
      assert.deepEqual(await objects(next), await alone(to), `${from} to ${to}`);
    }
  });

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

  it('goes on as it was where what it should become does not come up', async () => {
    const stack = described(lab.stack(), 'app', '1');
    const deployment = await lab.runtime.up(stack);
    const web = deployment.endpoint('web');
    const broken: AppOptions = { ...lightApp(), command: ['node', '-e', 'process.exit(5)'] };
    const visitors = startVisitors([new URL('/thing/', web)]);
    await assert.rejects(lab.runtime.up(described(lab.again(stack), 'pool', '2', broken)), (error) =>
      isPlumbstackError(error, 'START_FAILED'),
    );
    assert.deepEqual((await visitors.leave()).failures, []);
    assert.equal((await ask(web, '/thing/')).version, '1');
    await lab.runtime.up(described(lab.again(stack), 'pool', '2'));
    assert.equal((await ask(web, '/thing/')).version, '2');
    assert.ok((await lab.runtime.plan(described(lab.again(stack), 'pool', '2'))).isEmpty);
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
