import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Stack, isPlumbstackError } from '@plumbstack/core';
import { arbitraryStack } from '../support/arbitrary-stack';
import { problemsOf } from './refusal';

const image = 'nginx:1.30';
const told = (stack: Stack): readonly string[] =>
  problemsOf(stack).map(({ path, message }) => `${path} ${message}`);

describe('validate', () => {
  it('finds nothing wrong with a valid stack', () => {
    fc.assert(
      fc.property(arbitraryStack(), (stack) => stack.validate()),
      { numRuns: 100 },
    );
  });

  it('wants exactly one of image and build', () => {
    const stack = new Stack('s');
    stack.app('both', { image, build: '.' });
    stack.service('neither', {});
    assert.deepEqual(told(stack), ['both has both image and build', 'neither has neither image nor build']);
  });

  it('wants a name of its own for each resource', () => {
    const stack = new Stack('s');
    stack.app('a', { image });
    stack.volume('a');
    stack.volume('a');
    assert.deepEqual(
      told(stack),
      ['a names both a app and a volume', 'a names both a app and a volume'].map((each) =>
        each.replace('a app', 'an app'),
      ),
    );
  });

  it('refuses what depends on the address of visitors who come over IPv6', () => {
    const stack = new Stack('s');
    const app = stack.app('app', { image });
    const sticky = stack.pool('sticky', {
      app: stack.app('pooled', { image }),
      sticky: 'source',
      publish: { port: 81, host: '::1' },
    });
    stack
      .router('web', {
        publish: [80, { port: 80, host: '::' }],
        maintenance: { except: ['192.0.2.1'] },
      })
      .route('/', app)
      .route('/a/', app, { allow: ['10.0.0.0/8'] })
      .route('/d/', app, { deny: ['10.0.0.0/8'], rateLimit: { requestsPerSecond: 1 } })
      .route('/m/', app, { maintenance: { except: ['192.0.2.1'] } })
      .route('/s/', sticky);
    stack.router('ipv4', { publish: 82 }).route('/', app, { allow: ['10.0.0.0/8'] });
    assert.deepEqual(
      problemsOf(stack).map(({ path }) => path),
      [
        'sticky.publish',
        'web.maintenance.except',
        'web.routes[1].allow',
        'web.routes[2].deny',
        'web.routes[2].rateLimit',
        'web.routes[3].maintenance.except',
        'web.routes[4].target',
      ],
    );
  });

  it('keeps the names of workers free', () => {
    const stack = new Stack('s');
    const pool = stack.pool('p', { app: stack.app('worker', { image }) });
    stack.app('p-12', { image, dependsOn: [pool] });
    stack.app('p-a', { image });
    stack.app('p-1a', { image });
    assert.deepEqual(told(stack), ['p-12 is the name that a worker of the pool p gets']);
  });

  it('wants each host port once', () => {
    const stack = new Stack('s');
    const app = stack.app('a', { image });
    stack.router('r', { publish: [80, 443] });
    stack.service('db', { image, publish: [5432, 443] });
    stack.pool('p', { app, publish: 5432, stats: 80 });
    assert.deepEqual(told(stack), [
      'db.publish[1] publishes port 443, which r.publish[1] publishes too',
      'p.publish publishes port 5432, which db.publish[0] publishes too',
      'p.stats publishes port 80, which r.publish[0] publishes too',
    ]);
  });

  it('wants a pooled app to be reached through its pool', () => {
    const stack = new Stack('s');
    const app = stack.app('a', { image, publish: 80 });
    stack.pool('p', { app });
    stack.app('b', { image, dependsOn: [app] });
    stack.router('r').route('/', app);
    assert.deepEqual(told(stack), [
      'a.publish publishes a port of an app that only runs as workers of the pool p',
      'b.dependsOn[0] is the app a, which only runs as workers of the pool p',
      'r.routes[0].target is the app a, which only runs as workers of the pool p',
    ]);
  });

  it('lets two pools run one app', () => {
    const stack = new Stack('s');
    const app = stack.app('a', { image });
    const quick = stack.pool('quick', { app });
    const slow = stack.pool('slow', { app });
    stack.router('r').route('/quick/', quick).route('/slow/', slow);
    stack.validate();
  });

  it('wants each host and prefix once in a router', () => {
    const stack = new Stack('s');
    const app = stack.app('a', { image });
    stack
      .router('r')
      .route('/a/', app)
      .route('/a/', app, { host: 'a.org' })
      .route('/a/', app, { host: 'A.ORG' })
      .route('/', app)
      .route('/a/', { redirect: '/' });
    stack.router('other').route('/a/', app);
    assert.deepEqual(told(stack), [
      'r.routes[2] has the host and prefix of routes[1]: a.org /a/',
      'r.routes[4] has the host and prefix of routes[0]: every host /a/',
    ]);
  });

  it('wants each place in a container filled once', () => {
    const stack = new Stack('s');
    const secret = stack.secret('k', { generateBytes: 32 });
    stack.app('a', {
      image,
      mounts: [
        { bind: '.', target: '/a' },
        { tmpfs: true, target: '/a' },
      ],
      files: [{ target: '/a', content: '' }],
      secrets: [secret, secret],
    });
    assert.deepEqual(told(stack), [
      'a.mounts[1].target is /a, which mounts[0].target fills too',
      'a.files[0].target is /a, which mounts[0].target fills too',
      'a.secrets[1].target is /run/secrets/k, which secrets[0].target fills too',
    ]);
  });

  it('tells all problems of all resources at once, each with its path and most with a hint', () => {
    const stack = new Stack('s');
    const app = stack.app('host', { publish: 80 });
    stack.router('r', { publish: 80 }).route('/', app).route('/', app);
    const problems = problemsOf(stack);
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['host', 'host', 'r.publish', 'r.routes[1]'],
    );
    assert.ok(problems.every(({ hint }) => hint !== undefined));
    assert.throws(
      () => stack.toSpec(),
      (error) =>
        isPlumbstackError(error, 'INVALID_STACK') &&
        error.message.startsWith(
          'INVALID_STACK: the stack "s" has 4 problems:\n  - host: has neither image nor build. Give',
        ) &&
        error.message.split('\n').length === 5 &&
        error.details['stack'] === 's',
    );
  });

  it('says "1 problem" of one', () => {
    const stack = new Stack('s');
    stack.app('a', {});
    assert.throws(() => stack.validate(), /has 1 problem:\n/);
  });
});
