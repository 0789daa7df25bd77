import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { EngineLogLine } from '@plumbstack/docker/client';
import { LogCursor } from '@plumbstack/docker/internal';

/** Lines of a log: of each output the moments grow, many of them several times the same; of both together they need not. */
const step = fc.record({
  by: fc.nat({ max: 2 }),
  stream: fc.constantFrom('stdout' as const, 'stderr' as const),
});
const logs = fc.array(step, { maxLength: 30 }).map((steps) => {
  const time = { stdout: 3, stderr: 0 };
  return steps.map(({ by, stream }, index): EngineLogLine => {
    const nanoseconds = (time[stream] += by);
    const at = `2026-01-01T00:00:00.${String(nanoseconds).padStart(9, '0')}Z`;
    return { stream, at, text: String(index) };
  });
});

describe('the cursor of a log', () => {
  it('reads every line once, wherever reading is cut and begun again', async () => {
    await fc.assert(
      fc.asyncProperty(logs, fc.array(fc.nat({ max: 30 }), { maxLength: 6 }), (log, cuts) => {
        const cursor = new LogCursor();
        const seen: string[] = [];
        for (const cut of [...cuts, log.length]) {
          cursor.rewind();
          const from = cursor.from;
          // What an engine gives: the moment that is asked for, and all that follow.
          const given = log.filter(({ at }) => from === undefined || nanosecondsOf(at) >= from);
          for (const line of given.slice(0, cut)) if (cursor.isNew(line)) seen.push(line.text);
        }
        cursor.rewind();
        const from = cursor.from;
        for (const line of log.filter(({ at }) => from === undefined || nanosecondsOf(at) >= from))
          if (cursor.isNew(line)) seen.push(line.text);
        assert.deepEqual(
          seen,
          log.map(({ text }) => text),
        );
        return Promise.resolve();
      }),
    );
  });

  it('reads on where the clock was set back', () => {
    const cursor = new LogCursor();
    const at = (second: number): EngineLogLine => ({
      ...{ stream: 'stdout', text: 'x' },
      at: `2026-01-01T00:00:0${second}Z`,
    });
    assert.deepEqual(
      [at(5), at(3), at(3)].map((each) => cursor.isNew(each)),
      [true, true, true],
    );
  });
});

function nanosecondsOf(at: string): bigint {
  return BigInt(Date.parse(`${at.slice(0, 19)}Z`)) * 1_000_000n + BigInt(at.slice(20, 29));
}
