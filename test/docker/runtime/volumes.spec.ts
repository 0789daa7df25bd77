import assert from 'node:assert/strict';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { isPlumbstackError, postgres, type Stack } from '@plumbstack/core';
import { packFiles } from '@plumbstack/docker/client';
import { docker } from '../../support/docker-cli';
import { eventually, Lab, leftovers } from '../../support/lab';

describe('a copy of a volume', function () {
  this.timeout(180_000);
  const lab = new Lab();
  let folder: string;

  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'plumbstack-volumes-'))));
  afterEach(async () => {
    await lab.clear();
    await rm(folder, { recursive: true });
  });

  /** Something that has a volume at /data and does nothing. */
  function described(stack: Stack): Stack {
    const volume = stack.volume('data');
    const idle = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.2; done'];
    stack.service('store', { image: 'node:24-slim', command: idle, mounts: [{ volume, target: '/data' }] });
    return stack;
  }

  const shell = (stack: Stack, name: string, script: string): Promise<string> =>
    docker('exec', `${stack.name}-${name}`, 'sh', '-c', script);
  const listing = 'cd /data && find . -printf "%P %y %m %U:%G %s %l\n" | sort';
  const copies = async (stack: Stack): Promise<readonly string[]> =>
    (await leftovers(stack.name)).filter((each) => each.endsWith('.copy'));

  it('keeps names, owners, modes, links and content, and replaces what was there', async () => {
    const [from, to] = [described(lab.stack()), described(lab.stack())];
    const [source, target] = [await lab.runtime.up(from), await lab.runtime.up(to)];
    await shell(
      from,
      'store',
      `cd /data && mkdir -p "a b/é" .hidden && echo x > "a b/é/file" && chmod 4640 "a b/é/file" && chown 1234:4321 "a b"
       ln -s "a b/é/file" link && ln -s /nowhere broken && ln "a b/é/file" hard && head -c 3000000 /dev/urandom > big
       chown 999:999 . && chmod 2770 . && chmod 000 .hidden`,
    );
    await shell(to, 'store', 'mkdir -p /data/old/deep && echo y > /data/old/deep/y && chmod 0 /data/old');
    const wanted = await shell(from, 'store', `${listing}; md5sum /data/big`);

    const file = join(folder, 'data.tar');
    await pipeline(source.exportVolume('data'), createWriteStream(file));
    assert.ok((await stat(file)).size > 3_000_000);
    await target.importVolume('data', createReadStream(file), { stop: true });
    assert.equal(await shell(to, 'store', `${listing}; md5sum /data/big`), wanted);
    assert.deepEqual([...(await copies(from)), ...(await copies(to))], []);
    for (const stack of [from, to]) assert.ok((await lab.runtime.plan(stack)).isEmpty);
  });

  it('of a database is a database: exported, imported elsewhere, and it answers', async () => {
    const [from, to] = [lab.stack(), lab.stack()];
    for (const stack of [from, to])
      postgres(stack, 'db', { password: stack.secret('password', { value: `of ${stack.name}` }) });
    const [source, target] = [await lab.runtime.up(from), await lab.runtime.up(to)];
    const psql = (deployment: typeof source, statement: string): Promise<{ stdout: string }> =>
      deployment.exec('db', ['psql', '-U', 'db', '-tAc', statement]);
    await psql(source, 'create table t as select generate_series(1, 1000) as n');
    await target.importVolume('db-data', source.exportVolume('db-data', { stop: true }), { stop: true });
    for (const deployment of [source, target]) {
      const { stdout } = await psql(deployment, 'select sum(n) from t');
      assert.equal(stdout.trim(), '500500');
      assert.ok((await deployment.status()).healthy);
    }
  });

  it('that is broken off leaves no container, and starts what it has stopped', async () => {
    const stack = described(lab.stack());
    const deployment = await lab.runtime.up(stack);
    await shell(stack, 'store', 'head -c 5000000 /dev/urandom > /data/big');
    for await (const chunk of deployment.exportVolume('data', { stop: true })) {
      assert.ok(chunk.length > 0);
      break;
    }
    assert.deepEqual(await copies(stack), []);
    assert.ok((await deployment.status()).healthy);

    const ends = new AbortController();
    const aborted = (async () => {
      for await (const _ of deployment.exportVolume('data', { signal: ends.signal }))
        ends.abort(new Error('enough'));
    })();
    await assert.rejects(aborted, /enough/);
    assert.deepEqual(await copies(stack), []);
    assert.deepEqual(
      (await leftovers(stack.name)).filter((each) => each.endsWith('.lease')),
      [],
    );
  });

  /** A whole archive of these files. */
  const archiveOf = (files: Readonly<Record<string, string>>): AsyncIterable<Uint8Array> =>
    packFiles(Object.entries(files).map(([path, content]) => ({ path, content, mode: 0o600 })));
  /** An archive that is cut off after so many bytes. */
  async function* cut(source: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Uint8Array> {
    const whole: Uint8Array[] = [];
    for await (const chunk of source) whole.push(chunk);
    yield Buffer.concat(whole).subarray(0, bytes);
  }
  async function* text(content: string): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(Buffer.from(content));
  }
  const two = { a: 'of a', b: 'of b' };
  async function* torn(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* cut(archiveOf(two), 1024);
    throw new Error('the tape is torn');
  }

  const broken: Readonly<Record<string, readonly [() => AsyncIterable<Uint8Array>, RegExp]>> = {
    'whose source fails': [torn, /the tape is torn/],
    'of what is no archive': [() => text('no tar at all'.repeat(100)), /ENGINE_FAILED|no whole tar/],
    'of a few words': [() => text('hello'), /ENGINE_FAILED|no whole tar/],
    'of nothing': [() => text(''), /INVALID_OPTION.*an empty one/],
    'that is cut off within a file': [() => cut(archiveOf(two), 600), /ENGINE_FAILED|no whole tar/],
    'that is cut off between two files': [() => cut(archiveOf(two), 1024), /no whole tar/],
    'whose compression is cut off': [
      () => cut(Readable.from(archiveOf(two), { objectMode: false }).pipe(createGzip()), 60),
      /ENGINE_FAILED/,
    ],
  };

  it('leaves what was there, and stops nobody, where the archive is broken', async () => {
    const stack = described(lab.stack());
    const deployment = await lab.runtime.up(stack);
    await shell(
      stack,
      'store',
      'mkdir -p /data/deep && echo kept > /data/deep/file && echo kept > /data/.hidden',
    );
    const before = await shell(stack, 'store', listing);
    const started = await docker('inspect', '--format', '{{.State.StartedAt}}', `${stack.name}-store`);
    for (const [what, [source, message]] of Object.entries(broken)) {
      await assert.rejects(deployment.importVolume('data', source(), { stop: true }), message, what);
      assert.equal(await shell(stack, 'store', listing), before, what);
    }
    const ends = new AbortController();
    async function* endless(): AsyncGenerator<Uint8Array> {
      yield* cut(archiveOf(two), 1024);
      ends.abort(new Error('enough'));
      await new Promise(() => undefined);
    }
    const aborted = deployment.importVolume('data', endless(), { stop: true, signal: ends.signal });
    await assert.rejects(aborted, /enough/);
    assert.equal(await shell(stack, 'store', listing), before);
    assert.equal(await docker('inspect', '--format', '{{.State.StartedAt}}', `${stack.name}-store`), started);
    assert.deepEqual(await copies(stack), []);
    assert.ok((await lab.runtime.plan(stack)).isEmpty);
  });

  it('that was interrupted in its last moments is brought to its end, and one before them is forgotten', async () => {
    const stack = described(lab.stack());
    const deployment = await lab.runtime.up(stack);
    const files = (): Promise<string> =>
      shell(stack, 'store', 'cd /data && find . -type f -exec grep -H . {} + | sort');
    const half = (script: string): Promise<string> =>
      shell(stack, 'store', `cd /data && mkdir .plumbstack-import && cd .plumbstack-import && ${script}`);
    // Unpacked and not begun with: the content of before.
    await shell(stack, 'store', 'echo one > /data/one');
    await half('mkdir tree && echo two > tree/two');
    await assert.rejects(deployment.importVolume('data', torn(), { stop: true }), /torn/);
    assert.equal(await files(), './one:one');
    // Half of what was there is away.
    await half('mkdir old tree && echo two > tree/two && echo gone > old/gone');
    await assert.rejects(deployment.importVolume('data', torn(), { stop: true }), /torn/);
    assert.equal(await files(), './two:two');
    // Half of what came is there.
    await shell(stack, 'store', 'echo four > /data/four');
    await half('mkdir old tree && echo three > tree/three && echo gone > old/gone && touch switched');
    await deployment.importVolume('data', archiveOf({ five: 'five' }), { stop: true });
    assert.equal(await files(), './five:five');
  });

  it('of a database that the server would not find, or not read, is refused before anything is stopped', async () => {
    const stack = lab.stack();
    postgres(stack, 'db');
    const deployment = await lab.runtime.up(stack);
    const psql = async (statement: string): Promise<string> =>
      (await deployment.exec('db', ['psql', '-U', 'db', '-tAc', statement])).stdout.trim();
    await psql('create table t as select 7 as n');
    const path = await deployment.exec('db', ['sh', '-c', 'echo "${PGDATA#/var/lib/postgresql/}"']);
    const own = path.stdout.trim();
    for (const file of [`${own}/PG_VERSION`, '17/docker/PG_VERSION', 'PG_VERSION'])
      await assert.rejects(
        deployment.importVolume('db-data', archiveOf({ [file]: '17\n' }), { stop: true }),
        (error) => isPlumbstackError(error, 'INVALID_OPTION') && /PostgreSQL 17/.test(error.text),
        file,
      );
    assert.equal(await psql('select n from t'), '7');
  });

  it('that a killed process has left is removed by the next up, and by down', async () => {
    const stack = described(lab.stack());
    const deployment = await lab.runtime.up(stack);
    const leave = (): Promise<unknown> => {
      const labels = {
        owner: 'plumbstack',
        stack: stack.name,
        resource: 'data.copy',
        role: 'copy',
        digest: '',
      };
      const args = Object.entries(labels).flatMap(([key, value]) => [
        '--label',
        `io.plumbstack.${key}=${value}`,
      ]);
      const mount = ['--volume', `${stack.name}-data:/volume`];
      return docker(
        'create',
        '--name',
        `${stack.name}-data.copy`,
        ...args,
        ...mount,
        'plumbstack/empty:1',
        '/never-runs',
      );
    };
    await leave();
    assert.deepEqual((await lab.runtime.list()).find((each) => each.stack === stack.name)?.containers, 1);
    assert.deepEqual(
      (await deployment.status()).resources.map(({ resource }) => resource),
      [`${stack.name}/store`],
    );
    const { steps } = await lab.runtime.plan(stack);
    assert.deepEqual(
      steps.filter(({ action }) => action === 'delete').map(({ resource }) => resource),
      [`${stack.name}/data.copy`],
    );
    await lab.runtime.up(stack);
    assert.deepEqual(await copies(stack), []);

    await leave();
    await pipeline(deployment.exportVolume('data'), createWriteStream(join(folder, 'again.tar')));
    assert.deepEqual(await copies(stack), []);

    await leave();
    await lab.runtime.down(stack, { volumes: true });
    assert.deepEqual(await leftovers(stack.name), []);
  });

  it('takes what gzip has compressed, in as much memory as a small one', async () => {
    const [from, to] = [described(lab.stack()), described(lab.stack())];
    const [source, target] = [await lab.runtime.up(from), await lab.runtime.up(to)];
    await shell(from, 'store', 'head -c 200000000 /dev/zero > /data/zeros; echo end > /data/z');
    const gzip = createGzip({ level: 1 });
    const before = process.memoryUsage().rss;
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, process.memoryUsage().rss)), 20);
    await Promise.all([
      pipeline(source.exportVolume('data'), gzip),
      target.importVolume('data', gzip, { stop: true }),
    ]);
    clearInterval(watch);
    assert.equal(await shell(to, 'store', 'cat /data/z; stat -c %s /data/zeros'), 'end\n200000000');
    assert.ok(most - before < 120_000_000, `${most - before} bytes more`);
  });

  it('keeps others from changing the stack meanwhile', async () => {
    const stack = described(lab.stack());
    const deployment = await lab.runtime.up(stack);
    const copy = deployment.exportVolume('data')[Symbol.asyncIterator]();
    await copy.next();
    let done = false;
    const restart = deployment.restart('store').then(() => (done = true));
    const waiting = new Promise((resolve) => deployment.events.on('lock:waiting', resolve));
    await waiting;
    assert.equal(done, false);
    await copy.return?.();
    await restart;
    await eventually('the store runs', async () => (await deployment.status()).healthy || undefined);
  });
});
