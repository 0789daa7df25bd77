import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPlumbstackError } from '@plumbstack/core';
import { docker } from '../../support/docker-cli';
import { ask, eventually, Lab, leftovers } from '../../support/lab';
import { lightApp } from '../../support/light-app';

interface Inspected {
  readonly HostConfig: {
    readonly PortBindings: Readonly<Record<string, readonly { HostIp: string }[]>> | null;
    readonly ReadonlyRootfs: boolean;
    readonly CapDrop: readonly string[] | null;
    readonly CapAdd: readonly string[] | null;
    readonly Privileged: boolean;
    readonly NetworkMode: string;
    readonly SecurityOpt: readonly string[] | null;
  };
  readonly Config: { readonly User: string; readonly Hostname: string; readonly Env: readonly string[] };
  readonly Mounts: readonly { readonly Source: string }[];
}

async function inspect(container: string): Promise<Inspected> {
  const [only] = JSON.parse(await docker('inspect', container)) as Inspected[];
  assert.ok(only);
  return only;
}

describe("the article's stack", () => {
  const lab = new Lab();
  afterEach(() => lab.clear());

  describe('apps on ports of their own', () => {
    it('answer on these ports, on loopback only', async () => {
      const stack = lab.stack();
      stack.app('app1', lightApp({ publish: 0 }));
      stack.app('app2', lightApp({ publish: 0 }));
      const deployment = await lab.runtime.up(stack);
      assert.equal((await ask(deployment.endpoint('app1'), '/x')).host, 'app1');
      assert.equal((await ask(deployment.endpoint('app2'), '/x')).host, 'app2');
      const { HostConfig } = await inspect(`${stack.name}-app1`);
      assert.deepEqual(
        Object.values(HostConfig.PortBindings ?? {})
          .flat()
          .map(({ HostIp }) => HostIp),
        ['127.0.0.1'],
      );
    });

    it('see a mounted folder, and cannot write where it is read-only', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'plumbstack-data-'));
      try {
        await writeFile(join(folder, 'data.csv'), 'x,y\n1,2\n');
        const stack = lab.stack({ baseDir: folder });
        stack.app('app', lightApp({ mounts: [{ bind: '.', target: '/data', readOnly: true }] }));
        const deployment = await lab.runtime.up(stack);
        assert.equal((await deployment.exec('app', ['cat', '/data/data.csv'])).stdout, 'x,y\n1,2\n');
        const write = await deployment.exec('app', ['touch', '/data/new']);
        assert.notEqual(write.exitCode, 0);
        assert.match(write.stderr, /Read-only file system/);
      } finally {
        await rm(folder, { recursive: true });
      }
    });

    it('find the data of a volume again after down and up', async () => {
      const stack = lab.stack();
      const data = stack.volume('data');
      stack.app('app', lightApp({ mounts: [{ volume: data, target: '/data' }] }));
      const first = await lab.runtime.up(stack);
      await first.exec('app', ['sh', '-c', 'echo kept > /data/file']);
      await first.down();
      assert.deepEqual(await leftovers(stack.name), [`${stack.name}-data`]);
      const second = await lab.runtime.up(stack);
      assert.equal((await second.exec('app', ['cat', '/data/file'])).stdout, 'kept\n');
      await second.down({ volumes: true });
      assert.deepEqual(await leftovers(stack.name), []);
    });

    it('come back by themselves after a crash, where everybody looks for them', async () => {
      const stack = lab.stack();
      const app = stack.app('app', lightApp());
      stack.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/app/', app);
      const deployment = await lab.runtime.up(stack);
      const url = deployment.endpoint('web');
      await fetch(new URL('/app/crash', url)).catch(() => undefined);
      await eventually('the app answers after its crash', async () => (await ask(url, '/app/')).host);
      assert.equal((await lab.runtime.plan(stack)).isEmpty, true);
    });
  });

  describe('several apps on one port', () => {
    it('get their requests without the prefix, with the Host that the visitor asked for', async () => {
      const stack = lab.stack();
      const app1 = stack.app('app1', lightApp({ prefixEnv: 'PUBLIC_PREFIX' }));
      const app2 = stack.app('app2', lightApp());
      stack
        .router('web', { publish: { port: 0, host: '127.0.0.1' } })
        .route('/app1/', app1)
        .route('/app2/', app2, { stripPrefix: false });
      const deployment = await lab.runtime.up(stack);
      const url = deployment.endpoint('web');
      const first = await ask(url, '/app1/a/b?c=d');
      assert.equal(first.host, 'app1');
      assert.equal(first.path, '/a/b?c=d');
      assert.equal(first.headers['host'], url.host);
      assert.equal(first.headers['x-forwarded-prefix'], '/app1');
      assert.equal((await ask(url, '/app2/a')).path, '/app2/a');
      assert.ok((await inspect(`${stack.name}-app1`)).Config.Env.includes('PUBLIC_PREFIX=/app1'));
    });

    it('leave the default page to the router, which shows no dot-file', async () => {
      const stack = lab.stack();
      stack
        .router('web', { publish: { port: 0, host: '127.0.0.1' } })
        .route('/app/', stack.app('app', lightApp()));
      const deployment = await lab.runtime.up(stack);
      const page = await fetch(deployment.endpoint('web'));
      assert.equal(page.status, 200);
      assert.match(await page.text(), /Welcome to nginx!/);
      for (const path of ['/.htaccess', '/.git/config']) {
        assert.equal((await fetch(new URL(path, deployment.endpoint('web')))).status, 403);
      }
    });

    it('cannot be reached from outside', async () => {
      const stack = lab.stack();
      const app = stack.app('app', lightApp());
      stack.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/app/', app);
      const deployment = await lab.runtime.up(stack);
      assert.deepEqual((await inspect(`${stack.name}-app`)).HostConfig.PortBindings ?? {}, {});
      assert.throws(
        () => deployment.endpoint(app),
        (error) => isPlumbstackError(error, 'NOT_FOUND') && error.resource === `${stack.name}/app`,
      );
    });
  });

  describe('a pool', () => {
    it('shares the requests among its workers, behind a router and published by itself', async () => {
      const stack = lab.stack();
      const pool = stack.pool('workers', {
        app: stack.app('app', lightApp()),
        replicas: 3,
        balance: 'roundrobin',
        publish: 0,
      });
      stack.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/app/', pool);
      const deployment = await lab.runtime.up(stack);
      const workers = ['workers-1', 'workers-2', 'workers-3'];
      for (const base of [new URL('/app/', deployment.endpoint('web')), deployment.endpoint('workers')]) {
        const answers = await Promise.all(Array.from({ length: 9 }, () => ask(base, '.')));
        assert.deepEqual([...new Set(answers.map(({ host }) => host))].sort(), workers);
      }
      const status = await deployment.status();
      const seen = status.resources.find(({ resource }) => resource === `${stack.name}/workers`);
      assert.deepEqual([seen?.desired, seen?.running, seen?.healthy], [3, 3, 3]);
    });

    it('keeps a client with its cookie on one worker while others come and go', async () => {
      const stack = lab.stack();
      const pool = stack.pool('workers', {
        app: stack.app('app', lightApp()),
        replicas: 3,
        sticky: 'cookie',
      });
      stack.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/app/', pool);
      const deployment = await lab.runtime.up(stack);
      const url = deployment.endpoint('web');
      const first = await fetch(new URL('/app/', url));
      const cookie = first.headers.get('set-cookie')?.split(';')[0] ?? '';
      const { host } = (await first.json()) as { host: string };
      const stays = async (): Promise<void> => {
        for (let each = 0; each < 5; each++)
          assert.equal((await ask(url, '/app/', { headers: { cookie } })).host, host);
      };
      await stays();
      await deployment.scale(pool, 5);
      await stays();
      await deployment.restart('web');
      await stays();
    });

    it('is mended by the next run after somebody killed one of its workers', async () => {
      const stack = lab.stack();
      stack.pool('workers', { app: stack.app('app', lightApp()), replicas: 2, publish: 0 });
      const deployment = await lab.runtime.up(stack);
      const worker = `${stack.name}-workers-1`;
      await docker('kill', worker);
      await eventually('it has ended', async () => {
        const state = await docker('inspect', '--format', '{{.State.Status}}', worker);
        return state === 'exited' ? state : undefined;
      });
      const plan = await lab.runtime.plan(stack);
      assert.match(plan.toString(), /workers-1\.state: exited -> running/);
      assert.equal((await deployment.status()).healthy, false);
      await lab.runtime.up(stack);
      assert.equal((await deployment.status()).healthy, true);
    });

    it('goes to no worker and back', async () => {
      const stack = lab.stack();
      const pool = stack.pool('workers', { app: stack.app('app', lightApp()), replicas: 1 });
      stack.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/app/', pool);
      const deployment = await lab.runtime.up(stack);
      await deployment.scale(pool, 0);
      const empty = await fetch(new URL('/app/', deployment.endpoint('web')));
      assert.equal(empty.status, 503);
      assert.match(empty.headers.get('retry-after') ?? '', /^\d+$/);
      // Another process, which never saw the program.
      const attached = await new Lab().runtime.attach(stack.name);
      await attached.scale('workers', 2);
      assert.match((await ask(deployment.endpoint('web'), '/app/')).host, /^workers-/);
    });
  });

  it('shows only a router to the public, whatever publishes a port', async () => {
    const stack = lab.stack();
    const app = stack.app('app', lightApp({ publish: 0 }));
    stack.service('db', {
      image: 'debian:forky-slim',
      command: ['sleep', '600'],
      publish: { port: 0, containerPort: 5432 },
    });
    const pool = stack.pool('workers', { app: stack.app('pooled', lightApp()), publish: 0, stats: 0 });
    stack.router('web', { publish: 0 }).route('/app/', app).route('/pool/', pool);
    await lab.runtime.up(stack);
    const ids = await docker('ps', '--quiet', '--filter', `label=io.plumbstack.stack=${stack.name}`);
    const hosts: Record<string, readonly string[]> = {};
    for (const id of ids.split('\n')) {
      const { HostConfig, Config } = await inspect(id);
      assert.notEqual(HostConfig.NetworkMode, 'host');
      const bindings = Object.values(HostConfig.PortBindings ?? {}).flat();
      hosts[Config.Hostname] = [...new Set(bindings.map(({ HostIp }) => HostIp))];
    }
    assert.deepEqual(hosts, {
      app: ['127.0.0.1'],
      db: ['127.0.0.1'],
      workers: ['127.0.0.1'],
      'workers-1': [],
      'workers.front': ['127.0.0.1'],
      web: ['0.0.0.0'],
    });
  });

  it('gives no container the engine, and the proxies no privilege', async () => {
    const stack = lab.stack();
    const pool = stack.pool('workers', { app: stack.app('app', lightApp()), publish: 0 });
    stack.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/app/', pool);
    await lab.runtime.up(stack);
    const names = (
      await docker('ps', '--filter', `label=io.plumbstack.stack=${stack.name}`, '--format', '{{.Names}}')
    ).split('\n');
    assert.deepEqual(
      names.sort(),
      ['web', 'workers', 'workers-1', 'workers.front'].map((each) => `${stack.name}-${each}`),
    );
    for (const name of names) {
      const { Mounts } = await inspect(name);
      assert.equal(
        Mounts.some(({ Source }) => Source.endsWith('docker.sock')),
        false,
      );
    }
    for (const proxy of ['web', 'workers', 'workers.front']) {
      const { HostConfig, Config } = await inspect(`${stack.name}-${proxy}`);
      assert.equal(Config.User, '65532:65532');
      assert.equal(HostConfig.ReadonlyRootfs, true);
      assert.equal(HostConfig.Privileged, false);
      assert.deepEqual(HostConfig.CapDrop, ['ALL']);
      assert.deepEqual(HostConfig.CapAdd ?? [], []);
      assert.ok(HostConfig.SecurityOpt?.some((each) => each.startsWith('no-new-privileges')));
    }
  });
});
