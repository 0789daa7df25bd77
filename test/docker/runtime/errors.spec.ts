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
  type Stack,
} from '@plumbstack/core';
import { DockerRuntime, type DockerRuntimeOptions } from '@plumbstack/docker';
import { recordEvents } from '@plumbstack/testing';
import { docker, hostPort, tryDocker } from '../../support/docker-cli';
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
      const known = ['host', 'context', 'baseDir', 'addressPool', 'callTimeoutMs', 'concurrency', 'client'];
      assert.deepEqual(unknown.details['known'], known);
      const wrong: Readonly<Record<string, unknown>> = {
        host: 2375,
        context: '',
        baseDir: null,
        addressPool: '10.0.0.0/24',
        callTimeoutMs: 0.5,
        concurrency: 0,
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
      const listen = "require('net').createServer().listen(8000)";
      await docker(
        'run',
        '--detach',
        '--name',
        holder,
        '--publish',
        '127.0.0.1:0:8000',
        'node:24-slim',
        'node',
        '-e',
        listen,
      );
      try {
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
        assert.equal((await ask(url, '/')).version, '1');
      } finally {
        await docker('rm', '--force', '--volumes', holder);
      }
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
    it('in R that does not parse is told in the words of R', async () => {
      await writeFile(join(folder, 'plumber.R'), '#* @get /\nfunction( {\n');
      const stack = newStack();
      stack.app('api', plumber('./plumber.R'));
      const error = await fails(stack, 'START_FAILED');
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
      for (const { hint } of errors) assert.match(hint ?? '', /0\.0\.0\.0/);
    });

    it('that needs more memory than it may have is told to be given more', async () => {
      const stack = newStack();
      const greedy = 'const all = []; for (;;) all.push(Buffer.alloc(8 * 1024 * 1024, 1))';
      stack.app('app', script(greedy, { resources: { memoryBytes: 64 * 1024 * 1024 } }));
      const error = await fails(stack, 'START_FAILED');
      assert.equal(error.resource, `${stack.name}/app`);
      assert.deepEqual([error.details['oomKilled'], error.details['exitCode']], [true, 137]);
      assert.match(error.hint ?? '', /memoryBytes/);
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
});

function stepsOf(error: PlumbstackError): string {
  return /^Step \d+(\/\d+)/.exec(String(error.details['step']))?.[1] ?? '';
}
