import assert from 'node:assert/strict';
import { Stack, type AppSpec, type Connect, type Service } from '@plumbstack/core';
import { refusalOf, refusedPath } from './refusal';

const stack = new Stack('s');
const password = stack.secret('password', { generateBytes: 16 });
const db = stack.service('db', {
  image: 'db',
  connection: {
    env: { DB_HOST: 'db', DB_PASSWORD_FILE: '/run/secrets/password' },
    secrets: [password],
    url: { secret: password, target: '/run/secrets/url', prefix: 'db://me:', suffix: '@db', encoding: 'uri' },
  },
});
const queue = stack.service('queue', { image: 'queue' });

let count = 0;
function app(connect: readonly unknown[], more: object = {}): AppSpec {
  const options = { image: 'a', connect: connect as readonly (Service | Connect)[], ...more };
  return stack.app(`app${count++}`, options).toSpec();
}

describe('connect', () => {
  it('gives what the service says: variables, secrets, and the order of the start', () => {
    const { env, secrets, dependsOn } = app([db]);
    assert.deepEqual(env, { DB_HOST: 'db', DB_PASSWORD_FILE: '/run/secrets/password' });
    assert.deepEqual(secrets, [{ secret: 'password', target: '/run/secrets/password' }]);
    assert.deepEqual(dependsOn, ['db']);
  });

  it('waits for a service that says nothing, and gives nothing', () => {
    const { env, secrets, dependsOn } = app([queue]);
    assert.deepEqual({ env, secrets, dependsOn }, { env: {}, secrets: [], dependsOn: ['queue'] });
  });

  it('adds to what the app has itself, whose own variables stay', () => {
    const { env, secrets, dependsOn } = app([db], {
      env: { DB_HOST: 'proxy', LOG: '1' },
      secrets: [{ secret: password, target: '/mine' }],
      dependsOn: [queue, db],
    });
    assert.deepEqual(env, { DB_HOST: 'proxy', DB_PASSWORD_FILE: '/run/secrets/password', LOG: '1' });
    assert.deepEqual(
      secrets.map(({ target }) => target),
      ['/mine', '/run/secrets/password'],
    );
    assert.deepEqual(dependsOn, ['queue', 'db']);
  });

  it('puts a prefix before the names of variables', () => {
    assert.deepEqual(app([{ service: db, envPrefix: 'REPORTS_' }]).env, {
      REPORTS_DB_HOST: 'db',
      REPORTS_DB_PASSWORD_FILE: '/run/secrets/password',
    });
  });

  it('gives the URL to who asks for it, as a secret in the environment', () => {
    assert.deepEqual(app([{ service: db, urlEnv: 'DATABASE_URL' }]).secrets.at(-1), {
      secret: 'password',
      target: '/run/secrets/url',
      env: 'DATABASE_URL',
      prefix: 'db://me:',
      suffix: '@db',
      encoding: 'uri',
    });
  });

  it('refuses two services that set one variable to different values', () => {
    const other = stack.service('other', { image: 'o', connection: { env: { DB_HOST: 'other' } } });
    const { message } = refusalOf(() => app([db, other]));
    assert.match(
      message,
      /connect\[1\] must be given an envPrefix, because DB_HOST leads to another service/,
    );
    assert.equal(app([db, { service: other, envPrefix: 'O_' }]).env['O_DB_HOST'], 'other');
  });

  it('is one of the links that a stack looks for strangers among', () => {
    const elsewhere = new Stack('t').service('db', { image: 'db' });
    const stack = new Stack('s');
    stack.app('a', { image: 'a', connect: [elsewhere] });
    assert.throws(() => stack.validate(), /a\.connect\[0\]: refers to t\/db, which belongs to another stack/);
  });

  it('comes back from the spec as what it stands for', () => {
    const spec = stack.toSpec();
    assert.deepEqual(Stack.fromSpec(JSON.parse(JSON.stringify(spec))).toSpec(), spec);
  });

  for (const [given, path] of [
    ['db', ''],
    [password, ''],
    [{}, '.service'],
    [{ service: 'db' }, '.service'],
    [{ service: db, envPrefix: '1' }, '.envPrefix'],
    [{ service: db, urlEnv: 'A-B' }, '.urlEnv'],
    [{ service: queue, urlEnv: 'URL' }, '.urlEnv'],
    [{ service: db, url: 'URL' }, '.url'],
  ] as const) {
    it(`refuses what is at connect[0]${path}`, () => {
      const name = `app${count}`;
      assert.equal(
        refusedPath(() => app([given])),
        `${name}.connect[0]${path}`,
      );
    });
  }

  for (const [connection, path] of [
    [{ env: { 'A-B': 'x' } }, '.env: the name'],
    [{ secrets: ['x'] }, '.secrets[0]'],
    [{ url: 'x' }, '.url'],
    [{ host: 'x' }, '.host'],
  ] as const) {
    it(`refuses a service's connection${path}`, () => {
      assert.equal(
        refusedPath(() => new Stack('s').service('db', { image: 'db', connection: connection as never })),
        `db.connection${path}`,
      );
    });
  }
});
