import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { isPlumbstackError } from '@plumbstack/core';
import { LifecycleEmitter, type LifecycleEvent } from '@plumbstack/events';
import { refusalOf } from '../core/refusal';

const wait = { resource: 'shop/workers' } as const;

function emitMany(emitter: LifecycleEmitter, count: number, stack = 'shop'): void {
  for (let queued = 0; queued < count; queued++) emitter.emit(stack, 'pool:queue', { ...wait, queued });
}

/** Reads that many events, and ends the stream. */
async function take(
  stream: AsyncIterable<LifecycleEvent>,
  count: number,
): Promise<readonly LifecycleEvent[]> {
  const taken: LifecycleEvent[] = [];
  for await (const event of stream) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

/** Reads all of a stream that ends. */
async function readAll(stream: AsyncIterable<LifecycleEvent>): Promise<readonly LifecycleEvent[]> {
  return take(stream, Infinity);
}

function iterator(
  stream: AsyncIterable<LifecycleEvent>,
): Required<Pick<AsyncIterator<LifecycleEvent>, 'next' | 'return'>> {
  const found = stream[Symbol.asyncIterator]();
  assert.ok(found.return !== undefined);
  return found as Required<typeof found>;
}

const numbers = (events: readonly LifecycleEvent[]): readonly number[] => events.map(({ seq }) => seq);
const said = ({ type, seq }: LifecycleEvent): string => `${type} ${seq}`;

describe('stream()', () => {
  it('gives events in order, those that came before they were read and those that come after', async () => {
    const emitter = new LifecycleEmitter();
    const stream = emitter.source.stream();
    emitMany(emitter, 2);
    const reading = take(stream, 4);
    await new Promise(setImmediate);
    emitMany(emitter, 2);
    assert.deepEqual(numbers(await reading), [1, 2, 3, 4]);
  });

  it('listens from the call on, not from the first read', async () => {
    const emitter = new LifecycleEmitter();
    emitMany(emitter, 1);
    const stream = emitter.source.stream();
    emitMany(emitter, 1);
    assert.deepEqual(numbers(await take(stream, 1)), [2]);
  });

  it('gives each of several readers every event', async () => {
    const emitter = new LifecycleEmitter();
    const streams = [emitter.source.stream(), emitter.source.stream()];
    emitMany(emitter, 3);
    const read = await Promise.all(streams.map((stream) => take(stream, 3)));
    assert.deepEqual(read.map(numbers), [
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  it('answers several reads at once in their order', async () => {
    const emitter = new LifecycleEmitter();
    const stream = iterator(emitter.source.stream());
    const reads = [stream.next(), stream.next(), stream.next()];
    emitMany(emitter, 2);
    await stream.return();
    const results = await Promise.all(reads);
    assert.deepEqual(
      results.map(({ value, done }) => (done === true ? 'done' : value.seq)),
      [1, 2, 'done'],
    );
  });

  it('gives only what the filter lets through', async () => {
    const emitter = new LifecycleEmitter();
    const stream = emitter.source.stream({ filter: ({ type }) => type === 'lock:acquired' });
    emitMany(emitter, 1);
    emitter.emit('shop', 'lock:acquired', {});
    assert.deepEqual((await take(stream, 1)).map(said), ['lock:acquired 2']);
  });

  it('gives a failure of the filter to the reader whose filter it is, after what passed before, and to nobody else', async () => {
    const emitter = new LifecycleEmitter();
    const failure = new TypeError('bad filter');
    const stream = iterator(
      emitter.source.stream({
        filter: ({ seq }) => {
          if (seq === 2) throw failure;
          return true;
        },
      }),
    );
    const other = emitter.source.stream();
    emitMany(emitter, 3);
    assert.equal(((await stream.next()).value as LifecycleEvent).seq, 1);
    await assert.rejects(stream.next(), failure);
    assert.equal((await stream.next()).done, true);
    assert.deepEqual(numbers(await take(other, 3)), [1, 2, 3]);
    assert.equal(emitter.listenerCount, 0);
  });

  it('of a view gives the events of its stack', async () => {
    const emitter = new LifecycleEmitter();
    const stream = emitter.forStack('blog').stream();
    emitMany(emitter, 2, 'shop');
    emitMany(emitter, 1, 'blog');
    assert.deepEqual(numbers(await take(stream, 1)), [3]);
  });

  it('refuses options of the wrong kind', () => {
    const { source } = new LifecycleEmitter();
    for (const options of [{ bufferSize: 0 }, { bufferSize: 1.5 }, { since: -1 }, { since: Number.NaN }]) {
      assert.throws(
        () => source.stream(options),
        (error) => isPlumbstackError(error, 'INVALID_OPTION') && error.message.includes('stream.'),
      );
    }
  });

  it('refuses options that it does not know, and what is no filter and no signal', () => {
    const { source } = new LifecycleEmitter();
    const wrong = { filter: 'up', signal: new AbortController(), size: 3, since: '5', bufferSize: '10' };
    for (const [name, value] of Object.entries(wrong)) {
      const error = refusalOf(() => source.stream({ [name]: value }));
      assert.equal(error.details['path'], `stream.${name}`);
    }
    assert.throws(() => source.stream(null as unknown as object), /INVALID_OPTION/);
  });

  describe('for a slow reader', () => {
    it('drops the oldest and puts one stream:gap in their place', async () => {
      const emitter = new LifecycleEmitter({ now: () => new Date(0) });
      const stream = emitter.forStack('shop').stream({ bufferSize: 3 });
      emitMany(emitter, 10);
      const read = await take(stream, 4);
      assert.deepEqual(read.map(said), ['stream:gap 7', 'pool:queue 8', 'pool:queue 9', 'pool:queue 10']);
      assert.deepEqual(read[0], {
        type: 'stream:gap',
        stack: 'shop',
        seq: 7,
        at: '1970-01-01T00:00:00.000Z',
        reason: '7 events came faster than they were read',
      });
      assert.ok(Object.isFrozen(read[0]));
    });

    it('tells a later loss with a gap of its own', async () => {
      const emitter = new LifecycleEmitter();
      const stream = iterator(emitter.source.stream({ bufferSize: 2 }));
      const read: string[] = [];
      const readNext = async (): Promise<void> => {
        read.push(said((await stream.next()).value as LifecycleEvent));
      };
      emitMany(emitter, 3);
      await readNext();
      await readNext();
      emitMany(emitter, 2);
      for (let count = 0; count < 3; count++) await readNext();
      assert.deepEqual(read, [
        'stream:gap 1',
        'pool:queue 2',
        'stream:gap 3',
        'pool:queue 4',
        'pool:queue 5',
      ]);
    });

    it('loses nothing of what the filter keeps when only the rest is too much', async () => {
      const emitter = new LifecycleEmitter();
      const stream = emitter.source.stream({ bufferSize: 1, filter: ({ type }) => type === 'lock:acquired' });
      emitter.emit('shop', 'lock:acquired', {});
      emitMany(emitter, 100);
      assert.deepEqual((await take(stream, 1)).map(said), ['lock:acquired 1']);
    });

    it('tells the gap also to a reader whose filter keeps other events only', async () => {
      const emitter = new LifecycleEmitter();
      const stream = emitter.source.stream({ bufferSize: 1, filter: ({ type }) => type === 'pool:queue' });
      emitMany(emitter, 2);
      assert.deepEqual((await take(stream, 2)).map(said), ['stream:gap 1', 'pool:queue 2']);
    });
  });

  describe('since', () => {
    it('gives what is remembered from that number on, then what comes, each once', async () => {
      const emitter = new LifecycleEmitter();
      emitMany(emitter, 5);
      const stream = emitter.source.stream({ since: 3 });
      emitMany(emitter, 1);
      assert.deepEqual(numbers(await take(stream, 4)), [3, 4, 5, 6]);
    });

    it('gives each event once to a listener that opens a stream while more are about to be told', async () => {
      const emitter = new LifecycleEmitter();
      let stream: AsyncIterable<LifecycleEvent> | undefined;
      emitter.source.once('lock:acquired', () => {
        emitMany(emitter, 2);
        stream = emitter.source.stream({ since: 1 });
      });
      emitter.emit('shop', 'lock:acquired', {});
      emitMany(emitter, 1);
      assert.ok(stream !== undefined);
      assert.deepEqual(numbers(await take(stream, 4)), [1, 2, 3, 4]);
    });

    it('begins with a stream:gap where it is older than what is remembered', async () => {
      const emitter = new LifecycleEmitter({ memory: 2 });
      emitMany(emitter, 5);
      const read = await take(emitter.source.stream({ since: 2 }), 3);
      assert.deepEqual(read.map(said), ['stream:gap 3', 'pool:queue 4', 'pool:queue 5']);
      assert.equal(read[0]?.stack, '*', 'what was forgotten may be of any stack');
    });

    it('begins with no gap where nothing is missing', async () => {
      const emitter = new LifecycleEmitter({ memory: 2 });
      emitMany(emitter, 5);
      assert.deepEqual((await take(emitter.source.stream({ since: 4 }), 1)).map(said), ['pool:queue 4']);
      const fromNow = emitter.source.stream({ since: 6 });
      emitMany(emitter, 1);
      assert.deepEqual((await take(fromNow, 1)).map(said), ['pool:queue 6']);
    });

    it('of 0 or 1 is everything', async () => {
      const emitter = new LifecycleEmitter();
      emitMany(emitter, 1);
      for (const since of [0, 1]) {
        assert.deepEqual((await take(emitter.source.stream({ since }), 1)).map(said), ['pool:queue 1']);
      }
    });

    it('that was never reached is a number of another process: a gap, and all that is remembered', async () => {
      const emitter = new LifecycleEmitter();
      emitMany(emitter, 2);
      const read = await take(emitter.source.stream({ since: 4000 }), 3);
      assert.deepEqual(read.map(said), ['stream:gap 0', 'pool:queue 1', 'pool:queue 2']);
    });

    it('tells one gap for both what is forgotten and what did not fit the buffer', async () => {
      const emitter = new LifecycleEmitter({ memory: 3 });
      emitMany(emitter, 5);
      const read = await take(emitter.source.stream({ since: 1, bufferSize: 1 }), 2);
      assert.deepEqual(read.map(said), ['stream:gap 4', 'pool:queue 5']);
    });

    it('with a memory of nothing has a gap and what comes', async () => {
      const emitter = new LifecycleEmitter({ memory: 0 });
      emitMany(emitter, 2);
      const stream = emitter.source.stream({ since: 1 });
      emitMany(emitter, 1);
      assert.deepEqual((await take(stream, 2)).map(said), ['stream:gap 2', 'pool:queue 3']);
    });

    it('of a view gives what was told of its stack', async () => {
      const emitter = new LifecycleEmitter();
      emitMany(emitter, 2, 'shop');
      emitMany(emitter, 1, 'blog');
      assert.deepEqual((await take(emitter.forStack('blog').stream({ since: 1 }), 1)).map(said), [
        'pool:queue 3',
      ]);
    });
  });

  describe('ends', () => {
    it('quietly when its signal aborts while it is read, and releases all it held', async () => {
      const emitter = new LifecycleEmitter();
      const abort = new AbortController();
      const reading = readAll(emitter.source.stream({ signal: abort.signal }));
      emitMany(emitter, 2);
      await new Promise(setImmediate);
      assert.equal(emitter.listenerCount, 1);
      abort.abort();
      assert.deepEqual(numbers(await reading), [1, 2]);
      assert.equal(emitter.listenerCount, 0);
    });

    it('at once when its signal aborts: what was not read is dropped', async () => {
      const emitter = new LifecycleEmitter();
      const abort = new AbortController();
      const stream = emitter.source.stream({ signal: abort.signal, bufferSize: 1 });
      emitMany(emitter, 3);
      abort.abort();
      assert.deepEqual(await readAll(stream), []);
    });

    it('before it begins where the signal has aborted already', async () => {
      const emitter = new LifecycleEmitter();
      emitMany(emitter, 1);
      const stream = emitter.source.stream({ signal: AbortSignal.abort(), since: 1 });
      assert.equal(emitter.listenerCount, 0);
      assert.deepEqual(await readAll(stream), []);
    });

    it('with return(), also while a read is open, and again is nothing', async () => {
      const emitter = new LifecycleEmitter();
      const stream = iterator(emitter.source.stream());
      const open = stream.next();
      await stream.return();
      assert.deepEqual(await open, { value: undefined, done: true });
      assert.deepEqual(await stream.return(), { value: undefined, done: true });
      assert.equal(emitter.listenerCount, 0);
    });

    it('without leaving a listener on a signal that outlives it', async () => {
      const emitter = new LifecycleEmitter();
      const { signal } = new AbortController();
      for (let count = 0; count < 50; count++) {
        const stream = emitter.source.stream({ signal });
        emitMany(emitter, 1);
        await take(stream, 1);
      }
      assert.equal(getEventListeners(signal, 'abort').length, 0);
      assert.equal(emitter.listenerCount, 0);
    });
  });

  describe('over a million events', () => {
    const million = 1_000_000;

    it('holds no more than its buffer and its memory, however many come', async () => {
      const emitter = new LifecycleEmitter({ memory: 50 });
      const abort = new AbortController();
      const unread = emitter.source.stream({ signal: abort.signal, bufferSize: 100 });
      emitMany(emitter, million);
      const remembered = emitter.source.stream({ since: 1, signal: abort.signal });
      const counts = await Promise.all([take(unread, 101), take(remembered, 51)]);
      assert.deepEqual(
        counts.map(([first, ...rest]) => [first?.type, rest[0]?.seq, rest.length]),
        [
          ['stream:gap', million - 99, 100],
          ['stream:gap', million - 49, 50],
        ],
      );
      assert.equal(emitter.listenerCount, 0);
    });

    it('misses none of them where it is read as fast as they come', async () => {
      const emitter = new LifecycleEmitter({ memory: 0 });
      const stream = iterator(emitter.source.stream({ bufferSize: 10 }));
      let read = 0;
      for (let round = 0; round < million / 10; round++) {
        emitMany(emitter, 10);
        for (let each = 0; each < 10; each++) {
          const { value } = await stream.next();
          if ((value as LifecycleEvent).seq !== ++read)
            assert.fail(`${said(value as LifecycleEvent)} is not ${read}`);
        }
      }
      assert.equal(read, million);
      await stream.return();
      assert.equal(emitter.listenerCount, 0);
    });
  });
});
