import assert from 'node:assert/strict';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { isPlumbstackError, postgres, type Stack } from '@plumbstack/core';
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

  it('that fails midway is told with the reason, and the next up starts what was stopped', async () => {
    const stack = described(lab.stack());
    const deployment = await lab.runtime.up(stack);
    async function* failing(): AsyncGenerator<Uint8Array, void, undefined> {
      yield new Uint8Array(512);
      throw new Error('the tape is torn');
    }
    await assert.rejects(deployment.importVolume('data', failing(), { stop: true }), /the tape is torn/);
    const garbage = (async function* (): AsyncGenerator<Uint8Array, void, undefined> {
      yield await Promise.resolve(Buffer.from('no tar at all'.repeat(100)));
    })();
    await assert.rejects(deployment.importVolume('data', garbage), (error) =>
      isPlumbstackError(error, 'ENGINE_FAILED'),
    );
    assert.deepEqual(await copies(stack), []);
    await lab.runtime.up(stack);
    assert.ok((await deployment.status()).healthy);
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
