import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  isPlumbstackError,
  type AppOptions,
  type PoolOptions,
  type ResourceStatus,
  type Stack,
} from '@plumbstack/core';
import type { LifecycleDeployment } from '@plumbstack/events';
import { recordEvents } from '@plumbstack/testing';
import { buildImage, docker, tryDocker } from '../../support/docker-cli';
import { ask, eventually, Lab, leftovers } from '../../support/lab';
import { lightApp, lightAppOf, type Answer } from '../../support/light-app';
import { repeated } from '../../support/repeated';
import { startVisitors } from '../../support/visitors';

/** HAProxy as another image. */
const otherHaproxy = 'plumbstack-test/haproxy:other';
const bigBytes = 48 * 1024 * 1024;

// As httpuv does, it reads a request to its end before it answers. `/big` is more than any proxy holds in memory.
const readingApp: AppOptions = {
  image: 'node:24-slim',
  command: [
    'node',
    '-e',
    `
const server = require('node:http').createServer(async (request, response) => {
  let length = 0;
  for await (const chunk of request) length += chunk.length;
  if (request.url === '/big') return response.end(Buffer.alloc(${bigBytes}, 'x'));
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ host: require('node:os').hostname(), headers: request.headers, length }));
});
server.listen(8000);
process.on('SIGTERM', () => process.exit(0));
`,
  ],
};

// `/events` tells one, and another when `/go` is asked. What is upgraded gets back what it sends.
const streamingApp: AppOptions = {
  image: 'node:24-slim',
  command: [
    'node',
    '-e',
    `
const { createHash } = require('node:crypto');
let told = () => undefined;
const server = require('node:http').createServer((request, response) => {
  if (request.url !== '/events') { told(); return response.end(); }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('data: one\\n\\n');
  told = () => response.write('data: two\\n\\n');
});
server.on('upgrade', ({ headers }, socket) => {
  const key = headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = createHash('sha1').update(key).digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n' +
    'Sec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n');
  socket.pipe(socket);
});
server.listen(8000);
process.on('SIGTERM', () => process.exit(0));
`,
  ],
};

describe('a published pool', function () {
  this.timeout(180_000);
  const lab = new Lab();
  afterEach(() => lab.clear());
  after(() => lab.runtime[Symbol.asyncDispose]());
  after(() => tryDocker('rmi', otherHaproxy));

  function stackOf(stack: Stack, options: Partial<PoolOptions> = {}, app = lightApp()): Stack {
    const next = lab.again(stack);
    next.pool('workers', { app: next.app('app', app), publish: 0, ...options });
    return next;
  }

  async function workersOf(deployment: LifecycleDeployment): Promise<ResourceStatus> {
    const { resources } = await deployment.status();
    assert.deepEqual(
      resources.map(({ resource }) => resource),
      [`${deployment.stack}/workers`],
    );
    return resources[0] ?? assert.fail('nothing is there');
  }

  const portsOf = (container: string): Promise<string> => docker('port', container);

  describe('with one worker that takes one request at a time', () => {
    let url: URL;
    beforeEach(async () => {
      const stack = lab.stack();
      const deployment = await lab.runtime.up(stackOf(stack, { maxConcurrency: 1 }, readingApp));
      url = deployment.endpoint('workers');
    });

    const slowBodies = {
      'whose length it has told': ['Content-Length: 3\r\n\r\na', 'bc'],
      'in chunks': ['Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n', '2\r\nbc\r\n0\r\n\r\n'],
    } as const;
    for (const [title, [begin, rest]] of Object.entries(slowBodies)) {
      it(`answers others while a visitor sends a body ${title} byte by byte, and then that one too`, async () => {
        await using visitor = await Visitor.at(url);
        visitor.write(`POST / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n${begin}`);
        for (let each = 0; each < 3; each++) assert.equal((await ask(url, '/')).host, 'workers-1');
        visitor.write(rest);
        const answer = await visitor.toEnd();
        assert.match(answer, /^HTTP\/1\.1 200 /);
        assert.match(answer, /"length":3/);
      });
    }

    it('answers others while a visitor reads a large answer slowly, which arrives whole', async () => {
      await using visitor = await Visitor.at(url);
      visitor.write('GET /big HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n');
      await visitor.firstBytes();
      for (let each = 0; each < 3; each++) assert.equal((await ask(url, '/')).host, 'workers-1');
      const answer = await visitor.toEnd();
      assert.equal(answer.length - answer.indexOf('\r\n\r\n') - 4, bigBytes);
    });

    it('takes large bodies, and gives them to the worker whole', async () => {
      const body = Buffer.alloc(bigBytes, 'x');
      const response = await fetch(url, { method: 'POST', body });
      assert.equal(((await response.json()) as { length: number }).length, bigBytes);
    });
  });

  it('refuses a body that is too large for it, before it is sent', async () => {
    const deployment = await lab.runtime.up(stackOf(lab.stack()));
    await using visitor = await Visitor.at(deployment.endpoint('workers'));
    visitor.write(`POST / HTTP/1.1\r\nHost: shop\r\nContent-Length: ${1024 ** 3 + 1}\r\n\r\n`);
    assert.match(await visitor.toEnd(), /^HTTP\/1\.1 413 /);
  });

  describe('asked by a stranger who tells of another visitor', () => {
    const told = { 'x-forwarded-for': '203.0.113.7', 'x-forwarded-proto': 'https' };
    const addresses = Array.from({ length: 24 }, (_, index) => `203.0.113.${index}`);
    const everybody = ['0.0.0.0/0'];

    async function askedBy(url: URL, address: string): Promise<{ host: string; from: string }> {
      const { host, headers } = await ask(url, '/', { headers: { ...told, 'x-forwarded-for': address } });
      return { host, from: headers['x-forwarded-for'] ?? '' };
    }

    it('believes nothing of it, and goes by the address that asks', async () => {
      const stack = lab.stack();
      const deployment = await lab.runtime.up(stackOf(stack, { replicas: 3, sticky: 'source' }));
      const url = deployment.endpoint('workers');
      const headers = { ...told, 'x-forwarded-host': 'evil.example', 'x-real-ip': '203.0.113.7' };
      const seen = (await ask(url, '/', { headers })).headers;
      assert.notEqual(seen['x-forwarded-for'], told['x-forwarded-for']);
      assert.equal(seen['x-real-ip'], seen['x-forwarded-for']);
      assert.equal(seen['x-forwarded-proto'], 'http');
      assert.equal(seen['x-forwarded-host'], url.host);
      const hosts = await Promise.all(addresses.map(async (each) => (await askedBy(url, each)).host));
      assert.equal(new Set(hosts).size, 1);
    });

    it('believes it of a proxy that it trusts, and keeps each visitor on a worker of its own', async () => {
      const stack = lab.stack();
      const options = { replicas: 3, sticky: 'source', trustedProxies: everybody } as const;
      const deployment = await lab.runtime.up(stackOf(stack, options));
      const url = deployment.endpoint('workers');
      const { headers } = await ask(url, '/', { headers: told });
      assert.equal(headers['x-forwarded-for'], told['x-forwarded-for']);
      assert.equal(headers['x-forwarded-proto'], 'https');
      const first = await Promise.all(addresses.map((each) => askedBy(url, each)));
      assert.deepEqual(
        first.map(({ from }) => from),
        addresses,
      );
      assert.ok(new Set(first.map(({ host }) => host)).size > 1);
      assert.deepEqual(await Promise.all(addresses.map((each) => askedBy(url, each))), first);
    });
  });

  it('passes on what streams as it comes: events, and what a WebSocket carries', async () => {
    const deployment = await lab.runtime.up(stackOf(lab.stack(), {}, streamingApp));
    const url = deployment.endpoint('workers');
    await using listener = await Visitor.at(url);
    listener.write('GET /events HTTP/1.1\r\nHost: shop\r\n\r\n');
    await listener.heard('data: one');
    await fetch(new URL('/go', url));
    await listener.heard('data: two');
    await using socket = await Visitor.at(url);
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
    socket.write(`GET / HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n`);
    await socket.heard('101 Switching Protocols');
    socket.write('and back');
    await socket.heard('and back');
  });

  it('is one resource to its program: its endpoint, its state, its log, and what a list counts', async () => {
    const stack = lab.stack();
    const described = stackOf(stack, { replicas: 2, stats: 0 });
    const deployment = await lab.runtime.up(described);
    const { endpoints, containers, kind, desired, running, healthy } = await workersOf(deployment);
    const url = deployment.endpoint('workers', 8080);
    assert.equal(deployment.endpoint('workers').href, url.href);
    assert.equal((await ask(url, '/')).path, '/');
    assert.deepEqual([...endpoints].sort(), [url.href, deployment.endpoint('workers', 8404).href].sort());
    assert.deepEqual([kind, desired, running, healthy], ['pool', 2, 2, 2]);
    assert.deepEqual(containers.map(({ name, role }) => [name.replace(stack.name, ''), role]).sort(), [
      ['-workers', 'proxy'],
      ['-workers-1', 'worker'],
      ['-workers-2', 'worker'],
      ['-workers.front', 'proxy'],
    ]);
    const listed = (await lab.runtime.list()).find((each) => each.stack === stack.name);
    assert.deepEqual([listed?.resources, listed?.running, listed?.containers], [1, 4, 4]);
    const lines = new Set<string>();
    for await (const { resource } of deployment.logs('workers')) lines.add(resource);
    assert.deepEqual(
      [...lines].filter((each) => each !== `${stack.name}/workers`),
      [],
    );
    assert.equal((await deployment.exec('workers', ['node', '-p', '1 + 1'])).stdout.trim(), '2');
    assert.ok((await lab.runtime.plan(described)).isEmpty);
    using events = recordEvents(lab.runtime.events);
    await lab.runtime.up(described);
    assert.deepEqual(
      events.names().filter((name) => !name.startsWith('stack:')),
      [],
    );
  });

  it('keeps its port while it is scaled, restarted and rolled back', async () => {
    const stack = lab.stack();
    const version = (of: string): Stack => stackOf(stack, { replicas: 2 }, lightAppOf(of));
    await lab.runtime.up(version('1'));
    const deployment = await lab.runtime.up(version('2'));
    const url = deployment.endpoint('workers');
    const visitors = startVisitors([url]);
    await deployment.scale('workers', 3);
    await deployment.restart('workers');
    await deployment.rollback('workers');
    const { failures } = await visitors.leave();
    assert.deepEqual(failures, []);
    assert.equal((await ask(url, '/')).version, '1');
    assert.equal((await workersOf(deployment)).healthy, 3);
    await deployment.scale('workers', 0);
    const { status, headers } = await fetch(url);
    assert.equal(status, 503);
    assert.match(headers.get('retry-after') ?? '', /^\d+$/);
  });

  it('is not well while its front is not, says so, and has it mended by the next up', async () => {
    const stack = lab.stack();
    const described = stackOf(stack);
    const deployment = await lab.runtime.up(described);
    const front = `${stack.name}-workers.front`;
    using events = recordEvents(deployment.events);
    await docker('stop', '--timeout', '0', front);
    await events.waitFor(
      'container:stopped',
      ({ resource, container }) => resource === `${stack.name}/workers` && container === front,
    );
    assert.equal((await deployment.status()).healthy, false);
    assert.equal((await workersOf(deployment)).healthy, 0);
    await docker('rm', '--volumes', front);
    assert.equal((await workersOf(deployment)).healthy, 0);
    const mended = await lab.runtime.up(described);
    assert.equal((await ask(mended.endpoint('workers'), '/')).path, '/');
    assert.ok((await mended.status()).healthy);
  });

  repeated('loses no request to another image of its HAProxy', async () => {
    await buildImage(otherHaproxy, 'FROM haproxy:3.2\nENV OTHER=1\n');
    const stack = lab.stack();
    const deployment = await lab.runtime.up(stackOf(stack, { replicas: 2 }));
    const haproxy = async (): Promise<string> =>
      docker('inspect', '--format', '{{.Id}}', `${stack.name}-workers`);
    const before = await haproxy();
    const visitors = startVisitors([deployment.endpoint('workers')]);
    await lab.runtime.up(stackOf(stack, { replicas: 2, image: otherHaproxy }));
    await visitors.settle(20);
    const { answered, failures } = await visitors.leave();
    assert.deepEqual(failures, []);
    assert.ok(answered > 50, `${answered} answers`);
    assert.notEqual(await haproxy(), before);
  });

  it('gives up its port and gets it again, without a word to its workers', async () => {
    const stack = lab.stack();
    const first = await lab.runtime.up(stackOf(stack, { publish: 0 }));
    const port = Number(first.endpoint('workers').port);
    const idsOf = async (deployment: LifecycleDeployment): Promise<readonly string[]> =>
      (await workersOf(deployment)).containers.flatMap(({ role, id }) => (role === 'worker' ? [id] : []));
    const workers = await idsOf(first);
    const closed = await lab.runtime.up(stackOf(stack, { publish: [] }));
    assert.throws(
      () => closed.endpoint('workers'),
      (error) => isPlumbstackError(error, 'NOT_FOUND'),
    );
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
    assert.equal((await workersOf(closed)).healthy, 1);
    assert.equal((await workersOf(closed)).containers.length, 2);
    const opened = await lab.runtime.up(stackOf(stack, { publish: port }));
    assert.equal((await ask(opened.endpoint('workers'), '/')).host, 'workers-1');
    assert.deepEqual(await idsOf(opened), workers);
    assert.ok((await lab.runtime.plan(stackOf(stack, { publish: port }))).isEmpty);
  });

  it('hands its port over to a router, gets it from an app of its name, and gives it back to one', async () => {
    const stack = lab.stack();
    const first = await lab.runtime.up(stackOf(stack, { publish: 0 }));
    const port = Number(first.endpoint('workers').port);
    const publish = { port, host: '127.0.0.1' };
    const url = new URL(`http://127.0.0.1:${port}/`);

    const routed = lab.again(stack);
    const pool = routed.pool('workers', { app: routed.app('app', lightAppOf('routed')) });
    routed.router('web', { publish }).route('/', pool);
    await lab.runtime.up(routed);
    assert.equal((await askOnce(url)).version, 'routed');
    assert.match(await portsOf(`${stack.name}-web`), new RegExp(`:${port}$`));

    const single = lab.again(stack);
    single.app('workers', { ...lightAppOf('single'), publish });
    await lab.runtime.up(single);
    assert.equal((await askOnce(url)).version, 'single');

    const pooled = stackOf(stack, { publish }, lightAppOf('pooled'));
    const plan = await lab.runtime.plan(pooled);
    assert.match(plan.toString(), new RegExp(`workers\\.front .*takes over 127\\.0\\.0\\.1:${port};`));
    await lab.runtime.up(pooled);
    assert.equal((await askOnce(url)).version, 'pooled');
    assert.ok((await lab.runtime.plan(pooled)).isEmpty);

    await lab.runtime.up(single);
    assert.equal((await askOnce(url)).version, 'single');
    assert.ok((await lab.runtime.plan(single)).isEmpty);
  });

  it('names itself where its port is taken, and comes up when it is free', async () => {
    const [holder, stack] = [lab.stack(), lab.stack()];
    const port = Number((await lab.runtime.up(stackOf(holder))).endpoint('workers').port);
    const taker = stackOf(stack, { publish: port });
    await assert.rejects(lab.runtime.up(taker), (error) => {
      assert.ok(isPlumbstackError(error, 'PORT_IN_USE'));
      assert.equal(error.resource, `${stack.name}/workers`);
      assert.match(error.message, new RegExp(`port ${port} .* ${holder.name}-workers\\.front`));
      return true;
    });
    await lab.runtime.down(holder);
    const deployment = await lab.runtime.up(taker);
    assert.equal((await ask(deployment.endpoint('workers'), '/')).host, 'workers-1');
  });

  it('leaves nothing behind', async () => {
    const stack = lab.stack();
    await lab.runtime.up(stackOf(stack));
    await lab.runtime.down(stack);
    assert.deepEqual(await leftovers(stack.name), []);
  });

  it('is no longer there after the program has dropped it', async () => {
    const stack = lab.stack();
    await lab.runtime.up(stackOf(stack));
    const next = lab.again(stack);
    next.app('app', lightApp());
    await lab.runtime.up(next);
    const left = await leftovers(stack.name);
    assert.deepEqual(
      left.filter((each) => each.includes('workers')),
      [],
    );
    await eventually('nothing is to be done', async () =>
      (await lab.runtime.plan(next)).isEmpty ? true : undefined,
    );
  });
});

/** Asks over a connection that is not kept, so that nobody waits for its end. */
async function askOnce(url: URL): Promise<Answer> {
  await using visitor = await Visitor.at(url);
  visitor.write('GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n');
  const answer = await visitor.toEnd();
  return JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1)) as Answer;
}

/** A connection by hand: it reads when it is told to. */
class Visitor implements AsyncDisposable {
  readonly #socket: Socket;
  #heard = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async at({ hostname, port }: URL): Promise<Visitor> {
    const socket = connect(Number(port), hostname).on('error', () => undefined);
    await once(socket, 'connect');
    return new Visitor(socket);
  }

  write(text: string): void {
    this.#socket.write(text);
  }

  /** Waits until an answer begins, and reads none of it. */
  async firstBytes(): Promise<void> {
    await once(this.#socket, 'readable');
  }

  /** Waits until an answer has had this in it. */
  async heard(text: string): Promise<void> {
    if (this.#socket.listenerCount('data') === 0)
      this.#socket.on('data', (chunk: Buffer) => (this.#heard += chunk.toString('latin1')));
    await eventually(text, async () => (this.#heard.includes(text) ? true : undefined));
  }

  async toEnd(): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of this.#socket) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString('latin1');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }
}
