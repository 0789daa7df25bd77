import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect as dial } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isPlumbstackError, type PlumbstackError } from '@plumbstack/core';
import { connect, thisMachine, type ConnectOptions } from '@plumbstack/docker/client';
import { answer, bareMachine, FakeEngine } from './fake-engine';
import { eventually } from '../../support/lab';
import { Objects } from './objects';

const socket = '/var/run/docker.sock';

async function failure(options: ConnectOptions): Promise<PlumbstackError> {
  const error = await connect(options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(isPlumbstackError(error), String(error));
  return error;
}

describe('connect', () => {
  it('tells what it is connected to', async () => {
    const client = await connect({ host: `unix://${socket}` });
    const info = await client.info();
    assert.deepEqual([info.address, info.host, info.isPodman], [`unix://${socket}`, '127.0.0.1', false]);
    assert.match(info.apiVersion, /^1\.\d+$/);
    assert.match(info.platform, /^linux\//);
    client.close();
  });

  it('speaks the API version that is asked for', async () => {
    const client = await connect({ host: `unix://${socket}`, apiVersion: '1.41' });
    assert.equal((await client.info()).apiVersion, '1.41');
    const tooNew = await connect({
      host: `unix://${socket}`,
      environment: { ...thisMachine(), env: { DOCKER_API_VERSION: '1.99' } },
    });
    await assert.rejects(
      tooNew.listNetworks(),
      (error) => isPlumbstackError(error) && /DOCKER_API_VERSION/.test(error.hint ?? ''),
    );
  });

  it('is not led elsewhere by DOCKER_HOST once an address is given', async () => {
    const before = process.env['DOCKER_HOST'];
    process.env['DOCKER_HOST'] = 'tcp://127.0.0.1:1';
    try {
      const client = await connect({ host: `unix://${socket}` });
      assert.ok(Array.isArray(await client.listNetworks()));
      client.close();
    } finally {
      if (before === undefined) delete process.env['DOCKER_HOST'];
      else process.env['DOCKER_HOST'] = before;
    }
  });

  it('lists all that it tried, and says what to do', async () => {
    const error = await failure({ environment: bareMachine() });
    assert.equal(error.code, 'ENGINE_UNREACHABLE');
    for (const text of [
      '/var/run/docker.sock',
      '/home/me/.docker/run/docker.sock',
      '/run/podman/podman.sock',
      'DOCKER_HOST',
    ]) {
      assert.ok(error.message.includes(text), text);
    }
  });

  it('says which choice led to an engine that does not answer', async () => {
    const error = await failure({ environment: bareMachine({}, { DOCKER_HOST: 'tcp://127.0.0.1:1' }) });
    assert.equal(error.code, 'ENGINE_UNREACHABLE');
    assert.match(error.message, /nothing listens there/);
    assert.match(error.hint ?? '', /chosen by DOCKER_HOST/);
  });

  it('goes on to the next usual socket when one does not answer', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'cl-run-'));
    await using engine = await FakeEngine.start((_, to) => to.write(answer(200, '[]')));
    const [stale, live] = [join(folder, 'docker.sock'), join(folder, '.docker/run/docker.sock')];
    writeFileSync(stale, '');
    mkdirSync(resolve(live, '..'), { recursive: true });
    symlinkSync(engine.path, live);
    const machine = {
      ...bareMachine({ [stale]: '', [live]: '' }, { XDG_RUNTIME_DIR: folder }),
      home: folder,
    };
    const client = await connect({ environment: machine });
    assert.deepEqual(await client.listNetworks(), []);
    assert.equal((await client.info()).address, `unix://${live}`);
    rmSync(folder, { recursive: true });
  });

  it('says so when permission to the socket is denied', async function () {
    if (process.getuid?.() !== 0) return this.skip(); // Only root can become somebody without permission.
    await using engine = await FakeEngine.start(() => {});
    chmodSync(engine.path, 0o600);
    chmodSync(resolve(engine.path, '..'), 0o755);
    const program = `
      process.setuid(65534);
      import(${JSON.stringify(require.resolve('@plumbstack/docker/client'))})
        .then(({ connect }) => connect({ host: 'unix://${engine.path}' }))
        .catch((error) => console.log(error.code, error.hint));`;
    const output = await new Promise<string>((done) =>
      execFile(process.execPath, ['-e', program], (_, stdout) => done(stdout)),
    );
    assert.match(output, /^ENGINE_UNREACHABLE .*usermod -aG docker/);
  });

  it('rejects with the signal’s reason', async () => {
    const reason = new Error('enough');
    await assert.rejects(
      connect({ host: `unix://${socket}`, signal: AbortSignal.abort(reason) }),
      (error) => error === reason,
    );
  });
});

describe('an engine behind TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cl-tls-'));
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  const server = () => {
    const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readFileSync(file(name), 'utf8'));
    return createTlsServer(
      { ca, cert, key, requestCert: true, rejectUnauthorized: true, allowHalfOpen: true } as object,
      (from) => {
        const to = dial({ path: socket, allowHalfOpen: true });
        from.pipe(to).pipe(from);
        for (const [one, other] of [
          [from, to],
          [to, from],
        ] as const) {
          one.on('error', () => other.destroy());
          one.on('close', () => other.destroy());
        }
      },
    );
  };

  before(() => {
    const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      'key.pem',
      '-out',
      'cert.pem',
      ...name,
    );
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-keyout',
      'key2.pem',
      '-out',
      'other.pem',
      ...name,
    );
    openssl('x509', '-in', 'cert.pem', '-out', 'ca.pem');
  });
  after(() => rmSync(folder, { recursive: true }));

  it('is used as any other, with the certificates of DOCKER_CERT_PATH', async () => {
    const listening = server().listen(0, '127.0.0.1');
    await new Promise((done) => listening.once('listening', done));
    const host = `tcp://127.0.0.1:${(listening.address() as AddressInfo).port}`;
    try {
      const environment = { ...thisMachine(), env: { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: folder } };
      await using objects = await Objects.create({ host, environment });
      assert.equal((await objects.client.info()).host, '127.0.0.1');
      const id = await objects.shell('tls', 'sleep 600');
      assert.equal((await objects.client.exec(id, ['cat'], { stdin: 'half closed' })).stdout, 'half closed');
      writeFileSync(file('ca.pem'), readFileSync(file('other.pem')));
      const error = await failure({ host, environment });
      assert.match(error.message, /TLS with it failed/);
    } finally {
      listening.close();
    }
  });
});

describe('an engine behind ssh', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cl-ssh-'));
  const environment = process.env['PATH'];
  // Stands in for the ssh program alone: the far side is the real `docker system dial-stdio`.
  before(() => {
    const script = `#!/bin/sh
echo "$@" >> ${folder}/calls
echo $$ >> ${folder}/pids
while [ "$1" != -- ]; do shift; done
shift
case "$1" in refused) echo 'Permission denied (publickey).' >&2; exit 255;; esac
shift
exec "$@"
`;
    writeFileSync(join(folder, 'ssh'), script);
    chmodSync(join(folder, 'ssh'), 0o755);
    process.env['PATH'] = `${folder}:${environment ?? ''}`;
  });
  after(() => {
    process.env['PATH'] = environment;
    rmSync(folder, { recursive: true });
  });

  it('is used as any other, over kept connections', async () => {
    await using objects = await Objects.create({ host: 'ssh://me@far:2222' });
    assert.equal((await objects.client.info()).host, 'far');
    const id = await objects.shell('ssh', 'echo said; sleep 600');
    assert.deepEqual(await objects.client.exec(id, ['cat'], { stdin: 'half closed' }), {
      exitCode: 0,
      stdout: 'half closed',
      stderr: '',
    });
    for (let count = 0; count < 5; count++) await objects.client.inspectContainer(id);
    for await (const { text } of objects.client.logs(id, { follow: true })) if (text === 'said') break;
    const calls = readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
    assert.ok(calls.length < 7, `${calls.length} connections`);
    assert.equal(
      calls[0],
      '-T -o BatchMode=yes -o ConnectTimeout=30 -l me -p 2222 -- far docker system dial-stdio',
    );
  });

  it('leaves no program behind, neither of a client that is closed nor of a first contact', async () => {
    const client = await connect({ host: 'ssh://me@far:2222' });
    await client.listNetworks();
    client.close();
    const pids = readFileSync(join(folder, 'pids'), 'utf8').trim().split('\n').map(Number);
    assert.ok(pids.length > 1);
    await eventually('every program has ended', () =>
      Promise.resolve(pids.some(isRunning) ? undefined : true),
    );
  });

  it('that refuses is an error with ssh’s own words, and no crash', async () => {
    const error = await failure({ host: 'ssh://refused' });
    assert.equal(error.code, 'ENGINE_UNREACHABLE');
    assert.match(error.message, /Permission denied \(publickey\)/);
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a program with a client', () => {
  const run = (body: string): Promise<{ code: number | null; milliseconds: number }> => {
    const started = Date.now();
    const program = `import { connect } from ${JSON.stringify(require.resolve('@plumbstack/docker/client'))};\n${body}`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: 'inherit',
      timeout: 20_000,
    });
    return new Promise((done) =>
      child.on('close', (code) => done({ code, milliseconds: Date.now() - started })),
    );
  };

  it('ends by itself once it has closed the client, and also when it never does', async () => {
    const use = `const client = await connect({ host: 'unix://${socket}' });\nawait client.listNetworks();`;
    for (const body of [`${use}\nclient.close();`, use]) {
      const { code, milliseconds } = await run(body);
      assert.equal(code, 0);
      assert.ok(milliseconds < 10_000, `${milliseconds} ms`);
    }
  });

  it('ends by itself after it followed events and aborted', async () => {
    const { code } = await run(`
      const client = await connect({ host: 'unix://${socket}' });
      const controller = new AbortController();
      setTimeout(() => controller.abort(new Error('enough')), 200);
      try { for await (const _ of client.events('none', { signal: controller.signal })); } catch {}`);
    assert.equal(code, 0);
  });
});
