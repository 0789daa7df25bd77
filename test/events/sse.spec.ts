import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { isPlumbstackError } from '@plumbstack/core';
import { LifecycleEmitter } from '@plumbstack/events';
import { sseHeaders, writeSse } from '@plumbstack/events/sse';

interface Message {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

/** A real server on loopback, closed at the end of the block. */
async function serve(listener: RequestListener): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function request(url: string, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const [response] = (await once(get(url, { headers }), 'response')) as [IncomingMessage];
  return response.setEncoding('utf8');
}

async function readBlocks(response: IncomingMessage, count: number): Promise<readonly string[]> {
  let text = '';
  while (text.split('\n\n').length <= count) text += String((await once(response, 'data'))[0]);
  return text.split('\n\n').slice(0, count);
}

/** Reads the fields of one event as WHATWG says: a name up to the first colon, one space left out after it. */
function parse(block: string): Message {
  const fields = block.split('\n').map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, '')] as const;
  });
  assert.deepEqual(
    fields.map(([name]) => name),
    ['id', 'event', 'data'],
  );
  const [id, event, data] = fields.map(([, value]) => value);
  return { id: id ?? '', event: event ?? '', data: JSON.parse(data ?? '') };
}

function emitQueue(emitter: LifecycleEmitter, count: number): void {
  for (let queued = 1; queued <= count; queued++) {
    emitter.emit('shop', 'pool:queue', { resource: 'shop/workers', queued });
  }
}

describe('writeSse', () => {
  it('writes id, event and data of each event to a real response', async () => {
    const emitter = new LifecycleEmitter({ now: () => new Date(0) });
    await using server = await serve((_request, response) => {
      response.writeHead(200, sseHeaders);
      void writeSse(emitter.source, response, { since: 1 });
    });
    emitter.emit('shop', 'image:build:progress', {
      resource: 'shop/app',
      image: 'shop-app',
      status: 'a\r\nb\n\nc',
    });
    const response = await request(server.url);
    assert.equal(response.headers['content-type'], 'text/event-stream');
    const [first] = (await readBlocks(response, 1)).map(parse);
    assert.deepEqual(first, {
      id: '1',
      event: 'image:build:progress',
      data: {
        type: 'image:build:progress',
        stack: 'shop',
        seq: 1,
        at: '1970-01-01T00:00:00.000Z',
        resource: 'shop/app',
        image: 'shop-app',
        status: 'a\r\nb\n\nc',
      },
    });
    emitter.emit('shop', 'lock:acquired', {});
    assert.deepEqual((await readBlocks(response, 1)).map(parse)[0]?.event, 'lock:acquired');
  });

  it('goes on after the Last-Event-ID of a client that comes back', async () => {
    const emitter = new LifecycleEmitter();
    emitQueue(emitter, 4);
    await using server = await serve((incoming, response) => {
      response.writeHead(200, sseHeaders);
      void writeSse(emitter.source, response, { lastEventId: incoming.headers['last-event-id'] });
    });
    const response = await request(server.url, { 'last-event-id': '2' });
    assert.deepEqual(
      (await readBlocks(response, 2)).map((block) => parse(block).id),
      ['3', '4'],
    );
  });

  it('ignores a Last-Event-ID that is no number', async () => {
    const emitter = new LifecycleEmitter();
    emitQueue(emitter, 1);
    for (const lastEventId of ['', 'x', '-1', '1e9', '9'.repeat(400), ['1', '2'], undefined]) {
      const output = new PassThrough();
      const writing = writeSse(emitter.source, output, { lastEventId });
      emitter.emit('shop', 'lock:acquired', {});
      const [chunk] = (await once(output, 'data')) as [Buffer];
      assert.equal(parse(chunk.toString().trimEnd()).event, 'lock:acquired');
      output.destroy();
      await writing;
    }
  });

  it('resolves when the client goes away', async () => {
    const emitter = new LifecycleEmitter();
    let written: Promise<void> | undefined;
    await using server = await serve((_request, response) => {
      response.writeHead(200, sseHeaders);
      written = writeSse(emitter.source, response, { since: 1 });
    });
    emitQueue(emitter, 1);
    const response = await request(server.url);
    await readBlocks(response, 1);
    assert.equal(emitter.listenerCount, 1);
    response.destroy();
    await written;
    assert.equal(emitter.listenerCount, 0);
  });

  it('resolves when its signal aborts, and leaves the response to its owner', async () => {
    const emitter = new LifecycleEmitter();
    const abort = new AbortController();
    await using server = await serve((_request, response) => {
      response.writeHead(200, sseHeaders);
      void writeSse(emitter.source, response, { since: 1, signal: abort.signal }).then(() =>
        response.end('bye'),
      );
    });
    emitQueue(emitter, 1);
    const response = await request(server.url);
    await readBlocks(response, 1);
    abort.abort();
    assert.deepEqual(await once(response, 'data'), ['bye']);
    assert.equal(emitter.listenerCount, 0);
  });

  it('holds events back for a client that does not read', async () => {
    const emitter = new LifecycleEmitter();
    const output = new PassThrough({ highWaterMark: 100 });
    const writing = writeSse(emitter.source, output, { bufferSize: 5 });
    emitQueue(emitter, 1000);
    await new Promise(setImmediate);
    assert.ok(output.writableNeedDrain);
    assert.ok(output.writableLength < 1000, `${output.writableLength} bytes are held by the response`);
    output.destroy();
    await writing;
  });

  it('writes comments to a quiet connection, until it ends', async () => {
    const emitter = new LifecycleEmitter();
    const output = new PassThrough();
    const abort = new AbortController();
    const writing = writeSse(emitter.source, output, { heartbeatMs: 1, signal: abort.signal });
    const [chunk] = (await once(output, 'data')) as [Buffer];
    assert.match(chunk.toString(), /^(?::\n\n)+$/);
    abort.abort();
    await writing;
  });

  it('refuses a heartbeat that is no duration', async () => {
    await assert.rejects(
      writeSse(new LifecycleEmitter().source, new PassThrough(), { heartbeatMs: -1 }),
      (error) => isPlumbstackError(error, 'INVALID_OPTION'),
    );
  });
});
