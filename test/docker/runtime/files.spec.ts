import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  isPlumbstackError,
  type AppOptions,
  type Deployment,
  type ResourceReference,
  type Stack,
} from '@plumbstack/core';
import { recordEvents } from '@plumbstack/testing';
import { docker } from '../../support/docker-cli';
import { Lab, leftovers } from '../../support/lab';
import { lightApp } from '../../support/light-app';

describe("a container's files", () => {
  const lab = new Lab();
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'er-files-'));
  });
  afterEach(async () => {
    await lab.clear();
    await rm(folder, { recursive: true });
  });

  const newStack = (): Stack => lab.stack({ baseDir: folder });
  const newVersion = (stack: Stack): Stack => lab.again(stack, { baseDir: folder });

  /** Mode, owner, group and content of a file, as its container sees it. */
  async function file(deployment: Deployment, app: ResourceReference, path: string): Promise<string> {
    const look = 'stat -c "%a %u:%g" "$1" && cat "$1"';
    const { exitCode, stdout, stderr } = await deployment.exec(app, ['sh', '-c', look, 'sh', path]);
    assert.equal(exitCode, 0, stderr);
    return stdout.replace('\n', ' ');
  }

  describe('from the program and from this machine', () => {
    for (const readOnly of [false, true]) {
      it(`arrive as they are, with their modes${readOnly ? ', below a read-only root' : ''}`, async () => {
        const bytes = Buffer.from([0, 255, 10, 13, 128]);
        await writeFile(join(folder, 'data.bin'), bytes, { mode: 0o600 });
        const stack = newStack();
        stack.app(
          'app',
          lightApp({
            readOnly,
            files: [
              { content: 'héllo\n', target: '/etc/app/settings.conf' },
              { content: '', target: '/etc/app/empty', mode: 0o600 },
              { content: '#!/bin/sh\necho "ran as $0"\n', target: '/opt/tools/run', mode: 0o755 },
              { source: './data.bin', target: '/etc/app/sub/data.bin', mode: 0o440 },
            ],
          }),
        );
        const deployment = await lab.runtime.up(stack);
        assert.equal(await file(deployment, 'app', '/etc/app/settings.conf'), '644 0:0 héllo\n');
        assert.equal(await file(deployment, 'app', '/etc/app/empty'), '600 0:0 ');
        const ran = await deployment.exec('app', ['/opt/tools/run']);
        assert.equal(ran.stdout, 'ran as /opt/tools/run\n');
        const hex = await deployment.exec('app', [
          'node',
          '-p',
          "fs.readFileSync('/etc/app/sub/data.bin', 'hex')",
        ]);
        assert.equal(hex.stdout, `${bytes.toString('hex')}\n`);
        // What the image has in the same folders is still there.
        assert.equal((await deployment.exec('app', ['test', '-s', '/etc/passwd'])).exitCode, 0);
        const write = await deployment.exec('app', ['touch', '/usr/new']);
        assert.equal(write.exitCode !== 0, readOnly, write.stderr);
      });
    }

    it('are there for a user that may not write them', async () => {
      const stack = newStack();
      stack.app('app', lightApp({ user: 'node', files: [{ content: 'all', target: '/etc/app/all' }] }));
      const deployment = await lab.runtime.up(stack);
      assert.equal(await file(deployment, 'app', '/etc/app/all'), '644 0:0 all');
      assert.notEqual((await deployment.exec('app', ['sh', '-c', 'echo more >> /etc/app/all'])).exitCode, 0);
    });

    it('replace the container when they change, and say which, not what', async () => {
      const described = (stack: Stack, content: string): Stack => {
        const files = [
          { content, target: '/etc/app/inline' },
          { source: './source.txt', target: '/etc/app/source' },
        ];
        stack.app('app', lightApp({ files }));
        return stack;
      };
      await writeFile(join(folder, 'source.txt'), 'first source');
      const stack = described(newStack(), 'first text');
      const deployment = await lab.runtime.up(stack);
      const id = await docker('inspect', '--format', '{{.Id}}', `${stack.name}-app`);

      await writeFile(join(folder, 'source.txt'), 'second source');
      const bySource = await lab.runtime.plan(stack);
      assert.deepEqual(reasonsOf(bySource, `${stack.name}/app`), ['files./etc/app/source.digest']);
      const both = described(newVersion(stack), 'second text');
      const plan = await lab.runtime.plan(both);
      assert.deepEqual(reasonsOf(plan, `${stack.name}/app`), [
        'files./etc/app/inline.digest',
        'files./etc/app/source.digest',
      ]);
      assert.doesNotMatch(JSON.stringify(plan), /first|second/);
      await lab.runtime.up(both);
      assert.notEqual(await docker('inspect', '--format', '{{.Id}}', `${stack.name}-app`), id);
      assert.equal(await file(deployment, 'app', '/etc/app/inline'), '644 0:0 second text');
      assert.equal(await file(deployment, 'app', '/etc/app/source'), '644 0:0 second source');
      assert.equal((await lab.runtime.plan(both)).isEmpty, true);
    });
  });

  it('are refused where the container would not see them', async () => {
    const stack = newStack();
    const token = stack.secret('token', { value: 'open sesame' });
    const memory = [{ tmpfs: true, target: '/run' }] as const;
    stack.app(
      'lost',
      lightApp({ mounts: memory, secrets: [token], files: [{ content: '', target: '/etc/here' }] }),
    );
    const error: unknown = await lab.runtime.plan(stack).catch((thrown: unknown) => thrown);
    assert.ok(isPlumbstackError(error, 'INVALID_STACK'), String(error));
    const problems = error.details['problems'] as readonly { path: string }[];
    assert.deepEqual(
      problems.map(({ path }) => path),
      ['lost.secrets[0].target'],
    );

    const root = newStack();
    root.app('lost', lightApp({ readOnly: true, files: [{ content: '', target: '/settings' }] }));
    await assert.rejects(lab.runtime.up(root), /INVALID_STACK: .*lost\.files\[0\]\.target: is \/settings/s);
    assert.deepEqual([...(await leftovers(stack.name)), ...(await leftovers(root.name))], []);
  });

  const misplaced: readonly (readonly [title: string, readOnly: boolean, target: string, why: RegExp])[] = [
    ['a folder', false, '/etc/apt', /the image has a folder of that name/],
    ['a folder, below a read-only root', true, '/usr/lib', /the image has a folder of that name/],
    ['a file for a folder', false, '/etc/passwd/mine', /has a file where its folder would be/],
    ['a file for a folder, below a read-only root', true, '/etc/passwd/mine', /has a file where its folder/],
    ['a link for a folder, below a read-only root', true, '/lib/mine', /a link is where its folder would be/],
  ];
  for (const [title, readOnly, target, why] of misplaced) {
    it(`are refused with their target where the image has ${title}, and harm nothing of it`, async () => {
      const stack = newStack();
      const files = [
        { content: 'harmless', target: '/opt/here' },
        { content: 'mine', target },
      ];
      stack.app('app', lightApp({ readOnly, files }));
      const error: unknown = await lab.runtime.up(stack).catch((thrown: unknown) => thrown);
      assert.ok(isPlumbstackError(error, 'INVALID_STACK'), String(error));
      assert.equal(error.resource, `${stack.name}/app`);
      assert.ok((error.details['targets'] as readonly string[]).includes(target));
      assert.match(error.message, why);
      assert.ok(error.message.includes(target), error.message);
      await lab.runtime.down(stack, { volumes: true });
      assert.deepEqual(await leftovers(stack.name), []);
    });
  }

  it('are seen beside and below memory where the root is read-only', async () => {
    const stack = newStack();
    const mounts = [
      { tmpfs: true, target: '/run' },
      { tmpfs: true, target: '/tmp' },
    ] as const;
    const files = [{ content: 'below', target: '/tmp/a/b' }];
    const secrets = [stack.secret('token', { value: 'open sesame' })];
    stack.app('app', lightApp({ readOnly: true, mounts, files, secrets }));
    const deployment = await lab.runtime.up(stack);
    assert.equal(await file(deployment, 'app', '/run/secrets/token'), '400 0:0 open sesame');
    assert.equal(await file(deployment, 'app', '/tmp/a/b'), '644 0:0 below');
  });

  describe('that hold secrets', () => {
    const users: readonly (readonly [string, AppOptions, string])[] = [
      ['the user that the image has', {}, '0:0'],
      ['a user by name', { user: 'node' }, '1000:0'],
      ['a user by number', { user: '4711' }, '4711:0'],
      ['a user and a group by name', { user: 'node:node' }, '1000:0'],
    ];
    for (const [whose, options, owner] of users) {
      for (const readOnly of [false, true]) {
        it(`belong to ${whose}${readOnly ? ', below a read-only root' : ''}, and to nobody else`, async () => {
          const stack = newStack();
          const token = stack.secret('token', { value: 'open sesame' });
          const secrets = [token, { secret: token, target: '/etc/keys/token.txt' }];
          stack.app('app', lightApp({ ...options, readOnly, secrets }));
          const deployment = await lab.runtime.up(stack);
          // Read by the container's own user: whoever runs `cat` is the one that the app is.
          for (const path of ['/run/secrets/token', '/etc/keys/token.txt'])
            assert.equal(await file(deployment, 'app', path), `400 ${owner} open sesame`);
          const strange = ['exec', '--user', '12345:12345', `${stack.name}-app`, 'cat', '/run/secrets/token'];
          await assert.rejects(docker(...strange), /Permission denied/);
        });
      }
    }

    it('belong to the user of an image that has one of its own', async () => {
      const stack = newStack();
      const secrets = [stack.secret('token', { value: 'open sesame' })];
      stack.service('idle', { image: 'haproxy:3.2', entrypoint: ['sleep'], command: ['600'], secrets });
      const deployment = await lab.runtime.up(stack);
      const uid = (await deployment.exec('idle', ['id', '-u'])).stdout.trim();
      assert.notEqual(uid, '0');
      assert.equal(await file(deployment, 'idle', '/run/secrets/token'), `400 ${uid}:0 open sesame`);
    });

    it('have the value of each of the places that a value comes from', async () => {
      await writeFile(join(folder, 'key.pem'), 'from\na file\n');
      process.env['ER_FILES_TOKEN'] = 'from the environment';
      try {
        const stack = newStack();
        const secrets = [
          stack.secret('file', { file: './key.pem' }),
          stack.secret('variable', { env: 'ER_FILES_TOKEN' }),
          stack.secret('text', { value: 'from the program' }),
          stack.secret('random', { generateBytes: 24 }),
        ];
        stack.app('app', lightApp({ secrets }));
        const deployment = await lab.runtime.up(stack);
        assert.equal(await file(deployment, 'app', '/run/secrets/file'), '400 0:0 from\na file\n');
        assert.equal(await file(deployment, 'app', '/run/secrets/variable'), '400 0:0 from the environment');
        assert.equal(await file(deployment, 'app', '/run/secrets/text'), '400 0:0 from the program');
        assert.match(await file(deployment, 'app', '/run/secrets/random'), /^400 0:0 [0-9a-f]{48}$/);
      } finally {
        delete process.env['ER_FILES_TOKEN'];
      }
    });

    it('are in no inspection, plan, event, log or image', async () => {
      using recorder = recordEvents(lab.runtime.events);
      const values = Array.from({ length: 3 }, () => randomBytes(12).toString('hex'));
      const [first = '', second = '', changed = ''] = values;
      const described = (stack: Stack, token: string): Stack => {
        const secrets = [
          stack.secret('token', { value: token }),
          stack.secret('made', { generateBytes: 16 }),
        ];
        const app = stack.app('app', lightApp({ secrets }));
        const worker = stack.app('worker', lightApp({ secrets }));
        const pool = stack.pool('pool', { app: worker, replicas: 2 });
        stack.service(
          'cache',
          lightApp({ readOnly: true, secrets: [stack.secret('other', { value: second })] }),
        );
        stack
          .router('web', { publish: { port: 0, host: '127.0.0.1' } })
          .route('/app/', app)
          .route('/pool/', pool);
        return stack;
      };
      const stack = described(newStack(), first);
      const plans = [await lab.runtime.plan(stack)];
      const deployment = await lab.runtime.up(stack);
      const next = described(newVersion(stack), changed);
      plans.push(await lab.runtime.plan(next));
      await lab.runtime.up(next);
      const made = (await deployment.exec('app', ['cat', '/run/secrets/made'])).stdout;
      assert.match(made, /^[0-9a-f]{32}$/);

      const seen = {
        inspected: await inspectedOf(stack.name),
        plans: plans.map((each) => `${JSON.stringify(each)}${each.toString()}`).join(),
        events: JSON.stringify(recorder.events),
        status: JSON.stringify(await deployment.status()),
        spec: JSON.stringify(next.toSpec()),
        logs: await logsOf(deployment),
      };
      // What is searched is what there is.
      assert.ok(
        seen.inspected.includes(`${stack.name}-app`) &&
          seen.inspected.includes(`${stack.name}-pool.balancer`),
      );
      for (const value of [...values, made]) {
        for (const form of [
          value,
          Buffer.from(value).toString('base64').replace(/=+$/, ''),
          Buffer.from(value).toString('hex'),
        ]) {
          for (const [where, text] of Object.entries(seen))
            assert.equal(text.includes(form), false, `a secret is in the ${where}`);
        }
      }
    });

    it('replace the container when they change, and the plan shows no value', async () => {
      const described = (stack: Stack, value: string): Stack => {
        const app = lightApp({ secrets: [stack.secret('token', { value })] });
        stack.app('app', app);
        stack.pool('pool', { app: stack.app('worker', app), replicas: 1 });
        return stack;
      };
      const stack = described(newStack(), 'the old value');
      const deployment = await lab.runtime.up(stack);
      const next = described(newVersion(stack), 'the new value');
      const plan = await lab.runtime.plan(next);
      assert.deepEqual(reasonsOf(plan, `${stack.name}/app`), ['secrets./run/secrets/token']);
      assert.match(plan.toString(), /secrets\.\/run\/secrets\/token: [0-9a-f]+ -> [0-9a-f]+/);
      assert.doesNotMatch(`${JSON.stringify(plan)}${plan.toString()}`, /old value|new value/);
      await lab.runtime.up(next);
      for (const each of ['app', 'pool'])
        assert.equal(await file(deployment, each, '/run/secrets/token'), '400 0:0 the new value');
      assert.equal((await lab.runtime.plan(next)).isEmpty, true);
    });

    it('stay what they are over down and up when they are generated, until their volume goes', async () => {
      const described = (stack: Stack): Stack => {
        stack.app('app', lightApp({ secrets: [stack.secret('token', { generateBytes: 16 })] }));
        return stack;
      };
      const value = async (stack: Stack): Promise<string> => {
        const deployment = await lab.runtime.up(described(stack));
        return file(deployment, 'app', '/run/secrets/token');
      };
      const stack = newStack();
      const first = await value(stack);
      assert.match(first, /^400 0:0 [0-9a-f]{32}$/);
      assert.equal((await lab.runtime.plan(described(newVersion(stack)))).isEmpty, true);
      await lab.runtime.down(stack);
      // The volume, and what keeps it readable.
      assert.deepEqual([...new Set(await leftovers(stack.name))], [`${stack.name}-token.secret`]);
      assert.equal(await value(newVersion(stack)), first);
      await lab.runtime.down(stack, { volumes: true });
      assert.deepEqual(await leftovers(stack.name), []);
      assert.notEqual(await value(newVersion(stack)), first);
    });
  });
});

function reasonsOf(
  { steps }: { readonly steps: readonly { resource: string; reasons: readonly { path: string }[] }[] },
  resource: string,
): readonly string[] {
  return steps
    .filter((each) => each.resource === resource)
    .flatMap(({ reasons }) => reasons.map(({ path }) => path))
    .sort();
}

/** Everything that `docker inspect` tells of a stack's containers, their images and history, volumes and networks. */
async function inspectedOf(stack: string): Promise<string> {
  const filter = ['--filter', `label=io.plumbstack.stack=${stack}`, '--quiet'];
  const ids = async (...args: readonly string[]): Promise<readonly string[]> =>
    (await docker(...args, ...filter)).split('\n').filter((each) => each !== '');
  const containers = await ids('ps', '--all', '--no-trunc');
  const images = (await docker('inspect', '--format', '{{.Image}}', ...containers)).split('\n');
  const unique = [...new Set(images)];
  const parts = await Promise.all([
    docker('container', 'inspect', ...containers),
    docker('image', 'inspect', ...unique),
    ...unique.map((each) => docker('image', 'history', '--no-trunc', each)),
    docker('volume', 'inspect', ...(await ids('volume', 'ls'))),
    docker('network', 'inspect', ...(await ids('network', 'ls'))),
  ]);
  return parts.join('\n');
}

async function logsOf(deployment: Deployment): Promise<string> {
  const lines: string[] = [];
  for await (const { text } of deployment.logs()) lines.push(text);
  return lines.join('\n');
}
