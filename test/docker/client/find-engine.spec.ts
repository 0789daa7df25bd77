import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { isPlumbstackError } from '@plumbstack/core';
import { commonApiVersion, findEngine, parseEngineAddress, sshArguments } from '@plumbstack/docker/client';
import { bareMachine } from './fake-engine';

const id = createHash('sha256').update('far').digest('hex');
const contexts = '/home/me/.docker/contexts';
const far = {
  [`${contexts}/meta/${id}/meta.json`]: JSON.stringify({
    Name: 'far',
    Endpoints: { docker: { Host: 'tcp://far.example:2376' } },
  }),
  [`${contexts}/tls/${id}/docker/ca.pem`]: 'CA',
  [`${contexts}/tls/${id}/docker/cert.pem`]: 'CERT',
  [`${contexts}/tls/${id}/docker/key.pem`]: 'KEY',
};

async function addresses(...given: Parameters<typeof findEngine>): Promise<string[]> {
  return (await findEngine(...given)).candidates.map(({ address }) => address.address);
}

describe('find an engine', () => {
  it('takes the option before DOCKER_HOST, and that before the context', async () => {
    const env = { DOCKER_HOST: 'tcp://from-env:2375', DOCKER_CONTEXT: 'far' };
    assert.deepEqual(await addresses({ host: 'unix:///x.sock' }, bareMachine(far, env)), ['unix:///x.sock']);
    assert.deepEqual(await addresses({}, bareMachine(far, env)), ['tcp://from-env:2375']);
    assert.deepEqual(await addresses({ context: 'far' }, bareMachine(far, env)), [
      'https://far.example:2376',
    ]);
  });

  it('reads the current context with its certificates', async () => {
    const files = { ...far, '/home/me/.docker/config.json': JSON.stringify({ currentContext: 'far' }) };
    const { candidates } = await findEngine({}, bareMachine(files));
    assert.deepEqual(candidates, [
      {
        address: {
          type: 'tcp',
          host: 'far.example',
          port: 2376,
          tls: { ca: 'CA', cert: 'CERT', key: 'KEY', verify: true },
          address: 'https://far.example:2376',
        },
        foundBy: 'the docker context "far"',
      },
    ]);
  });

  it('reads the folder that DOCKER_CONFIG names', async () => {
    const files = {
      [`/etc/dc/contexts/meta/${id}/meta.json`]: far[`${contexts}/meta/${id}/meta.json`] ?? '',
    };
    const env = { DOCKER_CONFIG: '/etc/dc', DOCKER_CONTEXT: 'far' };
    assert.deepEqual(await addresses({}, bareMachine(files, env)), ['tcp://far.example:2376']);
  });

  it('takes the default context for no context', async () => {
    const files = {
      '/home/me/.docker/config.json': '{"currentContext":"default"}',
      '/var/run/docker.sock': '',
    };
    assert.deepEqual(await addresses({}, bareMachine(files)), ['unix:///var/run/docker.sock']);
  });

  it('refuses a context that does not exist, and says which', async () => {
    await assert.rejects(findEngine({}, bareMachine({}, { DOCKER_CONTEXT: 'gone' })), (error) => {
      return isPlumbstackError(error, 'NOT_FOUND') && error.details['context'] === 'gone';
    });
  });

  it('tries the usual sockets in order where nobody chose', async () => {
    const sockets = {
      '/run/podman/podman.sock': '',
      '/run/user/7/docker.sock': '',
      '/var/run/docker.sock': '',
      '/run/user/7/podman/podman.sock': '',
      '/home/me/.docker/run/docker.sock': '',
    };
    const machine = bareMachine(sockets, { XDG_RUNTIME_DIR: '/run/user/7' });
    assert.deepEqual(await addresses({}, machine), [
      'unix:///var/run/docker.sock',
      'unix:///run/user/7/docker.sock',
      'unix:///home/me/.docker/run/docker.sock',
      'unix:///run/user/7/podman/podman.sock',
      'unix:///run/podman/podman.sock',
    ]);
  });

  it('uses the certificates of DOCKER_CERT_PATH, and checks the engine’s', async () => {
    const env = { DOCKER_HOST: 'tcp://far:2376', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/certs' };
    const files = { '/certs/ca.pem': 'CA', '/certs/cert.pem': 'CERT', '/certs/key.pem': 'KEY' };
    const [found] = (await findEngine({}, bareMachine(files, env))).candidates;
    assert.deepEqual(found?.address.type === 'tcp' && found.address.tls, {
      ca: 'CA',
      cert: 'CERT',
      key: 'KEY',
      verify: true,
    });
  });
});

describe('engine address', () => {
  it('reads every form', () => {
    const read = (text: string): unknown => parseEngineAddress(text, 'DOCKER_HOST');
    assert.deepEqual(read('unix:///run/user/1/docker.sock'), {
      type: 'socket',
      path: '/run/user/1/docker.sock',
      address: 'unix:///run/user/1/docker.sock',
    });
    assert.deepEqual(read('npipe:////./pipe/docker_engine'), {
      type: 'socket',
      path: '\\\\.\\pipe\\docker_engine',
      address: 'npipe:////./pipe/docker_engine',
    });
    assert.deepEqual(read('tcp://[::1]'), {
      type: 'tcp',
      host: '::1',
      port: 2375,
      address: 'tcp://[::1]:2375',
    });
    assert.deepEqual(read('http://h:80'), { type: 'tcp', host: 'h', port: 80, address: 'tcp://h:80' });
    assert.deepEqual(read('https://h'), {
      type: 'tcp',
      host: 'h',
      port: 2376,
      tls: { verify: true },
      address: 'https://h:2376',
    });
    assert.deepEqual(read('ssh://me@h:2222/run/d.sock'), {
      type: 'ssh',
      host: 'h',
      port: 2222,
      user: 'me',
      socketPath: '/run/d.sock',
      address: 'ssh://me@h:2222/run/d.sock',
    });
  });

  it('refuses what is none', () => {
    for (const text of [
      '',
      'docker',
      'ftp://h',
      'tcp://',
      'tcp://h/path',
      'ssh://-oProxyCommand=x',
      'ssh://a:secret@h',
    ]) {
      assert.throws(
        () => parseEngineAddress(text, 'DOCKER_HOST'),
        (error) => isPlumbstackError(error, 'INVALID_OPTION'),
        text,
      );
    }
  });

  it('goes to ssh as arguments that cannot become options or commands', () => {
    const address = parseEngineAddress("ssh://me@h:22/a%20b'c.sock", 'DOCKER_HOST');
    assert.ok(address.type === 'ssh');
    assert.deepEqual(
      sshArguments(address).slice(-10),
      [
        ...[
          '-l',
          'me',
          '-p',
          '22',
          '--',
          'h',
          'docker',
          '--host',
          "'unix:///a b'\\''c.sock'",
          'system',
        ].slice(0),
        'dial-stdio',
      ].slice(-10),
    );
  });
});

describe('API version', () => {
  const common = (ApiVersion: string, MinAPIVersion?: string): string =>
    commonApiVersion({
      Version: '',
      ApiVersion,
      Os: '',
      Arch: '',
      ...(MinAPIVersion !== undefined && { MinAPIVersion }),
    });

  it('is the engine’s own, or the newest known here where the engine is newer', () => {
    assert.equal(common('1.41', '1.12'), '1.41');
    assert.equal(common('1.51', '1.24'), '1.51');
    assert.equal(common('1.60', '1.44'), '1.51');
    assert.equal(common('1.9'), '1.9');
    assert.equal(common('1.70', '1.55'), '1.55');
  });
});
