import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isPlumbstackError } from '@plumbstack/core';
import { JsonSplitter } from '@plumbstack/docker/client';
import { cut } from './frame-reader.spec';

describe('JSON splitter', () => {
  it('gives the same objects however the stream is cut, and whatever stands between them', () => {
    const objects = fc.array(fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()));
    fc.assert(
      fc.property(
        objects,
        fc.array(fc.nat()),
        fc.constantFrom('\n', '\r\n', '', ' \n\n'),
        (given, places, between) => {
          const splitter = new JsonSplitter();
          const whole = Buffer.from(given.map((each) => JSON.stringify(each)).join(between));
          const texts = cut(whole, places).flatMap((chunk) => splitter.push(chunk));
          splitter.end();
          assert.deepEqual(
            texts,
            given.map((each) => JSON.stringify(each)),
          );
        },
      ),
    );
  });

  it('takes several objects in one chunk and one in two', () => {
    const splitter = new JsonSplitter();
    assert.deepEqual(splitter.push(Buffer.from('{"a":1}\n{"b":"}{"}{"c"')), ['{"a":1}', '{"b":"}{"}']);
    assert.deepEqual(splitter.push(Buffer.from(':2}\n')), ['{"c":2}']);
  });

  it('refuses what is not JSON, and a stream that ends inside an object', () => {
    assert.throws(
      () => new JsonSplitter().push(Buffer.from('<html>')),
      (error) => isPlumbstackError(error, 'ENGINE_FAILED'),
    );
    const splitter = new JsonSplitter();
    splitter.push(Buffer.from('{"a":'));
    assert.throws(
      () => splitter.end(),
      (error) => isPlumbstackError(error, 'ENGINE_FAILED'),
    );
  });
});
