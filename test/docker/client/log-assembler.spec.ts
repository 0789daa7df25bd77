import assert from 'node:assert/strict';
import fc from 'fast-check';
import { LogAssembler } from '@plumbstack/docker/client';
import { cut } from './frame-reader.spec';

const at = (n: number): string => `2026-01-02T03:04:05.${String(n).padStart(9, '0')}Z`;

function message(stream: 'stdout' | 'stderr', text: string): Buffer {
  const content = Buffer.from(text);
  const header = Buffer.from([stream === 'stdout' ? 1 : 2, 0, 0, 0, 0, 0, 0, 0]);
  header.writeUInt32BE(content.length, 4);
  return Buffer.concat([header, content]);
}

describe('log assembler', () => {
  it('gives the same lines however the stream is cut', () => {
    const line = fc.record({
      stream: fc.constantFrom('stdout' as const, 'stderr' as const),
      text: fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ' ')),
    });
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat()), (given, places) => {
        const lines = new LogAssembler();
        const whole = Buffer.concat(
          given.map(({ stream, text }, index) => message(stream, `${at(index)} ${text}\n`)),
        );
        const read = [...cut(whole, places).flatMap((chunk) => lines.push(chunk)), ...lines.end()];
        assert.deepEqual(
          read,
          given.map(({ stream, text }, index) => ({ stream, at: at(index), text })),
        );
      }),
    );
  });

  it('joins a long line that the engine stored in pieces, each with a timestamp, per stream', () => {
    const lines = new LogAssembler();
    const read = [
      ...lines.push(message('stdout', `${at(1)} first `)),
      ...lines.push(message('stderr', `${at(2)} between\n`)),
      ...lines.push(message('stdout', `${at(3)} second\n`)),
    ];
    assert.deepEqual(read, [
      { stream: 'stderr', at: at(2), text: 'between' },
      { stream: 'stdout', at: at(1), text: 'first second' },
    ]);
  });

  it('keeps a character whole that two pieces of a line share', () => {
    const lines = new LogAssembler();
    const [start, end] = [Buffer.from('é').subarray(0, 1), Buffer.from('é').subarray(1)];
    const piece = (stamp: string, bytes: Buffer, close: string): Buffer => {
      const content = Buffer.concat([Buffer.from(`${stamp} `), bytes, Buffer.from(close)]);
      const header = Buffer.from([1, 0, 0, 0, 0, 0, 0, content.length]);
      return Buffer.concat([header, content]);
    };
    lines.push(piece(at(1), start, ''));
    assert.deepEqual(lines.push(piece(at(2), end, '\n')), [{ stream: 'stdout', at: at(1), text: 'é' }]);
  });

  it('gives the last line also where it has no line end, and an empty line', () => {
    const lines = new LogAssembler();
    assert.deepEqual(lines.push(message('stdout', `${at(1)} \n`)), [
      { stream: 'stdout', at: at(1), text: '' },
    ]);
    lines.push(message('stdout', `${at(2)} no end`));
    assert.deepEqual(lines.end(), [{ stream: 'stdout', at: at(2), text: 'no end' }]);
  });

  it('reads the log of a container with a terminal, which has no frames', () => {
    const lines = new LogAssembler();
    const read = [`${at(1)} one\n${at(2)}`, ' two\n'].flatMap((text) => lines.push(Buffer.from(text)));
    assert.deepEqual(read, [
      { stream: 'stdout', at: at(1), text: 'one' },
      { stream: 'stdout', at: at(2), text: 'two' },
    ]);
  });
});
