import assert from 'node:assert/strict';
import { isPlumbstackError, type PlumbstackErrorCode } from '@plumbstack/core';
import { engineStatus, isSubnetTaken, toPlumbstackError } from '@plumbstack/docker/client';
import { everyCall } from './every-call';
import { answer, FakeEngine } from './fake-engine';
import { anySubnet, hostOf } from '../../support/free-subnet';
import { Objects } from './objects';

/** An answer as docker-modem throws it. */
function answered(status: number, reason: string): Error {
  return Object.assign(new Error(`(HTTP code ${status}) server error - ${reason} `), { statusCode: status });
}

const at = { call: 'start container x', address: 'unix:///x.sock' };

describe('a client whose engine misbehaves', () => {
  for (const [name, call] of Object.entries(everyCall).filter(([each]) => each !== 'info')) {
    it(`${name} is ENGINE_UNREACHABLE when the connection is closed without an answer`, async () => {
      await using engine = await FakeEngine.start((_, socket) => socket.destroy());
      const client = await engine.client();
      await assert.rejects(call(client, {}), (error) => isPlumbstackError(error, 'ENGINE_UNREACHABLE'));
    });

    it(`${name} is ENGINE_UNREACHABLE when what answers does not speak HTTP`, async () => {
      await using engine = await FakeEngine.start((_, socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
      const client = await engine.client();
      await assert.rejects(call(client, {}), (error) => isPlumbstackError(error, 'ENGINE_UNREACHABLE'));
    });

    it(`${name} fails at once when the connection breaks inside an answer`, async () => {
      await using engine = await FakeEngine.start((_, socket) => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"Id":"');
        setTimeout(() => socket.destroy(), 20);
      });
      const client = await engine.client();
      await assert.rejects(call(client, {}), (error) => isPlumbstackError(error));
    });
  }

  it('takes what Podman calls its own failure for what it is, and nothing else', () => {
    const statuses = {
      'container create: creating container storage: the container name "a" is already in use by b. You have to remove': 409,
      'container b does not exist in database: no such container': 404,
      'container b has already been removed': 404,
      'timed out waiting for a file: internal libpod error': 500,
    };
    for (const [reason, status] of Object.entries(statuses))
      assert.equal(engineStatus(toPlumbstackError(answered(500, reason), at)), status, reason);
    assert.ok(isPlumbstackError(toPlumbstackError(answered(500, 'no such container'), at), 'NOT_FOUND'));
  });

  it('has a network made again where Podman fails over an interface that went meanwhile', async () => {
    const failure = JSON.stringify({ message: 'route ip+net: no such network interface' });
    let failures = 3;
    await using engine = await FakeEngine.start((_, socket) =>
      socket.write(failures-- > 0 ? answer(500, failure) : answer(201, JSON.stringify({ Id: 'made' }))),
    );
    const client = await engine.client();
    const network = { name: 'n', subnet: '10.0.0.0/24', gateway: '10.0.0.1', dynamicRange: '10.0.0.128/25' };
    assert.equal(await client.createNetwork({ ...network, labels: {} }), 'made');
    assert.equal(engine.requests.length, 4);
    // Not for ever.
    failures = Infinity;
    await assert.rejects(client.createNetwork({ ...network, labels: {} }), /no such network interface/);
  });

  it('takes a page of a proxy for what it is', async () => {
    await using engine = await FakeEngine.start((_, socket) =>
      socket.write(answer(200, '<html>', 'text/html')),
    );
    const client = await engine.client();
    await assert.rejects(client.listNetworks(), (error) => isPlumbstackError(error, 'ENGINE_UNREACHABLE'));
  });

  it('does not use an answer of another shape', async () => {
    await using engine = await FakeEngine.start((_, socket) => socket.write(answer(200, '{"what":"else"}')));
    const client = await engine.client();
    await assert.rejects(client.listContainers('l'), (error) => isPlumbstackError(error, 'ENGINE_FAILED'));
  });

  it('does not follow a redirect', async () => {
    await using engine = await FakeEngine.start((_, socket) => {
      socket.write('HTTP/1.1 301 X\r\nLocation: //[bad\r\nContent-Length: 0\r\n\r\n');
    });
    const client = await engine.client();
    await assert.rejects(client.startContainer('x'), (error) => engineStatus(error) === 301);
    assert.equal(engine.requests.length, 1);
  });

  it('asks again, once, when a kept connection was closed while it was idle', async () => {
    let first = true;
    await using engine = await FakeEngine.start((_, socket) => {
      if (first) socket.destroy();
      else socket.write(answer(200, '[]'));
      first = false;
    });
    const client = await engine.client();
    assert.deepEqual(await client.listNetworks(), []);
    assert.equal(engine.requests.length, 2);
  });

  it('never repeats a call that changes something', async () => {
    await using engine = await FakeEngine.start((_, socket) => socket.destroy());
    const client = await engine.client();
    await assert.rejects(client.startContainer('x'));
    assert.equal(engine.requests.length, 1);
  });
});

describe('an engine’s words', () => {
  const cases: readonly (readonly [
    status: number,
    words: string,
    code: PlumbstackErrorCode,
    facts?: object,
  ])[] = [
    [
      500,
      'driver failed programming external connectivity on endpoint x (81db): Bind for 127.0.0.1:39871 failed: port is already allocated',
      'PORT_IN_USE',
      { host: '127.0.0.1', port: 39871 },
    ],
    [
      500,
      'failed to set up container networking: driver failed programming external connectivity on endpoint x (1): failed to bind host port for 0.0.0.0:80:172.17.0.3:80/tcp: address already in use',
      'PORT_IN_USE',
      { host: '0.0.0.0', port: 80 },
    ],
    [
      500,
      'driver failed programming external connectivity on endpoint x (1): Error starting userland proxy: listen tcp4 0.0.0.0:8080: bind: address already in use',
      'PORT_IN_USE',
      { host: '0.0.0.0', port: 8080 },
    ],
    [
      500,
      'rootlessport listen tcp 0.0.0.0:8080: bind: address already in use',
      'PORT_IN_USE',
      { port: 8080 },
    ],
    [403, 'failed to set up container networking: Address already in use', 'ENGINE_FAILED'],
    [
      400,
      'invalid mount config for type "bind": bind source path does not exist: /nope',
      'NOT_FOUND',
      { path: '/nope' },
    ],
    [404, 'No such image: shop:1', 'NOT_FOUND', { image: 'shop:1' }],
    [404, 'No such container: x', 'NOT_FOUND'],
    [500, 'all predefined address pools have been fully subnetted', 'ADDRESS_POOL_EXHAUSTED'],
    [
      400,
      'failed to create task for container: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/nope": stat /nope: no such file or directory',
      'START_FAILED',
    ],
    [500, 'unable to find user nobodyx: no matching entries in passwd file', 'START_FAILED'],
    [409, 'Conflict. The container name "/x" is already in use', 'ENGINE_FAILED'],
    [500, 'something new', 'ENGINE_FAILED'],
  ];
  for (const [status, words, code, facts = {}] of cases) {
    it(`${code} for ${status} "${words.slice(-60)}"`, () => {
      const error = toPlumbstackError(answered(status, words), at);
      assert.equal(error.code, code);
      assert.deepEqual({ ...error.details, ...facts }, { ...error.details });
      assert.equal(error.details['reason'], words);
      assert.equal(engineStatus(error), status);
    });
  }

  it('tells each way not to reach an engine apart, with what to do', () => {
    const hint = (code: string): string | undefined =>
      toPlumbstackError(Object.assign(new Error(code), { code }), at).hint;
    const codes = [
      'ENOENT',
      'EACCES',
      'ECONNREFUSED',
      'ENOTFOUND',
      'ETIMEDOUT',
      'ECONNRESET',
      'CERT_HAS_EXPIRED',
    ];
    assert.equal(new Set(codes.map(hint)).size, codes.length);
    assert.match(hint('EACCES') ?? '', /group/);
  });
});

describe('failures of the real engine', () => {
  it('says PORT_IN_USE with the address for a port that another container has', async () => {
    await using objects = await Objects.create();
    const ports = [{ host: '127.0.0.1', port: 39811, containerPort: 80 }];
    const networks = { [await objects.network('net')]: { aliases: [] } };
    await objects.running('first', { ports, networks });
    const second = await objects.container('second', { ports, networks });
    await assert.rejects(objects.client.startContainer(second), (error) => {
      assert.ok(isPlumbstackError(error, 'PORT_IN_USE'), String(error));
      assert.deepEqual([error.details['host'], error.details['port']], ['127.0.0.1', 39811]);
      return true;
    });
  });

  it('says NOT_FOUND with the path for a bind mount without a source, and makes no folder', async () => {
    await using objects = await Objects.create();
    const mounts = [{ type: 'bind', source: '/nope/cl', target: '/x', readOnly: true }] as const;
    await assert.rejects(objects.container('bind', { mounts }), (error) => {
      return isPlumbstackError(error, 'NOT_FOUND') && error.details['path'] === '/nope/cl';
    });
  });

  it('says NOT_FOUND for a missing image', async () => {
    await using objects = await Objects.create();
    await assert.rejects(objects.container('image', { image: 'cl-nope:1' }), (error) => {
      return isPlumbstackError(error, 'NOT_FOUND') && error.details['image'] === 'cl-nope:1';
    });
  });

  it('says START_FAILED for a program that is not in the image', async () => {
    await using objects = await Objects.create();
    const id = await objects.container('program', { entrypoint: ['/nope'] });
    await assert.rejects(objects.client.startContainer(id), (error) =>
      isPlumbstackError(error, 'START_FAILED'),
    );
  });

  it('says ENGINE_FAILED with 409 for a taken name, and for a signal to what does not run', async () => {
    await using objects = await Objects.create();
    const id = await objects.container('name');
    await assert.rejects(objects.container('name'), (error) => engineStatus(error) === 409);
    await assert.rejects(objects.client.signalContainer(id, 'SIGHUP'), (error) => {
      return isPlumbstackError(error, 'ENGINE_FAILED') && engineStatus(error) === 409;
    });
  });

  it('tells a subnet that is taken from other failures', async () => {
    const subnet = anySubnet();
    await using objects = await Objects.create();
    await objects.network('one', subnet);
    await assert.rejects(objects.network('two', subnet), (error) => isSubnetTaken(error));
    await assert.rejects(
      objects.network('one'),
      (error) => !isSubnetTaken(error) && engineStatus(error) === 409,
    );
  });

  it('does not take a fixed address in use for a port in use', async () => {
    const subnet = anySubnet();
    await using objects = await Objects.create();
    const networks = { [await objects.network('net', subnet)]: { address: hostOf(subnet, 9), aliases: [] } };
    await objects.running('first', { networks });
    const second = await objects.container('second', { networks });
    await assert.rejects(objects.client.startContainer(second), (error) =>
      isPlumbstackError(error, 'ENGINE_FAILED'),
    );
  });
});
