import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { isPlumbstackError, type AppOptions, type Secret, type Stack } from '@plumbstack/core';
import { DockerRuntime } from '@plumbstack/docker';
import { recordEvents } from '@plumbstack/testing';
import { docker, tryDocker } from '../../support/docker-cli';
import { Lab } from '../../support/lab';
import { startVisitors } from '../../support/visitors';

// Tells what it was given. Where FAIL is set, or a file of the volume says so, it ends with all of that on its standard error.
const server = `
const { existsSync, readFileSync, readdirSync, statSync } = require('node:fs');
if (process.env.FAIL || existsSync('/flags/fail')) {
  console.error('cannot reach db://me:' + process.env.TOKEN + '@db');
  console.error(JSON.stringify(process.env));
  for (const name of readdirSync('/run/secrets')) console.error(readFileSync('/run/secrets/' + name, 'utf8'));
  process.exit(3);
}
const app = require('node:http').createServer((request, response) => {
  const files = ['file', 'generated', 'value'].map((name) => '/run/secrets/' + name);
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({
    uid: process.getuid(), env: process.env,
    files: files.map((path) => {
      const { mode, uid } = statSync(path);
      return { path, text: readFileSync(path, 'utf8'), mode: (mode & 0o7777).toString(8), uid };
    }),
  }));
});
app.keepAliveTimeout = 60_000;
app.listen(8000);
process.on('SIGTERM', () => { app.close(() => process.exit(0)); app.closeIdleConnections(); });
`;

interface Told {
  readonly uid: number;
  readonly env: Readonly<Record<string, string>>;
  readonly files: readonly {
    readonly path: string;
    readonly text: string;
    readonly mode: string;
    readonly uid: number;
  }[];
}

describe('secrets', function () {
  this.timeout(120_000);
  const lab = new Lab();
  let folder: string;
  let values: { readonly file: string; readonly env: string; readonly value: string };
  let variable: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plumbstack-secrets-'));
    const fresh = (): string => `${randomBytes(12).toString('base64')}/+:@ "$x`;
    // The file has several lines, as that of a private key.
    values = { file: `${fresh()}\n${fresh()}`, env: fresh(), value: fresh() };
    variable = `PLUMBSTACK_TEST_${randomBytes(6).toString('hex').toUpperCase()}`;
    process.env[variable] = values.env;
    await writeFile(join(folder, 'key'), `${values.file}\n`);
  });
  afterEach(async () => {
    await lab.clear();
    delete process.env[variable];
    await rm(folder, { recursive: true });
  });

  /** A pool and a router, with a secret from each source; `more` goes to the app. */
  function described(stack: Stack, rotation = 0, more: Partial<AppOptions> = {}): Stack {
    const next = lab.again(stack, { baseDir: folder });
    const file = next.secret('file', { file: './key' });
    const env = next.secret('env', { env: variable });
    const value = next.secret('value', { value: values.value });
    const generated = next.secret('generated', { generateBytes: 24, rotation });
    const flags = next.volume('flags');
    const app = next.app('app', {
      image: 'node:24-slim',
      command: ['node', '-e', server],
      user: 'node',
      mounts: [{ volume: flags, target: '/flags' }],
      secrets: [
        file,
        value,
        { secret: generated, env: 'GENERATED' },
        { secret: env, env: 'TOKEN' },
        {
          secret: value,
          target: '/run/secrets/url',
          env: 'URL',
          prefix: 'db://me:',
          suffix: '@db',
          encoding: 'uri',
        },
      ],
      ...more,
    });
    const pool = next.pool('workers', { app, replicas: 2 });
    next.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/', pool);
    return next;
  }

  /** The error that a verb ends with: a container's that has written all of its secrets. */
  async function failureOf(verb: Promise<unknown>): Promise<string> {
    const error = await verb.then(
      () => assert.fail('it came up'),
      (thrown: unknown) => thrown,
    );
    assert.ok(isPlumbstackError(error), inspect(error));
    assert.match(error.message, /cannot reach db:\/\/me:\*\*\*@db/);
    return inspect(error, { depth: Infinity, showHidden: true });
  }

  async function told(url: URL): Promise<Told> {
    return (await (await fetch(url)).json()) as Told;
  }

  it('reach the program: as files of its user alone, and in its environment where it asks', async () => {
    const deployment = await lab.runtime.up(described(lab.stack()));
    const { uid, env, files } = await told(deployment.endpoint('web'));
    assert.equal(uid, 1000);
    assert.deepEqual(
      files.map(({ mode, uid }) => `${mode} ${uid}`),
      ['400 1000', '400 1000', '400 1000'],
    );
    const [file, generated, value] = files;
    assert.equal(file?.text, `${values.file}\n`);
    assert.match(generated?.text ?? '', /^[0-9a-f]{48}$/);
    assert.equal(value?.text, values.value);
    assert.equal(env['GENERATED'], generated?.text);
    assert.equal(env['TOKEN'], values.env);
    assert.equal(decodeURIComponent(new URL(env['URL'] ?? '').password), values.value);
  });

  it('are rotated worker by worker, without a failed request', async () => {
    const stack = lab.stack();
    const deployment = await lab.runtime.up(described(stack));
    const web = deployment.endpoint('web');
    const before = (await told(web)).env['GENERATED'];
    const visitors = startVisitors([web]);
    values = { ...values, value: 'another value' };
    await lab.runtime.up(described(stack, 1));
    const { answered, failures } = await visitors.leave();
    assert.deepEqual(failures, []);
    assert.ok(answered > 50, `${answered} answers`);
    const seen = await Promise.all([1, 2, 3, 4].map(() => told(web)));
    assert.deepEqual([...new Set(seen.map(({ files }) => files[2]?.text))], ['another value']);
    const [generated, ...others] = new Set(seen.map(({ env }) => env['GENERATED']));
    assert.deepEqual(others, []);
    assert.notEqual(generated, before);
    assert.ok((await lab.runtime.plan(described(stack, 1))).isEmpty);
  });

  it('are nowhere but in the containers', async () => {
    const stack = lab.stack();
    const temporary = await mkdtemp(join(tmpdir(), 'plumbstack-temporary-'));
    const tmpdirBefore = process.env['TMPDIR'];
    process.env['TMPDIR'] = temporary;
    using recorder = recordEvents(lab.runtime.events);
    const since = (await docker('system', 'info', '--format', '{{.SystemTime}}')).trim();
    const places: [string, string][] = [];
    const note = (place: string, text: unknown): void =>
      void places.push([place, typeof text === 'string' ? text : JSON.stringify(text)]);
    try {
      const plan = await lab.runtime.plan(described(stack));
      note('plan of the first up', plan);
      note('its text', plan.toString());
      const deployment = await lab.runtime.up(described(stack));
      const { env, files } = await told(deployment.endpoint('web'));
      const secrets = [
        ...values.file.split('\n'),
        values.env,
        values.value,
        env['GENERATED'] ?? '',
        files[1]?.text ?? '',
      ];

      const rotated = await lab.runtime.plan(described(stack, 1));
      note('plan of the rotation', rotated);
      note('its text', rotated.toString());
      await lab.runtime.up(described(stack, 1));
      secrets.push((await told(deployment.endpoint('web'))).env['GENERATED'] ?? '');
      const failing = described(stack, 1, { env: { FAIL: '1' }, startTimeoutMs: 5000 });
      note('the error of up', await failureOf(lab.runtime.up(failing)));
      note('the stack', inspect(failing, { depth: Infinity, showHidden: true }));
      note('the spec', failing.toSpec());
      note('status', await deployment.status());
      note('list', await lab.runtime.list());
      note('events', recorder.events);

      const filter = ['--filter', `label=io.plumbstack.stack=${stack.name}`];
      const listed = async (...args: readonly string[]): Promise<readonly string[]> =>
        (await docker(...args, ...filter, '--quiet')).split('\n').filter((each) => each !== '');
      const containers = await listed('ps', '--all');
      assert.ok(containers.length >= 4, containers.join());
      for (const id of containers) {
        note(`inspect of ${id}`, await docker('inspect', id));
        const { stdout, stderr } = await tryDocker('logs', id);
        note(`log of ${id}`, stdout + stderr);
        const running = await tryDocker('top', id);
        note(`processes of ${id}`, running.stdout);
      }
      for (const id of await listed('volume', 'ls'))
        note(`volume ${id}`, await docker('volume', 'inspect', id));
      for (const id of await listed('network', 'ls'))
        note(`network ${id}`, await docker('network', 'inspect', id));
      for (const image of ['node:24-slim', 'haproxy:3.2', 'nginx:1.30', 'plumbstack/empty:1']) {
        note(`image ${image}`, await docker('image', 'inspect', image));
        note(`history of ${image}`, await docker('history', '--no-trunc', image));
      }
      const until = (await docker('system', 'info', '--format', '{{.SystemTime}}')).trim();
      note(
        'engine events',
        await docker('events', '--since', since, '--until', until, '--format', '{{json .}}'),
      );
      for (const name of await readdir(temporary, { recursive: true })) {
        note(`temporary file ${name}`, await readFile(join(temporary, name), 'latin1').catch(() => name));
      }

      assert.ok(secrets.every((each) => each.length > 10));
      assertNowhere(secrets, places);
    } finally {
      if (tmpdirBefore === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = tmpdirBefore;
      await rm(temporary, { recursive: true });
    }
  });

  it('are in no error of a process that knows only the name of the stack, nor in what it tells', async () => {
    const stack = lab.stack();
    await lab.runtime.up(described(stack));
    const { env } = await told(
      (await lab.runtime.up(described(stack, 0, { env: { A: 'b' } }))).endpoint('web'),
    );
    const [worker = ''] = (
      await docker('ps', '--quiet', '--filter', `name=${stack.name}-workers-`, '--filter', 'status=running')
    ).split('\n');
    await docker('exec', '--user', 'root', worker, 'touch', '/flags/fail');

    await using runtime = new DockerRuntime();
    using recorder = recordEvents(runtime.events);
    const deployment = await runtime.attach(stack.name);
    const places: [string, string][] = [
      ['the error of rollback', await failureOf(deployment.rollback('workers'))],
      ['the error of scale', await failureOf(deployment.scale('workers', 3))],
      ['the error of restart', await failureOf(deployment.restart('workers'))],
    ];
    await deployment.down();
    places.push(['the events', JSON.stringify(recorder.events)]);
    assert.match(recorder.of('update:rolledback')[0]?.reason ?? '', /\*\*\*/);
    assertNowhere(
      [...values.file.split('\n'), values.env, values.value, env['GENERATED'] ?? assert.fail()],
      places,
    );
  });

  it('are not in what an error says of a health check', async () => {
    const stack = lab.stack();
    const value = stack.secret('value', { value: values.value });
    stack.service('ill', {
      image: 'node:24-slim',
      command: ['sleep', '600'],
      secrets: [{ secret: value, target: '/run/secrets/conf', prefix: 'password = ', encoding: 'quoted' }],
      health: { command: ['sh', '-c', 'cat /run/secrets/conf; exit 1'], intervalMs: 200, retries: 1 },
      startTimeoutMs: 1000,
    });
    await assert.rejects(lab.runtime.up(stack), (error) => {
      assert.ok(isPlumbstackError(error, 'UNHEALTHY'), inspect(error));
      assert.match(error.hint ?? '', /password = .*\*\*\*/);
      assertNowhere([values.value], [['the error', inspect(error, { depth: Infinity, showHidden: true })]]);
      return true;
    });
  });

  it('are refused for the environment of an image without a shell, before it starts', async () => {
    const stack = lab.stack();
    const key: Secret = stack.secret('key', { generateBytes: 16 });
    const inline =
      'FROM node:24-slim AS whole\nFROM scratch\nCOPY --from=whole /etc/hostname /etc/hostname\nCMD ["/node"]';
    stack.app('app', { build: { inline }, secrets: [{ secret: key, env: 'KEY' }] });
    await assert.rejects(lab.runtime.up(stack), (error) => {
      assert.ok(isPlumbstackError(error, 'START_FAILED'), inspect(error));
      assert.match(error.message, /its image has no \/bin\/sh/);
      assert.match(error.hint ?? '', /read the file/);
      return true;
    });
    assert.equal(await docker('ps', '--all', '--quiet', '--filter', `name=${stack.name}-app`), '');
  });
});

/** Fails where one of these values is found in one of the texts, by the names of their places. */
function assertNowhere(secrets: readonly string[], places: readonly (readonly [string, string])[]): void {
  for (const [place, text] of places) {
    for (const form of secrets.flatMap(formsOf)) assert.ok(!text.includes(form), `${form} is in ${place}`);
  }
}

/** A value as it might be found: as it is, in base64 and hex, in JSON and in a URL. */
function formsOf(value: string): readonly string[] {
  const bytes = Buffer.from(value);
  return [
    value,
    bytes.toString('base64').replace(/=+$/, '').slice(0, -1),
    bytes.toString('base64url').slice(0, -1),
    bytes.toString('hex'),
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
  ];
}
