import assert from 'node:assert/strict';
import { postgres, Stack } from '@plumbstack/core';
import { refusedPath } from './refusal';

describe('postgres', () => {
  it('adds a service with a volume and a generated password of its own', () => {
    const stack = new Stack('s');
    const db = postgres(stack, 'db');
    assert.deepEqual(
      stack.resources.map(({ kind, name }) => `${kind} ${name}`),
      ['secret db-password', 'volume db-data', 'service db'],
    );
    const { image, env, mounts, secrets, command } = db.toSpec();
    assert.deepEqual(image, { type: 'pull', reference: 'postgres:18', policy: 'missing' });
    assert.deepEqual(env, {
      POSTGRES_DB: 'db',
      POSTGRES_USER: 'db',
      POSTGRES_PASSWORD_FILE: '/run/secrets/db.password',
      PGDATA: '/var/lib/postgresql/pgdata',
    });
    assert.deepEqual(mounts, [
      { type: 'volume', volume: 'db-data', target: '/var/lib/postgresql', readOnly: false },
    ]);
    assert.deepEqual(secrets, [{ secret: 'db-password', target: '/run/secrets/db.password' }]);
    assert.deepEqual(command, ['postgres']);
  });

  it('takes a password, a volume, settings and files, and passes on every other option', () => {
    const stack = new Stack('s');
    const password = stack.secret('p', { env: 'PASSWORD' });
    const volume = stack.volume('v');
    const db = postgres(stack, 'db', {
      image: 'postgis/postgis:18-3.6',
      database: 'shop',
      user: 'me:you',
      password,
      volume,
      settings: { max_connections: '50', 'plpgsql.check_asserts': 'on' },
      initFiles: ['./schema.sql', './seed.sh', './old.sql.gz'],
      publish: 5432,
      env: { TZ: 'UTC' },
    });
    assert.equal(stack.resources.length, 3);
    const { command, env, files, mounts, publish } = db.toSpec();
    assert.deepEqual(command, ['postgres', '-c', 'max_connections=50', '-c', 'plpgsql.check_asserts=on']);
    assert.equal(env['TZ'], 'UTC');
    assert.deepEqual(
      files.map(({ source, target }) => `${source} ${target}`),
      [
        './schema.sql /docker-entrypoint-initdb.d/000.sql',
        './seed.sh /docker-entrypoint-initdb.d/001.sh',
        './old.sql.gz /docker-entrypoint-initdb.d/002.sql.gz',
      ],
    );
    assert.deepEqual(
      mounts.map((each) => each.type === 'volume' && each.volume),
      ['v'],
    );
    assert.deepEqual(publish, [{ port: 5432, host: '127.0.0.1', containerPort: 5432 }]);
  });

  it('gives what libpq reads by itself, and the password in a file only', () => {
    const stack = new Stack('s');
    const db = postgres(stack, 'db', { database: 'my shop', user: 'me:you' });
    const { env, secrets } = stack
      .app('a', { image: 'a', connect: [{ service: db, urlEnv: 'DATABASE_URL' }] })
      .toSpec();
    assert.deepEqual(env, {
      PGHOST: 'db',
      PGPORT: '5432',
      PGDATABASE: 'my shop',
      PGUSER: 'me:you',
      PGPASSFILE: '/run/secrets/db.pgpass',
    });
    assert.deepEqual(secrets, [
      {
        secret: 'db-password',
        target: '/run/secrets/db.pgpass',
        prefix: 'db:5432:*:me\\:you:',
        suffix: '\n',
        encoding: 'pgpass',
      },
      {
        secret: 'db-password',
        target: '/run/secrets/db.url',
        env: 'DATABASE_URL',
        prefix: 'postgresql://me%3Ayou:',
        suffix: '@db:5432/my%20shop',
        encoding: 'uri',
      },
    ]);
  });

  it('comes back from its spec', () => {
    const stack = new Stack('s');
    postgres(stack, 'db');
    assert.deepEqual(Stack.fromSpec(stack.toSpec()).toSpec(), stack.toSpec());
  });

  for (const [options, path] of [
    [{ database: '' }, 'db.database'],
    [{ user: 'x'.repeat(64) }, 'db.user'],
    [{ settings: { 'max connections': '5' } }, 'db.settings: the name'],
    [{ settings: { max_connections: 5 } }, 'db.settings.max_connections'],
    [{ databse: 'x' }, 'db.databse'],
    [{ publish: '5432' }, 'db.publish'],
  ] as const) {
    it(`refuses ${JSON.stringify(options).slice(0, 60)}`, () => {
      assert.equal(
        refusedPath(() => postgres(new Stack('s'), 'db', options as never)),
        path,
      );
    });
  }
});
