import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPlumbstackError, type AppOptions, type Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { docker } from '../../support/docker-cli';
import { Lab, leftovers } from '../../support/lab';
import { lightAppOf } from '../../support/light-app';

const megabyte = 1024 * 1024;

describe('what proxies remember', function () {
  this.timeout(180_000);
  const lab = new Lab();
  let folder: string;

  beforeEach(async () => (folder = await mkdtemp(join(tmpdir(), 'plumbstack-contents-'))));
  afterEach(async () => {
    await lab.clear();
    await rm(folder, { recursive: true });
  });

  /** Runs in a container as root, whatever user it has. */
  const asRoot = (container: string, script: string): Promise<string> =>
    docker('exec', '--user', '0', container, 'sh', '-c', script);
  const sums = (container: string): Promise<string> =>
    docker('exec', container, 'sh', '-c', 'cd /data && sha256sum * | cut -c 1-16');
  const listed = async (container: string, files: string): Promise<readonly string[]> =>
    (await asRoot(container, `cd /etc/plumbstack && ls -d ${files} 2> /dev/null || true`))
      .split('\n')
      .filter((each) => each !== '');

  /** The newest of a pool's workers: which slot it is on is up to the pool. */
  const workerOf = (stack: Stack): Promise<string> =>
    docker(
      ...['ps', '--last', '1', '--format', '{{.Names}}'],
      ...[
        '--filter',
        `label=io.plumbstack.stack=${stack.name}`,
        '--filter',
        'label=io.plumbstack.role=worker',
      ],
    );
  const textOf = async (stack: Stack): Promise<string> =>
    docker('exec', await workerOf(stack), 'cat', '/data/text');

  function pooled(
    stack: Stack,
    version: string,
    files: AppOptions['files'] = [],
    keepVersions?: number,
  ): Stack {
    const next = lab.again(stack, { baseDir: folder });
    const app = next.app('app', lightAppOf(version, { files: [...files] }));
    next.pool('pool', { app, replicas: 1, ...(keepVersions !== undefined && { keepVersions }) });
    return next;
  }

  /** A version with 72 MB of files: more than one look may read. */
  async function large(stack: Stack, version: string, keepVersions?: number): Promise<Stack> {
    const text = `${version}é`.repeat(6 * megabyte);
    await writeFile(join(folder, version), Buffer.alloc(24 * megabyte, version));
    const files = [
      { source: `./${version}`, target: '/data/source' },
      { source: './common', target: '/data/common' },
      { content: text, target: '/data/text' },
    ];
    return pooled(stack, version, files, keepVersions);
  }

  it('is small, however large the files of workers are, and every verb works', async () => {
    await writeFile(join(folder, 'common'), Buffer.alloc(24 * megabyte, 'c'));
    const stack = lab.stack();
    const balancer = `${stack.name}-pool`;
    const described = await large(stack, '1');
    const deployment = await lab.runtime.up(described);
    const first = await sums(await workerOf(stack));
    assert.ok((await lab.runtime.plan(described)).isEmpty);
    assert.ok(Number(await asRoot(balancer, 'stat -c %s /etc/plumbstack/record.json')) < 100_000);
    assert.equal(await asRoot(balancer, 'stat -c "%a %u" /etc/plumbstack/contents'), '700 0');
    assert.equal((await listed(balancer, 'contents/*')).length, 3);

    // From a process that has nothing but a name.
    await using elsewhere = new DockerRuntime();
    const attached = await elsewhere.attach(stack.name);
    await attached.scale('pool', 2);
    assert.equal(await sums(await workerOf(stack)), first);
    assert.ok((await attached.status()).healthy);

    // Another version, and what only it has, beside what both have.
    await lab.runtime.up(await large(stack, '2'));
    assert.notEqual(await sums(await workerOf(stack)), first);
    assert.equal((await listed(balancer, 'contents/*')).length, 5);
    await attached.rollback('pool');
    assert.equal(await sums(await workerOf(stack)), first);
    await lab.runtime.up(await large(stack, '3', 1));
    // The second version is named by nothing any more.
    assert.equal((await listed(balancer, 'contents/*')).length, 5);
    await deployment.down();
    assert.deepEqual(await leftovers(stack.name), []);
  });

  it('is kept of a version before until its successor serves', async () => {
    const stack = lab.stack();
    const files = (text: string): AppOptions['files'] => [{ content: text, target: '/data/text' }];
    await lab.runtime.up(pooled(stack, '1', files('one')));
    const deployment = await lab.runtime.up(pooled(stack, '2', files('two')));
    const broken = lab.again(stack);
    const app = broken.app('app', {
      image: 'node:24-slim',
      command: ['false'],
      files: [...(files('three') ?? [])],
    });
    broken.pool('pool', { app, replicas: 1 });
    await assert.rejects(lab.runtime.up(broken), (error) => isPlumbstackError(error, 'START_FAILED'));
    assert.equal(await textOf(stack), 'two');
    // And still from there to the one before.
    await deployment.rollback('pool');
    assert.equal(await textOf(stack), 'one');
  });

  it('and has lost is told by who needs it, and put there again by up', async () => {
    const stack = lab.stack();
    const described = pooled(stack, '1', [{ content: 'something', target: '/data/text' }]);
    const deployment = await lab.runtime.up(described);
    await asRoot(`${stack.name}-pool`, 'rm /etc/plumbstack/contents/*');
    await assert.rejects(
      deployment.scale('pool', 2),
      (error) => isPlumbstackError(error, 'NOT_FOUND') && /Run up/.test(error.hint ?? ''),
    );
    await lab.runtime.up(described);
    await deployment.scale('pool', 2);
    assert.equal(await textOf(stack), 'something');
  });

  it('from before there were digests is read, and brought to its new form by up', async () => {
    const stack = lab.stack();
    const described = (version: string): Stack =>
      pooled(stack, version, [{ content: `text ${version}`, target: '/data/text' }]);
    await lab.runtime.up(described('1'));
    const deployment = await lab.runtime.up(described('2'));
    await bringBack(`${stack.name}-pool`, { '1': 'text 1', '2': 'text 2' });
    await deployment.scale('pool', 2);
    assert.equal(await textOf(stack), 'text 2');
    await bringBack(`${stack.name}-pool`, { '1': 'text 1', '2': 'text 2' });
    await lab.runtime.up(described('2'));
    assert.equal((await listed(`${stack.name}-pool`, 'contents/*')).length, 2);
    assert.ok((await lab.runtime.plan(described('2'))).isEmpty);
    await deployment.rollback('pool');
    assert.equal(await textOf(stack), 'text 1');
  });

  /** Writes a record as the version before did, with what the files hold in it as bytes. */
  async function bringBack(balancer: string, texts: Readonly<Record<string, string>>): Promise<void> {
    await asRoot(balancer, 'rm -r /etc/plumbstack/contents');
    interface Version {
      worker: {
        container: { creation: { env: { VERSION: string } }; files: { files: { content: unknown }[] }[] };
      };
    }
    const record = JSON.parse(await asRoot(balancer, 'cat /etc/plumbstack/record.json')) as {
      contents?: unknown;
      unit: Version;
      versions?: Version[];
      before?: Version;
    };
    const [before = assert.fail('no version before')] = record.versions ?? [];
    for (const { worker } of [record.unit, before])
      for (const { files } of worker.container.files)
        for (const file of files)
          file.content = Buffer.from(texts[worker.container.creation.env.VERSION] ?? '').toJSON();
    // There was one, too.
    record.before = before;
    delete record.versions;
    delete record.contents;
    const path = join(folder, 'record.json');
    await writeFile(path, JSON.stringify(record));
    await docker('cp', path, `${balancer}:/etc/plumbstack/record.json`);
  }

  it('does not keep pages and passwords of versions before', async () => {
    const stack = lab.stack();
    const router = `${stack.name}-web`;
    for (const version of [1, 2, 3, 4]) {
      await writeFile(join(folder, 'page.html'), Buffer.alloc(3 * megabyte, String(version)));
      const next = lab.again(stack, { baseDir: folder });
      next
        .router('web', { publish: { port: 0, host: '127.0.0.1' }, errorPages: { 404: './page.html' } })
        .route('/', { redirect: 'http://example.org' }, { auth: { users: { ada: `$6$salt$${version}` } } });
      await lab.runtime.up(next);
      assert.equal((await listed(router, 'pages/*')).length, 1);
      assert.equal((await listed(router, 'htpasswd-*')).length, 1);
      assert.ok((await lab.runtime.plan(next)).isEmpty);
    }
    assert.deepEqual(await listed(router, 'next'), []);
  });

  it('and cannot be read stops nothing else, is made anew by up, and goes with down', async () => {
    const stack = lab.stack();
    const described = (version: string): Stack => {
      const next = pooled(stack, version);
      const other = next.app('other', lightAppOf(version));
      next.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/', other);
      return next;
    };
    const spoil = (): Promise<unknown> =>
      Promise.all(
        ['pool', 'web'].map((each) =>
          asRoot(
            `${stack.name}-${each}`,
            'cd /etc/plumbstack && rm record.json && head -c 70000000 /dev/zero > record.json',
          ),
        ),
      );
    const deployment = await lab.runtime.up(described('1'));
    await spoil();
    assert.equal((await deployment.status()).resources.length, 3);
    const plan = await lab.runtime.plan(described('1'));
    assert.match(plan.toString(), /file record\.json: cannot be read \(the files are larger/);
    assert.deepEqual(
      plan.steps.filter(({ action }) => action !== 'keep').map(({ resource }) => resource),
      [`${stack.name}/pool`, `${stack.name}/web`],
    );
    await assert.rejects(
      deployment.scale('pool', 2),
      (error) => isPlumbstackError(error, 'NOT_FOUND') && /cannot be read/.test(error.text),
    );
    await deployment.restart('other');
    await lab.runtime.up(described('2'));
    assert.ok((await lab.runtime.plan(described('2'))).isEmpty);
    await deployment.scale('pool', 2);
    await spoil();
    await deployment.down();
    assert.deepEqual(await leftovers(stack.name), []);
  });
});
