import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import type { LogLine, LogOptions } from '@plumbstack/core';
import type { DockerReader, EngineLogLine, EngineLogOptions } from '@plumbstack/docker/client';
import {
  JoinedLines,
  label,
  mergeLogs,
  observedContainer,
  type ObservedContainer,
} from '@plumbstack/docker/internal';

type Reader = (options: EngineLogOptions) => AsyncIterable<EngineLogLine>;

/** The lines of these containers as they come. */
function joined(
  readers: Readonly<Record<string, Reader>>,
  signal?: AbortSignal,
): AsyncGenerator<LogLine, void, undefined> {
  const lines = new JoinedLines(signal);
  for (const [name, reader] of Object.entries(readers)) lines.add(linesOf(name, reader, lines.ended));
  return lines.read();
}

async function* linesOf(
  container: string,
  reader: Reader,
  signal: AbortSignal,
): AsyncGenerator<LogLine, void, undefined> {
  for await (const each of reader({ signal })) yield { resource: 'shop/api', container, ...each };
}

/** The lines of these containers, merged. */
function merged(
  readers: Readonly<Record<string, Reader>>,
  options: LogOptions = {},
): AsyncGenerator<LogLine, void, undefined> {
  const client: Pick<DockerReader, 'logs'> = {
    logs: (id, given = {}) => readers[id]?.(given) ?? assert.fail(`nobody asked for ${id}`),
  };
  // Logs are all that is read.
  return mergeLogs(client as DockerReader, 'shop', Object.keys(readers).map(container), options);
}

function container(id: string): ObservedContainer {
  const labels = { [label.resource]: 'api', [label.role]: 'app' };
  const rest = { image: '', imageId: '', createdAt: '', networks: {}, ports: [] };
  return observedContainer({ id, name: `shop-${id}`, state: 'running', labels, ...rest });
}

const line = (text: string, second = 0): EngineLogLine => ({
  stream: 'stdout',
  at: `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000000Z`,
  text,
});

/** Says these lines, and nothing more until the signal aborts. */
function silentAfter(...lines: readonly EngineLogLine[]): Reader {
  return async function* ({ signal }) {
    yield* lines;
    await new Promise((_, reject) => {
      if (signal?.aborted === true) reject(signal.reason as Error);
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  };
}

async function* ended(lines: readonly EngineLogLine[]): AsyncGenerator<EngineLogLine, void, undefined> {
  yield* lines;
}

async function textsOf(lines: AsyncIterable<LogLine>): Promise<readonly string[]> {
  const texts: string[] = [];
  for await (const { text } of lines) texts.push(text);
  return texts;
}

describe('the merged log of several containers', () => {
  it('has every line once, by its time, and those of one container in their order', async () => {
    const seconds = fc
      .array(fc.nat({ max: 59 }), { maxLength: 8 })
      .map((list) => [...list].sort((a, b) => a - b));
    await fc.assert(
      fc.asyncProperty(fc.array(seconds, { maxLength: 5 }), async (logs) => {
        const readers = logs.map((times, log): [string, Reader] => [
          `c${log}`,
          () => ended(times.map((second, index) => line(`${log} ${index}`, second))),
        ]);
        const found: LogLine[] = [];
        for await (const each of merged(Object.fromEntries(readers))) found.push(each);
        const times = found.map(({ at }) => at);
        assert.deepEqual(times, [...times].sort());
        logs.forEach((each, log) => {
          const own = found.filter(({ container: name }) => name === `shop-c${log}`);
          assert.deepEqual(
            own.map(({ text }) => text),
            each.map((_, index) => `${log} ${index}`),
          );
        });
        assert.equal(found.length, logs.flat().length);
      }),
    );
  });

  it('says of each line where it comes from', async () => {
    const lines = merged({ one: () => ended([{ ...line('x', 7), stream: 'stderr' }]) });
    assert.deepEqual((await lines.next()).value, {
      resource: 'shop/api',
      container: 'shop-one',
      stream: 'stderr',
      at: '2026-01-01T00:00:07.000000000Z',
      text: 'x',
    });
  });

  it('passes on what was asked for', async () => {
    const since = new Date(0);
    let seen: EngineLogOptions = {};
    await textsOf(
      merged(
        {
          one: (options) => {
            seen = options;
            return ended([]);
          },
        },
        { since, tail: 5 },
      ),
    );
    assert.deepEqual(
      { since: seen.since, tail: seen.tail, follow: seen.follow },
      { since, tail: 5, follow: undefined },
    );
  });

  it('of no container is empty', async () => {
    assert.deepEqual(await textsOf(merged({})), []);
  });

  it('fails with what one of them fails with', async () => {
    const reason = new Error('broken');
    async function* broken(): AsyncGenerator<EngineLogLine, void, undefined> {
      yield line('before', 1);
      throw reason;
    }
    const other: Reader = () => ended([line('other', 2)]);
    await assert.rejects(textsOf(merged({ broken, other })), (error) => error === reason);
    const others = { broken, other: silentAfter(line('other', 2)) };
    await assert.rejects(textsOf(joined(others)), (error) => error === reason);
  });
});

describe('a followed log of several containers', () => {
  it('goes on with whoever says something', async () => {
    const lines = joined({ quiet: silentAfter(), loud: silentAfter(line('a'), line('b')) });
    assert.equal((await lines.next()).value?.text, 'a');
    assert.equal((await lines.next()).value?.text, 'b');
    await lines.return();
  });

  it('ends when the reader stops, though others say nothing', async () => {
    for await (const { text } of joined({ quiet: silentAfter(), loud: silentAfter(line('a')) })) {
      assert.equal(text, 'a');
      break;
    }
  });

  it('ends without an error when its signal aborts, and leaves no listener', async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const texts: string[] = [];
    const readers = { quiet: silentAfter(), loud: silentAfter(line('a')) };
    for await (const { text } of joined(readers, signal)) {
      texts.push(text);
      controller.abort();
    }
    assert.deepEqual(texts, ['a']);
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });

  it('is empty where its signal had aborted before', async () => {
    assert.deepEqual(await textsOf(joined({ one: silentAfter() }, AbortSignal.abort())), []);
  });

  it('hears a quiet container beside others that never pause', async () => {
    async function* endless(): AsyncGenerator<EngineLogLine, void, undefined> {
      for (;;) yield line('again');
    }
    let heard = 0;
    for await (const { text } of joined({
      one: endless,
      two: endless,
      quiet: silentAfter(line('once')),
    })) {
      if (text === 'once') break;
      if (++heard > 100) assert.fail('it was not heard');
    }
  });

  it('closes what it has read from', async () => {
    const closed: string[] = [];
    const reader = (name: string): Reader =>
      async function* () {
        try {
          yield line(name);
          yield line(name);
        } finally {
          closed.push(name);
        }
      };
    for (const each of [joined, merged]) {
      closed.length = 0;
      for await (const _ of each({ one: reader('one'), two: reader('two') })) break;
      assert.deepEqual(closed.sort(), ['one', 'two']);
    }
  });
});
