import assert from 'node:assert/strict';
import fc from 'fast-check';
import { App, Stack, isResource, isStack, plumber } from '@plumbstack/core';
import { arbitraryStack } from '../support/arbitrary-stack';
import { problemsOf, refusedPath } from './refusal';
import { secondCopy } from './second-copy';

function everythingIn(value: unknown): readonly object[] {
  return typeof value !== 'object' || value === null
    ? []
    : [value, ...Object.values(value).flatMap(everythingIn)];
}

describe('a Stack', () => {
  it('has a subnet, its isolation and a base folder only when they are given', () => {
    assert.deepEqual(new Stack('s').toSpec(), { schemaVersion: 1, name: 's', resources: [] });
    const options = { subnet: '10.20.0.0/22', isolation: false, baseDir: '/srv' };
    assert.deepEqual(new Stack('s', options).toSpec(), {
      schemaVersion: 1,
      name: 's',
      ...options,
      resources: [],
    });
  });

  for (const subnet of ['10.0.0.0/16', '192.168.1.0/24', '172.16.0.64/26', '10.255.252.0/22']) {
    it(`takes the subnet ${subnet}`, () => {
      assert.equal(new Stack('s', { subnet }).toSpec().subnet, subnet);
    });
  }

  for (const subnet of [
    '',
    '10.0.0.0',
    '10.0.0.0/15',
    '10.0.0.0/27',
    '10.0.0.0/8',
    '10.0.0.1/24',
    '10.0.1.0/22',
    '10.0.0.32/26',
    '10.0.0/24',
    '256.0.0.0/24',
    '010.0.0.0/24',
    'fd00::/24',
    '10.0.0.0/24 ',
    5,
    null,
  ]) {
    it(`refuses the subnet ${JSON.stringify(subnet)}`, () => {
      assert.equal(
        refusedPath(() => new Stack('s', { subnet: subnet as string })),
        's.subnet',
      );
    });
  }

  it('refuses an isolation that is neither true nor false', () => {
    assert.equal(
      refusedPath(() => new Stack('s', { isolation: 'no' as never })),
      's.isolation',
    );
  });

  it('refuses options that it does not have', () => {
    assert.equal(
      refusedPath(() => new Stack('s', { basedir: '.' } as never)),
      's.basedir',
    );
    assert.equal(
      refusedPath(() => new Stack('s', { baseDir: '' })),
      's.baseDir',
    );
    assert.equal(
      refusedPath(() => new Stack('s', 'x' as never)),
      's',
    );
  });

  it('holds its resources in the order of declaration, and hands out a list of its own', () => {
    const stack = new Stack('s');
    stack.volume('z');
    stack.app('a', { image: 'a' });
    (stack.resources as unknown[]).length = 0;
    assert.deepEqual(
      stack.resources.map(({ name }) => name),
      ['z', 'a'],
    );
  });

  it('is the example of the documentation', () => {
    const stack = new Stack('plumber');
    const data = stack.volume('data');
    const app1 = stack.app('app1', {
      build: './app1',
      mounts: [
        { bind: './data', target: '/data', readOnly: true },
        { volume: data, target: '/cache' },
      ],
    });
    const app2 = stack.app('app2', plumber('./app2/plumber.R'));
    const pool = stack.pool('workers', { app: app1, replicas: 3, sticky: 'cookie', maxConcurrency: 1 });
    stack
      .router('web', { publish: 80, serverName: 'myserver.org' })
      .route('/app1/', pool)
      .route('/app2/', app2);
    assert.deepEqual(
      stack.toSpec().resources.map(({ kind, name }) => `${kind} ${name}`),
      ['volume data', 'app app1', 'app app2', 'pool workers', 'router web'],
    );
  });

  it('gives a spec that nothing can change', () => {
    fc.assert(
      fc.property(arbitraryStack(), (stack) => {
        const spec = stack.toSpec();
        for (const each of everythingIn(spec)) assert.ok(Object.isFrozen(each));
        assert.deepEqual(JSON.parse(JSON.stringify(spec)), spec);
      }),
      { numRuns: 100 },
    );
  });

  it('gives the same spec as often as it is asked, and a spec of its time', () => {
    const stack = new Stack('s');
    const app = stack.app('a', { image: 'a' });
    const router = stack.router('r').route('/a/', app);
    const before = stack.toSpec();
    assert.deepEqual(stack.toSpec(), before);
    router.route('/b/', app);
    const routes = (spec: typeof before): number =>
      spec.resources.flatMap((each) => (each.kind === 'router' ? each.routes : [])).length;
    assert.deepEqual([routes(before), routes(stack.toSpec())], [1, 2]);
  });

  it('is told from everything else, also across two copies of the package', () => {
    const other = secondCopy();
    const theirs = new other.Stack('s');
    const app = theirs.app('a', { image: 'a' });
    assert.ok(isStack(new Stack('s')) && isStack(theirs) && !(theirs instanceof Stack));
    assert.ok(
      isResource(app) &&
        isResource(app, 'app') &&
        !isResource(app, 'pool', 'router') &&
        !(app instanceof App),
    );
    for (const no of [
      undefined,
      null,
      's',
      {},
      app,
      new Stack('s').volume('v'),
      { name: 's', resources: [] },
    ]) {
      assert.ok(!isStack(no));
    }
    for (const no of [undefined, null, 'a', {}, theirs, { kind: 'app', name: 'a' }])
      assert.ok(!isResource(no));
  });
});

describe('a link to another stack', () => {
  const other = new Stack('other');
  const app = other.app('theirs', { image: 'a' });
  const worker = other.app('worker', { image: 'a' });
  const volume = other.volume('v');
  const secret = other.secret('k', { generateBytes: 32 });
  const db = other.service('db', { image: 'a' });

  it('is a problem of whoever holds it, told once with its path', () => {
    const stack = new Stack('s');
    stack.app('a', {
      image: 'a',
      dependsOn: [db],
      mounts: [{ volume, target: '/v' }],
      secrets: [secret, { secret, target: '/k' }],
    });
    stack.pool('p', { app: worker });
    stack.router('r', { tls: { certificate: secret, key: secret } }).route('/', app);
    assert.deepEqual(
      problemsOf(stack).map(({ path, message }) => `${path} ${message}`),
      [
        'a.dependsOn[0] refers to other/db, which belongs to another stack',
        'a.mounts[0].volume refers to other/v, which belongs to another stack',
        'a.secrets[0] refers to other/k, which belongs to another stack',
        'a.secrets[1].secret refers to other/k, which belongs to another stack',
        'p.app refers to other/worker, which belongs to another stack',
        'r.tls.certificate refers to other/k, which belongs to another stack',
        'r.tls.key refers to other/k, which belongs to another stack',
        'r.routes[0].target refers to other/theirs, which belongs to another stack',
      ],
    );
  });

  it('is a problem also where this stack has a resource of that name', () => {
    const stack = new Stack('other');
    stack.app('theirs', { image: 'a' });
    stack.router('r').route('/', app);
    assert.deepEqual(
      problemsOf(stack).map(({ path }) => path),
      ['r.routes[0].target'],
    );
  });
});
