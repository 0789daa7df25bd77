import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  isPlumbstackError,
  plumber,
  type AppOptions,
  type PlumbstackError,
  type PlumbstackErrorCode,
  Stack,
} from '@plumbstack/core';
import { DockerRuntime, type DockerRuntimeOptions } from '@plumbstack/docker';
import { recordEvents } from '@plumbstack/testing';
import { docker, hostPort } from '../../support/docker-cli';
import { ask, eventually, Lab, leftovers } from '../../support/lab';
import { lightApp, lightAppOf } from '../../support/light-app';
import { refusalOf } from '../../core/refusal';
import { certificate } from '../proxy/check-configs';

const loopback = { port: 0, host: '127.0.0.1' } as const;

/** An app that runs a line of JavaScript. */
function script(code: string, options: AppOptions = {}): AppOptions {
  return { image: 'node:24-slim', command: ['node', '-e', code], ...options };
}

async function rejection(work: Promise<unknown>, code: PlumbstackErrorCode): Promise<PlumbstackError> {
  const error: unknown = await work.then(
    () => assert.fail(`${code} is wanted, and it was done`),
    (thrown: unknown) => thrown,
  );
  assert.ok(isPlumbstackError(error, code), `${code} is wanted, not ${String(error)}`);
  // Whoever reads a log line alone knows what it is, what it is about and what to do.
  assert.ok(error.hint, `no hint: ${error.message}`);
  assert.ok(
    error.message.startsWith(`${code}: ${error.resource === undefined ? '' : `${error.resource}: `}`),
  );
  assert.ok(error.message.endsWith(error.hint));
  return error;
}

describe('a bad input', () => {
  const lab = new Lab();
  const stacks: Stack[] = [];
  let folder: string;

  const newStack = (): Stack => {
    const stack = lab.stack({ baseDir: folder });
    stacks.push(stack);
    return stack;
  };
  const newVersion = (stack: Stack): Stack => lab.again(stack, { baseDir: folder });
  const fails = (stack: Stack, code: PlumbstackErrorCode): Promise<PlumbstackError> =>
    rejection(lab.runtime.up(stack), code);

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'er-errors-'));
  });

  // Whatever a failed run has left, one `down` takes away.
  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
    for (const { name } of stacks.splice(0)) {
      await lab.runtime.down(name, { volumes: true });
      assert.deepEqual(await leftovers(name), []);
      const images = await docker('image', 'ls', '--quiet', '--filter', `label=io.plumbstack.stack=${name}`);
      if (images !== '') await docker('image', 'rm', ...new Set(images.split('\n')));
    }
    await lab.clear();
  });

  describe('of an option', () => {
    it('is refused at the call, with the option that was probably meant', () => {
      const error = refusalOf(() => newStack().app('app', { imgae: 'nginx' } as unknown as AppOptions));
      assert.equal(error.details['path'], 'app.imgae');
      assert.match(error.hint ?? '', /"image"/);
    });

    it('of the runtime itself is refused in the same way', () => {
      const unknown = refusalOf(() => new DockerRuntime({ basedir: '.' } as DockerRuntimeOptions));
      assert.equal(unknown.details['path'], 'DockerRuntime.basedir');
      assert.match(unknown.hint ?? '', /"baseDir"/);
      const known = [
        ...['host', 'context', 'baseDir', 'addressPool', 'callTimeoutMs', 'concurrency'],
        ...['keepImages', 'readSecret', 'client'],
      ];
      assert.deepEqual(unknown.details['known'], known);
      const wrong: Readonly<Record<string, unknown>> = {
        host: 2375,
        context: '',
        baseDir: null,
        addressPool: '10.0.0.0/24',
        callTimeoutMs: 0.5,
        concurrency: 0,
        keepImages: -1,
        readSecret: 'vault',
        client: 'dockerode',
      };
      assert.deepEqual(Object.keys(wrong), known);
      for (const [name, value] of Object.entries(wrong)) {
        const error = refusalOf(() => new DockerRuntime({ [name]: value }));
        assert.equal(error.details['path'], `DockerRuntime.${name}`);
      }
    });
  });

  describe('of an image', () => {
    it('that is a folder which does not exist is told with its path', async () => {
      const stack = newStack();
      stack.app('app', { build: './nowhere' });
      const error = await fails(stack, 'NOT_FOUND');
      assert.equal(error.resource, `${stack.name}/app`);
      assert.equal(error.details['path'], join(folder, 'nowhere'));
      assert.deepEqual(await leftovers(stack.name), []);
    });

    it('whose Dockerfile fails is told with the step and the last lines', async () => {
      const stack = newStack();
      const dockerfile = (end: string): string =>
        `FROM node:24-slim\nRUN echo before\nRUN echo this went wrong >&2; ${end}\nCMD ["node", "-e", "require('http').createServer((_, r) => r.end()).listen(8000)"]\n`;
      await writeFile(join(folder, 'Dockerfile'), dockerfile('exit 3'));
      stack.app('app', { build: '.' });
      const error = await fails(stack, 'IMAGE_BUILD_FAILED');
      assert.equal(error.resource, `${stack.name}/app`);
      assert.equal(
        error.details['step'],
        'Step 3/5 : RUN echo this went wrong >&2; exit 3'.replace('/5', stepsOf(error)),
      );
      assert.deepEqual(error.details['lastLines'], ['this went wrong']);
      assert.equal(error.details['exitCode'], 3);
      await writeFile(join(folder, 'Dockerfile'), dockerfile('exit 0'));
      assert.equal((await (await lab.runtime.up(stack)).status()).healthy, true);
    });

    it('that does not exist is told with its name, and why', async () => {
      const missing = `localhost:9/${randomBytes(4).toString('hex')}:1`;
      const stack = newStack();
      stack.app('app', { image: missing });
      const pulled = await fails(stack, 'IMAGE_PULL_FAILED');
      assert.equal(pulled.resource, `${stack.name}/app`);
      assert.deepEqual([pulled.details['image'], pulled.details['why']], [missing, 'unreachable']);

      const other = newStack();
      other.app('app', { image: { reference: missing, pull: 'never' } });
      const never = await fails(other, 'IMAGE_PULL_FAILED');
      assert.equal(never.resource, `${other.name}/app`);
      assert.equal(never.details['image'], missing);
    });
  });

  describe('of a port', () => {
    it("that another container has names it, and the old version's port goes on answering", async () => {
      const holder = `er-holder-${randomBytes(3).toString('hex')}`;
      await withContainer(holder, ['--publish', '127.0.0.1:0:8000'], async () => {
        const port = await hostPort(holder, 8000);
        const stack = newStack();
        stack.app('app', lightAppOf('1', { publish: 0 }));
        const deployment = await lab.runtime.up(stack);
        const url = deployment.endpoint('app');
        const next = newVersion(stack);
        next.app('app', lightAppOf('2', { publish: port }));
        const error = await fails(next, 'PORT_IN_USE');
        assert.equal(error.resource, `${stack.name}/app`);
        assert.deepEqual(error.details, { host: '127.0.0.1', port, holder: `the container ${holder}` });
        const { version } = await eventually('the old version answers', () => ask(url, '/'));
        assert.equal(version, '1');
      });
    });

    it('that a process of this machine has names it with its id', async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      try {
        const { port } = server.address() as AddressInfo;
        const stack = newStack();
        stack.app('app', lightApp({ publish: port }));
        const error = await fails(stack, 'PORT_IN_USE');
        assert.equal(error.resource, `${stack.name}/app`);
        assert.deepEqual([error.details['host'], error.details['port']], ['127.0.0.1', port]);
        assert.match(String(error.details['holder']), new RegExp(`^the process ${process.pid} \\(.+\\)$`));
      } finally {
        server.close();
      }
    });
  });

  describe('of an app', () => {
    for (const [live, code] of [
      [false, 'IMAGE_BUILD_FAILED'],
      [true, 'START_FAILED'],
    ] as const)
      it(`in R that does not parse is told in the words of R${live ? ', where its folder is mounted too' : ''}`, async () => {
        await writeFile(join(folder, 'plumber.R'), '#* @get /\nfunction( {\n');
        const stack = newStack();
        stack.app('api', plumber('./plumber.R', { live }));
        const error = await fails(stack, code);
        assert.equal(error.resource, `${stack.name}/api`);
        assert.equal(error.details['exitCode'], 1);
        assert.match((error.details['lastLines'] as string[]).join('\n'), /unexpected '\{'/);
        assert.match(error.message, /unexpected '\{'/);
      });

    it('that never listens, or on its own loopback only, is told what was waited for', async () => {
      const stack = newStack();
      const patience = { startTimeoutMs: 3000 };
      stack.app('never', script("console.log('busy'); setInterval(() => {}, 1000)", patience));
      stack.app('loopback', script("require('http').createServer().listen(8000, '127.0.0.1')", patience));
      const run = await fails(stack, 'RUN_FAILED');
      const errors = run.details['errors'] as readonly PlumbstackError[];
      assert.deepEqual(
        errors
          .map(({ code, resource, details }) => [code, resource, details['waitedFor'], details['lastLines']])
          .sort(),
        [
          ['UNHEALTHY', `${stack.name}/loopback`, 'an open port 8000', []],
          ['UNHEALTHY', `${stack.name}/never`, 'an open port 8000', ['busy']],
        ],
      );
      for (const { hint, message, details } of errors) {
        assert.match(hint ?? '', /0\.0\.0\.0/);
        assert.match(message, /an open port 8000 did not come in time; last seen: connection refused\./);
        assert.deepEqual(details['healthOutput'], ['connection refused']);
      }
    });

    const answered: readonly (readonly [string, string, string])[] = [
      ['a status', '(_, response) => { response.statusCode = 503; response.end(); }', 'status 503'],
      ['nothing', '() => {}', 'no answer within 0.5 s'],
      ['the end of the connection', '({ socket }) => socket.destroy()', 'closed without an answer'],
    ];
    for (const [what, listener, lastSeen] of answered) {
      it(`that answers its check with ${what}, as one app or as workers, is told with that`, async () => {
        const stack = newStack();
        const app = script(`require('http').createServer(${listener}).listen(8000)`, {
          health: { http: '/ready', timeoutMs: 500 },
          startTimeoutMs: 2000,
        });
        stack.app('one', app);
        stack.pool('many', { app: stack.app('worker', app), replicas: 1 });
        const errors = (await fails(stack, 'RUN_FAILED')).details['errors'] as readonly PlumbstackError[];
        assert.deepEqual(errors.map(({ resource }) => resource).sort(), [
          `${stack.name}/many`,
          `${stack.name}/one`,
        ]);
        for (const { code, message, details } of errors) {
          assert.equal(code, 'UNHEALTHY');
          const waitedFor = 'an answer of 200 to 399 to GET /ready on port 8000';
          assert.ok(message.includes(`${waitedFor} did not come in time; last seen: ${lastSeen}.`), message);
          assert.deepEqual(details['healthOutput'], [lastSeen]);
        }
      });
    }

    it('that needs more memory than it may have is told to be given more', async () => {
      const stack = newStack();
      const greedy = 'const all = []; for (;;) all.push(Buffer.alloc(8 * 1024 * 1024, 1))';
      stack.app('app', script(greedy, { resources: { memoryBytes: 64 * 1024 * 1024 } }));
      const error = await fails(stack, 'START_FAILED');
      assert.equal(error.resource, `${stack.name}/app`);
      // An engine may hear of the end before it hears why; the hint is the same.
      assert.equal(error.details['exitCode'], 137);
      assert.match(error.hint ?? '', /memoryBytes/);
    });

    it('that fails its own health check is told with what that said, and what it said itself', async () => {
      const stack = newStack();
      const says = "console.log('waits for its database'); setInterval(() => {}, 1000)";
      const command = ['sh', '-c', 'echo no database at db:5432 >&2; exit 1'];
      const health = { command, intervalMs: 200, timeoutMs: 2000, retries: 2 };
      stack.service('job', script(says, { health, startTimeoutMs: 3000 }));
      const error = await fails(stack, 'UNHEALTHY');
      const { lastLines, healthOutput, waitedFor, exitCode, oomKilled } = error.details;
      assert.deepEqual(lastLines, ['waits for its database']);
      assert.equal((healthOutput as readonly string[]).at(-1), 'no database at db:5432');
      assert.equal(waitedFor, `a passing health check (${command.join(' ')})`);
      assert.deepEqual([exitCode, oomKilled], [0, false]);
      assert.match(error.hint ?? '', /no database at db:5432/);
    });

    it('whose program is not in the image is told so', async () => {
      const stack = newStack();
      stack.app('app', { image: 'node:24-slim', command: ['no-such-program'], entrypoint: [], init: false });
      const error = await fails(stack, 'START_FAILED');
      assert.equal(error.resource, `${stack.name}/app`);
      assert.match(error.message, /no-such-program/);
    });
  });

  describe('of a file', () => {
    it('that is mounted and does not exist is told with its path, and the next run finds it', async () => {
      const stack = newStack();
      stack.app('app', lightApp({ mounts: [{ bind: './data', target: '/data' }] }));
      const error = await fails(stack, 'NOT_FOUND');
      assert.equal(error.resource, `${stack.name}/app`);
      assert.equal(error.details['path'], join(folder, 'data'));
      await mkdir(join(folder, 'data'));
      assert.equal((await (await lab.runtime.up(stack)).status()).healthy, true);
    });

    it('that is put in and does not exist is told before anything is made', async () => {
      const stack = newStack();
      stack.app('app', lightApp({ files: [{ source: './settings.json', target: '/etc/settings.json' }] }));
      const error = await fails(stack, 'NOT_FOUND');
      assert.equal(error.resource, `${stack.name}/app`);
      assert.deepEqual(error.details, { path: join(folder, 'settings.json'), target: '/etc/settings.json' });
      assert.deepEqual(await leftovers(stack.name), []);
    });

    it('or a variable that a secret comes from is told before anything is made', async () => {
      const fromFile = newStack();
      fromFile.app('app', lightApp({ secrets: [fromFile.secret('token', { file: './token' })] }));
      const file = await fails(fromFile, 'NOT_FOUND');
      assert.equal(file.resource, `${fromFile.name}/token`);
      assert.equal(file.details['path'], join(folder, 'token'));

      const fromVariable = newStack();
      const secret = fromVariable.secret('token', { env: 'ER_NO_SUCH_VARIABLE' });
      fromVariable.app('app', lightApp({ secrets: [secret] }));
      const variable = await fails(fromVariable, 'NOT_FOUND');
      assert.equal(variable.resource, `${fromVariable.name}/token`);
      assert.equal(variable.details['variable'], 'ER_NO_SUCH_VARIABLE');
      for (const { name } of [fromFile, fromVariable]) assert.deepEqual(await leftovers(name), []);
    });
  });

  describe("of a name that is somebody else's", () => {
    // Whatever the run does, what is theirs stays as it is.
    async function isUntouched<T>(facts: () => Promise<T>, work: () => Promise<void>): Promise<void> {
      const before = await facts();
      await work();
      assert.deepEqual(await facts(), before);
    }

    async function beside(name: string, work: () => Promise<void>): Promise<void> {
      const format = '{{.Id}} {{.State.Status}} {{.Config.Labels}}';
      await withContainer(name, [], () =>
        isUntouched(() => docker('inspect', '--format', format, name), work),
      );
    }

    it('a container, is told with its image, and the next run has it when it is free', async () => {
      const stack = newStack();
      stack.app('app', lightApp());
      await beside(`${stack.name}-app`, async () => {
        const error = await fails(stack, 'NOT_OURS');
        assert.equal(error.resource, `${stack.name}/app`);
        assert.equal(error.details['container'], `${stack.name}-app`);
        assert.equal(error.details['image'], 'node:24-slim');
        await lab.runtime.down(stack);
        assert.deepEqual(await leftovers(stack.name), []);
      });
      assert.equal((await (await lab.runtime.up(stack)).status()).healthy, true);
    });

    it('a worker of a pool, does no harm to the workers that are there', async () => {
      const stack = newStack();
      const pooled = (version: Stack, replicas: number): void => {
        version.pool('pool', { app: version.app('app', lightApp()), replicas, publish: loopback });
      };
      pooled(stack, 1);
      const deployment = await lab.runtime.up(stack);
      await beside(`${stack.name}-pool-2`, async () => {
        const next = newVersion(stack);
        pooled(next, 2);
        const error = await fails(next, 'NOT_OURS');
        assert.equal(error.resource, `${stack.name}/pool`);
        assert.equal(error.details['container'], `${stack.name}-pool-2`);
      });
      assert.equal((await ask(deployment.endpoint('pool'), '/')).host, 'pool-1');
    });

    it('the container that would be the lease, is waited for by nobody', async () => {
      const stack = newStack();
      stack.app('app', lightApp());
      await beside(`${stack.name}.lease`, async () => {
        const error = await fails(stack, 'NOT_OURS');
        assert.equal(error.resource, stack.name);
        assert.equal(error.details['container'], `${stack.name}.lease`);
        assert.deepEqual(await leftovers(stack.name), []);
      });
    });

    for (const [whose, suffix, resource] of [
      ["the routers'", '', ''],
      ["an app's", '_app', '/app'],
    ] as const) {
      it(`${whose} network, is told already by the plan`, async () => {
        const stack = newStack();
        stack.router('web').route('/', stack.app('app', lightApp()));
        const network = `${stack.name}${suffix}`;
        await docker('network', 'create', network);
        try {
          const facts = (): Promise<string> => docker('network', 'inspect', network);
          await isUntouched(facts, async () => {
            for (const verb of ['plan', 'up'] as const) {
              const error = await rejection(lab.runtime[verb](stack), 'NOT_OURS');
              assert.equal(error.resource, `${stack.name}${resource}`);
              assert.equal(error.details['network'], network);
            }
            await rejection(lab.runtime.attach(stack.name), 'NOT_FOUND');
            await lab.runtime.down(stack, { volumes: true });
          });
        } finally {
          await docker('network', 'rm', network);
        }
      });
    }

    it('a volume, for data, a configuration or a secret, is neither used nor removed', async () => {
      const withData = newStack();
      withData.app('app', lightApp({ mounts: [{ volume: withData.volume('data'), target: '/data' }] }));
      const withConfig = newStack();
      withConfig.router('web', { publish: loopback }).route('/', withConfig.app('app', lightApp()));
      const withSecret = newStack();
      withSecret.app('app', lightApp({ secrets: [withSecret.secret('token', { generateBytes: 16 })] }));
      const cases = [
        [withData, 'data', `${withData.name}-data`],
        [withConfig, 'web', `${withConfig.name}-web.router`],
        [withSecret, 'token', `${withSecret.name}-token.secret`],
      ] as const;
      for (const [stack, resource, volume] of cases) {
        await docker('volume', 'create', '--label', 'whose=mine', volume);
        try {
          await isUntouched(
            () => docker('volume', 'inspect', volume),
            async () => {
              const error = await fails(stack, 'NOT_OURS');
              assert.equal(error.resource, `${stack.name}/${resource}`);
              assert.equal(error.details['volume'], volume);
              await lab.runtime.down(stack, { volumes: true });
              assert.deepEqual(await leftovers(stack.name), []);
            },
          );
        } finally {
          await docker('volume', 'rm', '--force', volume);
        }
      }
    });

    it("another stack's, is refused with the name of that stack", async () => {
      const other = newStack();
      other.app('a-b', lightApp());
      await lab.runtime.up(other);
      const near = new Stack(`${other.name}-a`);
      near.app('b', lightApp());
      stacks.push(near);
      const error = await fails(near, 'NOT_OURS');
      assert.equal(error.resource, `${near.name}/b`);
      assert.ok(error.message.includes(`belongs to the stack "${other.name}"`), error.message);
      await lab.runtime.down(near, { volumes: true });
      assert.equal((await lab.runtime.plan(other)).isEmpty, true);
    });
  });

  describe("of an engine's address", () => {
    it('where nothing is, is told with the address and the reason', async () => {
      const socket = join(folder, 'no.sock');
      const cases = [
        [`unix://${socket}`, 'ENOENT'],
        [`tcp://127.0.0.1:9`, 'ECONNREFUSED'],
      ] as const;
      for (const [host, code] of cases) {
        await using runtime = new DockerRuntime({ host });
        const stack = newStack();
        stack.app('app', lightApp());
        const verbs = [
          () => runtime.up(stack),
          () => runtime.plan(stack),
          () => runtime.down(stack),
          () => runtime.attach(stack.name),
          () => runtime.list(),
        ];
        for (const verb of verbs) {
          const error = await rejection(verb(), 'ENGINE_UNREACHABLE');
          assert.deepEqual([error.details['address'], error.details['code']], [host, code]);
        }
      }
    });

    it('where nobody ever answers, is given up in time', async () => {
      const host = join(folder, 'silent.sock');
      const accepted = new Set<Socket>();
      const silent = createServer((socket) => accepted.add(socket)).listen(host);
      await once(silent, 'listening');
      try {
        await using runtime = new DockerRuntime({ host: `unix://${host}`, callTimeoutMs: 500 });
        const stack = newStack();
        stack.app('app', lightApp());
        const start = performance.now();
        const error = await rejection(runtime.up(stack), 'ENGINE_UNREACHABLE');
        const took = performance.now() - start;
        assert.ok(took >= 500 && took < 3000, `${took} ms`);
        assert.equal(error.details['address'], `unix://${host}`);
        assert.equal(error.details['deadlineMs'], 500);

        await using patient = new DockerRuntime({ host: `unix://${host}` });
        const timeout = await rejection(patient.up(stack, { timeoutMs: 300 }), 'TIMEOUT');
        assert.equal(timeout.details['timeoutMs'], 300);
        assert.ok(accepted.size > 0);
      } finally {
        for (const each of accepted) each.destroy();
        silent.close();
      }
    });
  });

  describe('in an update', () => {
    it("of a router, is rejected in nginx's own words, and the old configuration stays for good", async () => {
      const [good, other] = await Promise.all([certificate(), certificate()]);
      const contents = (files: typeof good): readonly string[] => files.map(({ content }) => content);
      const [cert = '', key = ''] = contents(good);
      const [, strangeKey = ''] = contents(other);
      const secured = (stack: Stack, keyText: string): void => {
        const tls = {
          certificate: stack.secret('cert', { value: cert }),
          key: stack.secret('key', { value: keyText }),
        };
        stack.router('web', { publish: loopback, tls }).route('/', stack.app('app', lightApp()));
      };
      const stack = newStack();
      secured(stack, key);
      const deployment = await lab.runtime.up(stack);
      const url = deployment.endpoint('web');
      assert.equal(await statusOf(url), 200);

      const bad = newVersion(stack);
      secured(bad, strangeKey);
      const error = await fails(bad, 'CONFIG_REJECTED');
      assert.equal(error.resource, `${stack.name}/web`);
      assert.match(String(error.details['words']), /\[emerg\].*key values mismatch/);
      assert.equal(error.message.includes('PRIVATE KEY'), false);
      assert.equal(await statusOf(url), 200);
      // What it would read if it had to start again is the old one too.
      await docker('restart', `${stack.name}-web`);
      await eventually('the router answers after its restart', () => statusOf(url));
      assert.equal((await lab.runtime.plan(stack)).isEmpty, true);
    });

    it("of a new router's certificate, is told in nginx's own words", async () => {
      const stack = newStack();
      const tls = {
        certificate: stack.secret('cert', { value: 'none' }),
        key: stack.secret('key', { value: 'none' }),
      };
      stack.router('web', { publish: loopback, tls }).route('/', stack.app('app', lightApp()));
      const error = await fails(stack, 'START_FAILED');
      assert.equal(error.resource, `${stack.name}/web`);
      assert.match((error.details['lastLines'] as string[]).join('\n'), /cannot load certificate/);
    });

    it('of an app with a port of its own, is told when the old version answers on it again', async () => {
      const slow = (version: string): AppOptions => {
        const { command = [], ...options } = lightAppOf(version, { publish: loopback });
        const late = `setTimeout(() => { ${command[2]} }, 1500)`;
        return { ...options, command: ['node', '-e', late], health: { http: '/' } };
      };
      const stack = newStack();
      stack.app('app', slow('1'));
      const deployment = await lab.runtime.up(stack);
      const next = newVersion(stack);
      next.app('app', { ...script("console.log('no such column'); process.exit(4)"), publish: loopback });
      using recorder = recordEvents(lab.runtime.events);
      const error = await fails(next, 'START_FAILED');
      // At once: whoever reads of the failure looks whether the old one is well.
      assert.equal((await ask(deployment.endpoint('app'), '/')).version, '1');
      assert.equal(error.resource, `${stack.name}/app`);
      assert.deepEqual(
        recorder.of('update:rolledback').map(({ resource }) => resource),
        [`${stack.name}/app`],
      );
      assert.equal((await lab.runtime.plan(stack)).isEmpty, true);
    });

    it('of an app with a port of its own whose old version does not come back either, tells both failures', async () => {
      const stack = newStack();
      const mounts = [{ volume: stack.volume('data'), target: '/data' }];
      const first = script(
        "const fs = require('fs'); if (fs.existsSync('/data/been')) process.exit(6);" +
          "fs.writeFileSync('/data/been', ''); require('http').createServer((_, r) => r.end()).listen(8000)",
        { publish: loopback, mounts },
      );
      stack.app('app', first);
      await lab.runtime.up(stack);
      const next = newVersion(stack);
      next.app('app', {
        ...script('process.exit(4)'),
        publish: loopback,
        mounts: [{ volume: next.volume('data'), target: '/data' }],
      });
      using recorder = recordEvents(lab.runtime.events);
      const error = await fails(next, 'RUN_FAILED');
      assert.equal(error.resource, `${stack.name}/app`);
      const errors = error.details['errors'] as readonly PlumbstackError[];
      assert.deepEqual(
        errors.map(({ code, details }) => [code, details['exitCode']]),
        [
          ['START_FAILED', 4],
          ['START_FAILED', 6],
        ],
      );
      assert.deepEqual(recorder.of('update:rolledback'), []);
    });

    const badVersions: readonly (readonly [string, AppOptions, PlumbstackErrorCode])[] = [
      ['that ends', script("console.log('no such column'); process.exit(4)"), 'START_FAILED'],
      [
        'that has no such program',
        { image: 'node:24-slim', entrypoint: ['no-such-program'], init: false },
        'START_FAILED',
      ],
      [
        'that answers with errors',
        script("require('http').createServer((_, r) => { r.statusCode = 500; r.end(); }).listen(8000)", {
          health: { http: '/' },
          startTimeoutMs: 2000,
        }),
        'UNHEALTHY',
      ],
      ['that does not answer', script('setInterval(() => {}, 1000)', { startTimeoutMs: 2000 }), 'UNHEALTHY'],
    ];
    for (const [title, options, code] of badVersions) {
      it(`of a routed app ${title}, leaves the old version to every request`, async () => {
        const stack = newStack();
        stack.router('web', { publish: loopback }).route('/app/', stack.app('app', lightAppOf('1')));
        const deployment = await lab.runtime.up(stack);
        const next = newVersion(stack);
        next.router('web', { publish: loopback }).route('/app/', next.app('app', options));
        using recorder = recordEvents(lab.runtime.events);
        const versions = await askedDuring(new URL('/app/', deployment.endpoint('web')), async () => {
          const error = await fails(next, code);
          assert.equal(error.resource, `${stack.name}/app`);
        });
        assert.deepEqual(versions, ['1']);
        const [told, ...more] = recorder.of('update:rolledback');
        assert.equal(told?.resource, `${stack.name}/app`);
        assert.ok(told.reason.startsWith(code), told.reason);
        assert.deepEqual(more, []);
        assert.deepEqual(await containersOf(stack), ['app', 'web']);
        assert.equal((await lab.runtime.plan(stack)).isEmpty, true);
      });

      it(`of a pool's worker ${title}, leaves the old version to every request`, async () => {
        const { health } = options;
        const pooled = (version: Stack, app: AppOptions): void => {
          const pool = version.pool('pool', { app: version.app('app', app), replicas: 2 });
          version.router('web', { publish: loopback }).route('/pool/', pool);
        };
        const stack = newStack();
        // HAProxy looks at both versions in the same way.
        pooled(stack, lightAppOf('1', health === undefined ? {} : { health }));
        const deployment = await lab.runtime.up(stack);
        const next = newVersion(stack);
        pooled(next, options);
        using recorder = recordEvents(lab.runtime.events);
        const versions = await askedDuring(new URL('/pool/', deployment.endpoint('web')), async () => {
          const error = await fails(next, code);
          assert.equal(error.resource, `${stack.name}/pool`);
        });
        assert.deepEqual(versions, ['1']);
        assert.deepEqual(
          recorder.of('update:rolledback').map(({ resource }) => resource),
          [`${stack.name}/pool`],
        );
        assert.deepEqual(await containersOf(stack), ['pool', 'pool-1', 'pool-2', 'web']);
        assert.equal((await lab.runtime.plan(stack)).isEmpty, true);
      });
    }
  });
});

/** Somebody's container, for as long as the work takes. */
async function withContainer(
  name: string,
  options: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  try {
    await docker('run', '--detach', '--init', '--name', name, ...options, 'node:24-slim', 'sleep', '600');
    await work();
  } finally {
    await docker('rm', '--force', '--volumes', name);
  }
}

/** Asks again and again while something is done; resolves to the versions that answered. Every request has to succeed. */
async function askedDuring(url: URL, work: () => Promise<void>): Promise<readonly (string | undefined)[]> {
  const versions = new Set<string | undefined>();
  let isDone = false;
  const asking = (async () => {
    do versions.add((await ask(url, '.')).version);
    while (!isDone);
  })();
  // Awaited below, when the work is done.
  asking.catch(() => undefined);
  try {
    await work();
  } finally {
    isDone = true;
    await asking;
  }
  return [...versions];
}

/** A stack's containers, without its name before theirs. */
async function containersOf({ name }: Stack): Promise<readonly string[]> {
  const filter = `label=io.plumbstack.stack=${name}`;
  const names = await docker('ps', '--all', '--filter', filter, '--format', '{{.Names}}');
  return names
    .split('\n')
    .map((each) => each.slice(name.length + 1))
    .sort();
}

/** Status of a GET, whoever signed the certificate. */
function statusOf(url: URL): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(url, { rejectUnauthorized: false, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .once('error', reject)
      .end();
  });
}

function stepsOf(error: PlumbstackError): string {
  return /^Step \d+(\/\d+)/.exec(String(error.details['step']))?.[1] ?? '';
}
