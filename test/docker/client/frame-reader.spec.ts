import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isPlumbstackError } from '@plumbstack/core';
import { FrameReader } from '@plumbstack/docker/client';

function frame(kind: number, content: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = kind;
  header.writeUInt32BE(content.length, 4);
  return Buffer.concat([header, content]);
}

/** Cuts a buffer at the given places. */
export function cut(whole: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (whole.length + 1)))].sort((a, b) => a - b);
  return [0, ...at].map((start, index) => whole.subarray(start, at[index] ?? whole.length));
}

describe('frame reader', () => {
  it('gives the same frames however the stream is cut into chunks', () => {
    const frames = fc.array(
      fc.record({ kind: fc.constantFrom(1, 2), content: fc.uint8Array({ maxLength: 40 }) }),
    );
    fc.assert(
      fc.property(frames, fc.array(fc.nat()), (given, places) => {
        const reader = new FrameReader();
        const whole = Buffer.concat(given.map(({ kind, content }) => frame(kind, content)));
        const read = cut(whole, places).flatMap((chunk) => reader.push(chunk));
        reader.end();
        assert.deepEqual(
          read.map(({ stream, content }) => [stream, content.toString('hex')]),
          given.map(({ kind, content }) => [
            kind === 1 ? 'stdout' : 'stderr',
            Buffer.from(content).toString('hex'),
          ]),
        );
      }),
    );
  });

  it('refuses what are no frames', () => {
    assert.throws(
      () => new FrameReader().push(Buffer.from('HTTP/1.1 200 OK\r\n')),
      (error) => isPlumbstackError(error, 'ENGINE_FAILED'),
    );
  });

  it('refuses a stream that ends inside a frame', () => {
    const reader = new FrameReader();
    reader.push(frame(1, Buffer.from('whole')).subarray(0, 10));
    assert.throws(
      () => reader.end(),
      (error) => isPlumbstackError(error, 'ENGINE_FAILED'),
    );
  });

  it('throws what the engine says about itself in the stream', () => {
    assert.throws(() => new FrameReader().push(frame(3, Buffer.from('disk is gone'))), /disk is gone/);
  });
});
