import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import { LifecycleEmitter } from '@plumbstack/events';
import { writeNdjson } from '@plumbstack/events/ndjson';

function emitQueue(emitter: LifecycleEmitter, count: number): void {
  for (let queued = 1; queued <= count; queued++) {
    emitter.emit('shop', 'pool:queue', { resource: 'shop/workers', queued });
  }
}

/** Reads that many lines of what is written. */
async function readLines(readable: PassThrough, count: number): Promise<readonly string[]> {
  readable.setEncoding('utf8');
  let text = '';
  while (text.split('\n').length <= count) text += String((await once(readable, 'data'))[0]);
  return text.split('\n').slice(0, count);
}

describe('writeNdjson', () => {
  it('writes each event as one line of JSON, and resolves when its signal aborts', async () => {
    const emitter = new LifecycleEmitter({ now: () => new Date(0) });
    const output = new PassThrough();
    const abort = new AbortController();
    const writing = writeNdjson(emitter.source, output, { signal: abort.signal });
    emitter.emit('shop', 'image:build:progress', {
      resource: 'shop/app',
      image: 'shop-app',
      status: 'a\nb\u2028c',
    });
    emitter.emit('shop', 'lock:acquired', {});
    const lines = await readLines(output, 2);
    abort.abort();
    await writing;
    assert.deepEqual(
      lines.map((line): unknown => JSON.parse(line)),
      [
        {
          type: 'image:build:progress',
          stack: 'shop',
          seq: 1,
          at: '1970-01-01T00:00:00.000Z',
          resource: 'shop/app',
          image: 'shop-app',
          status: 'a\nb\u2028c',
        },
        { type: 'lock:acquired', stack: 'shop', seq: 2, at: '1970-01-01T00:00:00.000Z' },
      ],
    );
    assert.equal(output.writableEnded, false, "the writable is the caller's to end");
    assert.equal(emitter.listenerCount, 0);
  });

  it('waits for a writable that is full, holds no more than the buffer, and tells what was lost', async () => {
    const emitter = new LifecycleEmitter();
    const output = new PassThrough({ highWaterMark: 100 });
    const abort = new AbortController();
    const writing = writeNdjson(emitter.source, output, { signal: abort.signal, bufferSize: 5 });
    emitQueue(emitter, 1000);
    await new Promise(setImmediate);
    assert.ok(output.writableNeedDrain);
    assert.ok(output.writableLength < 1000, `${output.writableLength} bytes are held by the writable`);
    const types = (await readLines(output, 6)).map((line) => (JSON.parse(line) as { type: string }).type);
    assert.equal(types.filter((type) => type === 'stream:gap').length, 1);
    abort.abort();
    await writing;
    assert.equal(output.listenerCount('drain'), 0);
  });

  it('resolves when its signal aborts while it waits for the writable', async () => {
    const emitter = new LifecycleEmitter();
    const output = new PassThrough({ highWaterMark: 1 });
    const abort = new AbortController();
    const writing = writeNdjson(emitter.source, output, { signal: abort.signal });
    emitQueue(emitter, 2);
    await new Promise(setImmediate);
    assert.ok(output.writableNeedDrain);
    abort.abort();
    await writing;
  });

  for (const [how, act] of [
    ['is ended', (output: PassThrough) => output.end()],
    ['is destroyed', (output: PassThrough) => output.destroy()],
  ] as const) {
    it(`resolves when the writable ${how}, and leaves no listener`, async () => {
      const emitter = new LifecycleEmitter();
      const output = new PassThrough();
      const before = ['close', 'finish', 'error', 'drain'].map((name) => output.listenerCount(name));
      const writing = writeNdjson(emitter.source, output);
      act(output);
      emitQueue(emitter, 3);
      await writing;
      assert.equal(emitter.listenerCount, 0);
      assert.deepEqual(
        ['close', 'finish', 'error', 'drain'].map((name) => output.listenerCount(name)),
        before,
      );
    });

    it(`resolves at once for a writable that ${how} before`, async () => {
      const output = new PassThrough();
      act(output);
      await writeNdjson(new LifecycleEmitter().source, output);
    });
  }

  it('resolves when whoever reads the pipe has stopped reading', async () => {
    const emitter = new LifecycleEmitter();
    // It closes its end of the pipe and stays, so that a write fails with EPIPE before the process is gone.
    const child = spawn('sh', ['-c', 'exec <&-; echo closed; exec sleep 60'], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    try {
      await once(child.stdout, 'data');
      const writing = writeNdjson(emitter.source, child.stdin);
      emitQueue(emitter, 10);
      await writing;
      assert.equal(emitter.listenerCount, 0);
    } finally {
      child.kill();
    }
  });

  it('rejects with an error that the writable has not told yet when the next event comes', async () => {
    const emitter = new LifecycleEmitter();
    const output = new PassThrough();
    const writing = writeNdjson(emitter.source, output);
    const failure = new TypeError('broken');
    // In a microtask: all the others run before the error is told.
    await Promise.resolve();
    output.destroy(failure);
    emitQueue(emitter, 1);
    await assert.rejects(writing, failure);
  });

  it("rejects with the writable's own error where it has one", async () => {
    const emitter = new LifecycleEmitter();
    const full = Object.assign(new TypeError('no space left'), { code: 'ENOSPC' });
    const output = new Writable({ write: (_chunk, _encoding, done) => done(full) });
    const writing = writeNdjson(emitter.source, output);
    emitQueue(emitter, 10);
    await assert.rejects(writing, full);
    assert.equal(emitter.listenerCount, 0);
  });

  it('goes on from a number that is still remembered', async () => {
    const emitter = new LifecycleEmitter();
    emitQueue(emitter, 3);
    const output = new PassThrough();
    const abort = new AbortController();
    const writing = writeNdjson(emitter.source, output, { since: 2, signal: abort.signal });
    const lines = await readLines(output, 2);
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { seq: number }).seq),
      [2, 3],
    );
    abort.abort();
    await writing;
  });
});
