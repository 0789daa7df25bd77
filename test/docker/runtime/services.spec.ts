import assert from 'node:assert/strict';
import { isPlumbstackError, postgres, redis, type Service, type Stack } from '@plumbstack/core';
import { docker, tryDocker } from '../../support/docker-cli';
import { ask, eventually, Lab } from '../../support/lab';
import { lightApp } from '../../support/light-app';

describe('services with data', function () {
  this.timeout(180_000);
  const lab = new Lab();
  const hostile = `a:b\\c'd"e$(f) %g é`;

  /** SQL as whoever connects runs it: over the network, as the role and with the password that the service hands out. */
  async function sql(stack: Stack, statement: string): Promise<string> {
    const query = ['exec', `${stack.name}-client`, 'psql', '--no-password', '-tAc', statement];
    const { code, stdout, stderr } = await tryDocker(...query);
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  }

  /** What connects with nothing but what `connect` gives it. It has clients of both, and does nothing by itself. */
  function client(stack: Stack, image: string, connect: readonly Service[]): void {
    const idle = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1; done'];
    stack.service('client', { image, entrypoint: idle, connect });
  }

  /** What the server says to who comes with these lines as its password file. */
  async function refusal(stack: Stack, passFile: string): Promise<string> {
    const name = `${stack.name}-client`;
    await docker(
      'exec',
      '--env',
      `LINE=${passFile}`,
      name,
      'sh',
      '-c',
      'umask 077; echo "$LINE" > /passfile',
    );
    return (await tryDocker('exec', '--env', 'PGPASSFILE=/passfile', name, 'psql', '--no-password', '-c', ''))
      .stderr;
  }

  const containerId = (stack: Stack, name: string): Promise<string> =>
    docker('inspect', '--format', '{{.Id}}', `${stack.name}-${name}`);

  /** Ends everything in a container but its init, as a crash does; `docker kill` would count as somebody's wish. */
  const crash = (stack: Stack, name: string): Promise<unknown> =>
    tryDocker('exec', `${stack.name}-${name}`, 'sh', '-c', 'kill -9 -1');

  describe('postgres', () => {
    let stack: Stack;

    function described(options: Parameters<typeof postgres>[2] = {}, password = hostile): Stack {
      const next = lab.again(stack);
      const db = postgres(next, 'db', { password: next.secret('password', { value: password }), ...options });
      client(next, 'postgres:18', [db]);
      return next;
    }

    before(async () => {
      stack = lab.stack();
      await lab.runtime.up(described());
      await sql(stack, 'create table t as select 42 as n');
    });
    after(() => lab.clear());

    it('answers those that connect, and nobody with another password', async () => {
      assert.equal(await sql(stack, 'select current_user, current_database()'), 'db|db');
      assert.match(await refusal(stack, '*:*:*:*:wrong'), /password authentication failed/);
      assert.ok((await lab.runtime.plan(described())).isEmpty);
    });

    it('never has two servers on its volume: an update that fails gives it back to the old one', async () => {
      const before = await containerId(stack, 'db');
      const running = async (): Promise<number> => {
        const filter = ['--filter', `volume=${stack.name}-db-data`, '--filter', 'status=running'];
        return (await docker('ps', '--quiet', ...filter)).split('\n').filter((each) => each !== '').length;
      };
      let most = 0;
      let watching = true;
      const watch = (async () => {
        while (watching) most = Math.max(most, await running());
      })();
      const broken = described({ settings: { max_connections: 'many' } });
      await assert.rejects(lab.runtime.up(broken), (error) => isPlumbstackError(error, 'START_FAILED'));
      watching = false;
      await watch;
      assert.equal(most, 1);
      assert.equal(await containerId(stack, 'db'), before);
      await eventually('the old server answers', () => sql(stack, 'select n from t'));
    });

    it('keeps its data over an update, which the plan says', async () => {
      const changed = described({ settings: { max_connections: '17' } });
      const { steps } = await lab.runtime.plan(changed);
      const step = steps.find(({ resource }) => resource === `${stack.name}/db`);
      assert.equal(step?.action, 'replace');
      assert.equal(step.impact, 'stopped before its successor starts, which takes over the data in db-data');
      await lab.runtime.up(changed);
      assert.equal(await sql(stack, 'show max_connections'), '17');
      assert.equal(await sql(stack, 'select n from t'), '42');
    });

    it('keeps its data over a crash', async () => {
      await crash(stack, 'db');
      const restarts = ['inspect', '--format', '{{.RestartCount}}', `${stack.name}-db`];
      await eventually('it was started again', async () => (await docker(...restarts)) !== '0' || undefined);
      assert.equal(await eventually('it answers', () => sql(stack, 'select n from t')), '42');
    });

    it('takes another password when its secret has another, and so do those that connect', async () => {
      const passFile = (): Promise<string> =>
        docker('exec', `${stack.name}-client`, 'cat', '/run/secrets/db.pgpass');
      const old = await passFile();
      await lab.runtime.up(described({}, 'swordfish-2'));
      assert.equal(await sql(stack, 'select n from t'), '42');
      assert.match(await refusal(stack, old), /password authentication failed/);
      const log = await docker('logs', `${stack.name}-db`);
      assert.ok(!log.includes('swordfish'), log);
    });

    it('keeps its data over down, until that is to take volumes too', async () => {
      await lab.runtime.down(stack);
      await lab.runtime.up(described());
      assert.equal(await sql(stack, 'select n from t'), '42');
      await lab.runtime.down(stack, { volumes: true });
      await lab.runtime.up(described());
      await assert.rejects(sql(stack, 'select n from t'), /relation "t" does not exist/);
    });
  });

  describe('redis', () => {
    let stack: Stack;

    function described(options: Parameters<typeof redis>[2] = {}): Stack {
      const next = lab.again(stack);
      const cache = redis(next, 'cache', {
        password: next.secret('password', { value: hostile }),
        ...options,
      });
      client(next, 'redis:8', [cache]);
      return next;
    }

    const cli = (command: string, password = '$(cat "$REDIS_PASSWORD_FILE")'): Promise<string> =>
      docker(
        'exec',
        `${stack.name}-client`,
        'sh',
        '-c',
        `REDISCLI_AUTH="${password}" redis-cli -h "$REDIS_HOST" -p "$REDIS_PORT" ${command}`,
      );

    before(async () => {
      stack = lab.stack();
      await lab.runtime.up(described());
    });
    after(() => lab.clear());

    it('answers those that connect, and nobody with another password', async () => {
      assert.equal(await cli('set a 42'), 'OK');
      assert.match(await cli('get a', 'wrong'), /NOAUTH/);
      const processes = await docker('top', `${stack.name}-cache`);
      assert.ok(!processes.includes(hostile), processes);
      assert.ok((await lab.runtime.plan(described())).isEmpty);
    });

    it('keeps its data over an update and a crash', async () => {
      await lab.runtime.up(described({ settings: { maxmemory: '50mb' } }));
      assert.equal(await cli('config get maxmemory'), 'maxmemory\n52428800');
      assert.equal(await cli('get a'), '42');
      await crash(stack, 'cache');
      await eventually('the cache is back', async () => (await cli('get a')) === '42' || undefined);
    });
  });

  describe('an app that writes to a volume', () => {
    after(() => lab.clear());

    it('is stopped before its successor starts, unless it says otherwise', async () => {
      const stack = lab.stack();
      const described = (version: string, updateOrder?: 'start-first'): Stack => {
        const next = lab.again(stack);
        const volume = next.volume('files');
        const app = next.app('app', {
          ...lightApp({ env: { VERSION: version }, mounts: [{ volume, target: '/files' }] }),
          ...(updateOrder !== undefined && { updateOrder }),
        });
        next.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/', app);
        return next;
      };
      const deployment = await lab.runtime.up(described('1'));
      const impactOf = async (next: Stack): Promise<string | undefined> =>
        (await lab.runtime.plan(next)).steps.find(({ kind }) => kind === 'app')?.impact;
      assert.match((await impactOf(described('2'))) ?? '', /stopped before its successor starts.*files/);
      assert.match(
        (await impactOf(described('2', 'start-first'))) ?? '',
        /^visitors have up to 30 s to finish/,
      );
      await lab.runtime.up(described('2'));
      assert.equal((await ask(deployment.endpoint('web'), '/')).version, '2');
    });
  });
});
