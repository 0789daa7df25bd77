import assert from 'node:assert/strict';
import { Stack, resourcePath } from '@plumbstack/core';
import { problemsOf, refusalOf } from './refusal';

const makers = {
  app: (name: unknown) => new Stack('s').app(name as string, { image: 'a' }),
  service: (name: unknown) => new Stack('s').service(name as string, { image: 'a' }),
  pool: (name: unknown) => {
    const stack = new Stack('s');
    return stack.pool(name as string, { app: stack.app('app', { image: 'a' }) });
  },
  router: (name: unknown) => new Stack('s').router(name as string),
  volume: (name: unknown) => new Stack('s').volume(name as string),
  secret: (name: unknown) => new Stack('s').secret(name as string, { generateBytes: 32 }),
};

const wrong: readonly unknown[] = [
  '',
  'A',
  'Api',
  '1a',
  '-a',
  'a-',
  'a_b',
  'a.b',
  'a b',
  'a/b',
  'ä',
  'a\n',
  'a'.repeat(41),
  undefined,
  null,
  5,
  10n,
  {},
  [],
  Symbol('a'),
];

describe('the name', () => {
  for (const [kind, make] of Object.entries(makers)) {
    it(`of ${kind === 'app' ? 'an' : 'a'} ${kind} is a DNS label`, () => {
      for (const name of ['a', 'a1', 'a-b', 'a--b', 'a'.repeat(40)]) assert.equal(make(name).name, name);
      for (const name of wrong) {
        assert.equal(
          refusalOf(() => make(name)).details['path'],
          `the name of ${kind === 'app' ? 'an' : 'a'} ${kind}`,
        );
      }
    });
  }

  it('of a stack is a DNS label', () => {
    assert.equal(new Stack('plumber').name, 'plumber');
    for (const name of wrong)
      assert.equal(refusalOf(() => new Stack(name as string)).details['path'], 'the name of a stack');
  });

  it('of what every container resolves by itself is reserved', () => {
    for (const name of ['localhost', 'host', 'gateway', 'stack', 'lease']) {
      const stack = new Stack('s');
      stack.volume(name);
      assert.deepEqual(
        problemsOf(stack).map(({ path, message }) => [path, message]),
        [[name, 'is a reserved name']],
      );
    }
  });

  it('of stack and resource together fit into a host name', () => {
    const long = 'a'.repeat(40);
    const fits = new Stack(long);
    const app = fits.app('b'.repeat(22), { image: 'a' });
    fits.pool('c'.repeat(17), { app });
    fits.volume('d'.repeat(40));
    fits.secret('e'.repeat(40), { generateBytes: 16 });
    fits.validate();

    const stack = new Stack(long);
    stack.pool('c'.repeat(18), { app: stack.app('b'.repeat(23), { image: 'a' }) });
    assert.deepEqual(
      problemsOf(stack).map(({ path, message }) => [path, message]),
      ['b'.repeat(23), 'c'.repeat(18)].map((name) => [
        name,
        "makes container names of 64 characters together with the stack's name",
      ]),
    );
  });

  it('makes the path stack/resource', () => {
    assert.equal(resourcePath('plumber', 'app1'), 'plumber/app1');
  });
});
