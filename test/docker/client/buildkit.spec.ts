import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isPlumbstackError, type PlumbstackError } from '@plumbstack/core';
import { thisMachine, type ImageBuild, type ImageProgress } from '@plumbstack/docker/client';
import { docker } from '../../support/docker-cli';
import { contextOf, ContextFolder } from './context-folder';
import { eventually, image, label, Objects } from './objects';

function build(objects: Objects, last: string, given: Partial<ImageBuild> = {}): ImageBuild {
  return {
    ...{ dockerfile: 'Dockerfile', args: {}, labels: { [label]: objects.run } },
    ...{ tag: objects.imageName(last), builder: 'buildkit', ...given },
  };
}

async function failure(run: Promise<unknown>): Promise<PlumbstackError> {
  const error = await run.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(isPlumbstackError(error, 'IMAGE_BUILD_FAILED'), String(error));
  return error;
}

/** What a command in an image prints. */
const printed = (tag: string, ...command: readonly string[]): Promise<string> =>
  docker('run', '--rm', '--entrypoint', command[0] ?? '', tag, ...command.slice(1));

/** This machine, with another folder in front of its programs, or none of them. */
const withPath = (path: string) => ({
  environment: { ...thisMachine(), env: { ...process.env, PATH: path } },
});

describe('a build with BuildKit', () => {
  it('makes an image of a folder with arguments, labels, target, further folders and its ignore file', async () => {
    await using objects = await Objects.create();
    using shared = new ContextFolder({ 'lib/x': 'shared', out: 'x', '.dockerignore': 'out' });
    using folder = new ContextFolder({
      'd/Dockerfile': [
        `FROM ${image} AS one`,
        'ARG WORD',
        'COPY --from=shared . /shared/',
        'COPY --chmod=640 . /srv/',
        'RUN <<EOF',
        'echo "$WORD" > /word',
        'EOF',
        'FROM one AS two',
        'RUN exit 9',
      ].join('\n'),
      a: 'x',
      junk: 'x',
      '.dockerignore': 'junk\nd\n.dockerignore',
    });
    const given = build(objects, 'kit', {
      ...{ context: folder.path, dockerfile: 'd/Dockerfile', contexts: { shared: shared.path } },
      ...{ args: { WORD: '--héllo "$x" `y`' }, target: 'one' },
    });
    // Nobody asks for BuildKit: the Dockerfile needs it.
    const { builder: _, ...unasked } = given;
    const id = await objects.client.buildImage(unasked);
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    const [listed] = await objects.client.listImages(objects.label);
    assert.deepEqual([listed?.id, listed?.tags], [id, [given.tag]]);
    const found = await printed(given.tag, 'sh', '-c', 'cat /word; ls -A /srv /shared; stat -c %a /srv/a');
    assert.deepEqual(
      found.split('\n').filter((each) => each !== ''),
      [...['--héllo "$x" `y`', '/shared:', '.dockerignore', 'lib', '/srv:', 'a', '640']],
    );
  });

  it('takes a Dockerfile’s text, without a context or beside one', async () => {
    await using objects = await Objects.create();
    await objects.client.buildImage(build(objects, 'alone', { inline: `FROM ${image}\nENV A=b` }));
    using folder = new ContextFolder({ Dockerfile: 'not this one', a: '' });
    const inline = `FROM ${image}\nCOPY . /srv/`;
    const beside = build(objects, 'beside', { context: folder.path, inline });
    await objects.client.buildImage(beside);
    assert.equal(await printed(beside.tag, 'ls', '-A', '/srv'), 'Dockerfile\na');
  });

  for (const builder of ['classic', 'buildkit'] as const)
    it(`puts further steps behind those of a Dockerfile, with its own ignore file, whichever builds: ${builder}`, async () => {
      await using objects = await Objects.create();
      using folder = new ContextFolder({
        'R.Dockerfile': `FROM ${image}\nRUN echo first > /order`,
        'R.Dockerfile.dockerignore': 'junk\n*.Dockerfile*',
        '.dockerignore': 'a',
        ...{ junk: 'x', a: 'x' },
      });
      const dockerfile = 'R.Dockerfile';
      const steps = 'COPY . /srv/\nRUN echo second >> /order';
      const given = build(objects, builder, { context: folder.path, dockerfile, steps, builder });
      await objects.client.buildImage(given);
      const found = await printed(given.tag, 'sh', '-c', 'cat /order; ls -A /srv');
      assert.deepEqual(found.split('\n'), ['first', 'second', '.dockerignore', 'a']);
      const more = build(objects, `more-${builder}`, { inline: `FROM ${image}`, steps: 'ENV A=b', builder });
      await objects.client.buildImage(more);
      assert.equal(await printed(more.tag, 'sh', '-c', 'echo $A'), 'b');
    });

  it('gives steps their secrets, text or not, and leaves no trace of them', async () => {
    await using objects = await Objects.create();
    const [text, bytes] = [`tok-${randomBytes(12).toString('hex')}`, randomBytes(4096)];
    bytes[7] = 0;
    const inline = [
      `FROM ${image}`,
      'RUN --mount=type=secret,id=npm.token --mount=type=secret,id=key,target=/key \\',
      `  echo ${objects.run}; sha256sum < /run/secrets/npm.token > /sums; sha256sum < /key >> /sums; cat /run/secrets/npm.token`,
    ].join('\n');
    const folders = (): number =>
      readdirSync(tmpdir()).filter((each) => each.startsWith('plumbstack-build-')).length;
    const before = folders();
    const told: string[] = [];
    const secrets = [
      { id: 'npm.token', value: Buffer.from(text) },
      { id: 'key', value: bytes },
    ];
    const given = build(objects, 'secret', { inline, secrets });
    await objects.client.buildImage(given, { onProgress: ({ status }) => told.push(status) });
    const sum = (value: string | Buffer): string => createHash('sha256').update(value).digest('hex');
    assert.equal(await printed(given.tag, 'cat', '/sums'), `${sum(text)}  -\n${sum(bytes)}  -`);
    assert.ok(told.includes('***'), told.join('\n'));
    assert.ok(!told.join('\n').includes(text));
    const traces = `${await docker('history', '--no-trunc', given.tag)}${await docker('image', 'inspect', given.tag)}`;
    assert.ok(!traces.includes(text));
    assert.equal(folders(), before);
    const error = await failure(
      objects.client.buildImage(build(objects, 'leaks', { inline: `${inline}; exit 3`, secrets })),
    );
    assert.ok(!`${error.message}${JSON.stringify(error.details)}`.includes(text));
    assert.equal(error.details['exitCode'], 3);
  });

  it('has no secret among the arguments of any program', async () => {
    await using objects = await Objects.create();
    using folder = new ContextFolder({});
    const log = join(folder.path, 'arguments');
    folder.write(
      'docker',
      `#!/bin/sh\nprintf '%s\\n' "$@" > ${log}\nexec ${programPath('docker')} "$@"\n`,
      0o755,
    );
    await using watched = await Objects.create(withPath(`${folder.path}:${process.env['PATH'] ?? ''}`));
    const value = Buffer.from(`tok-${objects.run}`);
    const inline = `FROM ${image}\nRUN --mount=type=secret,id=a test -s /run/secrets/a`;
    await watched.client.buildImage(build(objects, 'argv', { inline, secrets: [{ id: 'a', value }] }));
    const seen = readFileSync(log, 'utf8');
    assert.match(seen, /^--secret=id=a,env=/m);
    assert.ok(!seen.includes(value.toString()));
  });

  it('lends the agent of SSH to the steps that ask for it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cl-agent-'));
    const socket = join(folder, 'agent');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    try {
      await once(agent, 'spawn');
      await eventually(() => readdirSync(folder).includes('agent'));
      const environment = { ...thisMachine(), env: { ...process.env, SSH_AUTH_SOCK: socket } };
      await using objects = await Objects.create({ environment });
      const inline = `FROM ${image}\nRUN --mount=type=ssh echo ${objects.run}; test -S "$SSH_AUTH_SOCK"`;
      await objects.client.buildImage(build(objects, 'ssh', { inline, ssh: true }));
      const without = await failure(
        objects.client.buildImage(build(objects, 'no-ssh', { inline: `${inline} && echo` })),
      );
      assert.equal(without.details['exitCode'], 1);
    } finally {
      agent.kill();
      rmSync(folder, { recursive: true });
    }
  });

  it('tells its steps and their output line by line', async () => {
    await using objects = await Objects.create();
    const progress: ImageProgress[] = [];
    const inline = `FROM ${image}\nRUN echo first ${objects.run}; printf 'sec'; sleep 0.1; echo ond`;
    await objects.client.buildImage(build(objects, 'lines', { inline }), {
      onProgress: (each) => progress.push(each),
    });
    const second = progress.find(({ status }) => status === 'second');
    assert.deepEqual([second?.current, second?.total], [2, 2]);
    assert.ok(progress.some(({ status }) => /^\[.*2\/2\] RUN echo first/.test(status)));
  });

  it('rejects with the step, its last lines and its exit code', async () => {
    await using objects = await Objects.create();
    const inline = `FROM ${image}\nRUN echo one ${objects.run}; echo two >&2; printf three; exit 7`;
    const error = await failure(objects.client.buildImage(build(objects, 'fails', { inline })));
    assert.match(String(error.details['step']), /2\/2\] RUN echo one/);
    assert.equal(error.details['exitCode'], 7);
    const lines = error.details['lastLines'] as string[];
    assert.deepEqual(
      lines
        .join('')
        .match(/one|two|three/g)
        ?.sort(),
      ['one', 'three', 'two'],
    );
    assert.match(error.message, /\| two/);
    assert.match(error.hint ?? '', /its last lines say why/);
  });

  it('rejects a Dockerfile that is none, a missing file and a missing base image', async () => {
    await using objects = await Objects.create();
    const wrong = await failure(objects.client.buildImage(build(objects, 'wrong', { inline: 'FORM x' })));
    assert.match(wrong.message, /unknown instruction: FORM/);
    using folder = new ContextFolder({ Dockerfile: `FROM ${image}\nCOPY nope /` });
    const missing = await failure(
      objects.client.buildImage(
        build(objects, 'copy', contextOf(folder.path, { tag: objects.imageName('copy') })),
      ),
    );
    assert.match(missing.hint ?? '', /inside the build context/);
    const base = await failure(
      objects.client.buildImage(build(objects, 'base', { inline: 'FROM 127.0.0.1:1/cl/none:1' })),
    );
    assert.match(base.hint ?? '', /cannot reach the registry/);
  });

  it('ends by its signal while a step runs, and the step with it', async () => {
    await using objects = await Objects.create();
    const controller = new AbortController();
    const reason = new Error('enough');
    const inline = `FROM ${image}\nRUN echo waits-${objects.run}; sleep 61.${parseInt(objects.run.slice(3), 16)}`;
    const run = objects.client.buildImage(build(objects, 'stopped', { inline }), {
      signal: controller.signal,
      onProgress: ({ status }) => status.startsWith('waits-') && controller.abort(reason),
    });
    await assert.rejects(run, (error) => error === reason);
    const sleeping = `61.${parseInt(objects.run.slice(3), 16)}`;
    await eventually(() => !processes().some((each) => each.includes(`sleep\0${sleeping}`)));
  });

  it('says what to install where there is no docker program, no buildx, or an old one', async () => {
    using folder = new ContextFolder({});
    const given = { inline: `FROM ${image}`, secrets: [{ id: 'a', value: Buffer.from('hush-hush') }] };
    const words = [
      undefined,
      "docker: 'buildx' is not a docker command.",
      'unknown flag: --builder',
      'ERROR: invalid progress mode rawjson',
    ];
    for (const said of words) {
      if (said !== undefined)
        writeFileSync(join(folder.path, 'docker'), `#!/bin/sh\necho "${said}" >&2; exit 125\n`);
      if (said !== undefined) chmodSync(join(folder.path, 'docker'), 0o755);
      await using objects = await Objects.create(withPath(folder.path));
      const error = await failure(objects.client.buildImage(build(objects, 'none', given)));
      assert.match(error.message, /the option builder needs BuildKit|the option secrets needs BuildKit/);
      assert.match(error.hint ?? '', /docker-buildx-plugin/);
      assert.ok(!JSON.stringify(error.details).includes('hush-hush'));
    }
  });
});

function programPath(name: string): string {
  return execFileSync('sh', ['-c', 'command -v "$0"', name]).toString().trim();
}

/** Command lines of all processes of this machine, arguments with NUL between them. */
function processes(): readonly string[] {
  return readdirSync('/proc')
    .filter((each) => /^\d+$/.test(each))
    .flatMap((each) => {
      try {
        return [readFileSync(`/proc/${each}/cmdline`, 'utf8')];
      } catch {
        return []; // It has ended meanwhile.
      }
    });
}
