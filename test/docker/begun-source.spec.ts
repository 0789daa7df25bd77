import assert from 'node:assert/strict';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { isPlumbstackError } from '@plumbstack/core';
import { begunSource } from '@plumbstack/docker/internal';

const { signal } = new AbortController();

describe('a source that is begun before what it replaces is removed', () => {
  it('gives all its bytes, each chunk once', async () => {
    const chunks = ['', 'one', '', 'two'].map((text) => Buffer.from(text));
    const begun = await begunSource(Readable.from(chunks), signal);
    const read: Uint8Array[] = [];
    for await (const chunk of begun) read.push(chunk);
    assert.equal(Buffer.concat(read).toString(), 'onetwo');
  });

  it('fails at once where its file is missing', async () => {
    await assert.rejects(begunSource(createReadStream('/nowhere/data.tar'), signal), /ENOENT/);
  });

  const wrong: readonly (readonly [what: string, source: () => AsyncIterable<unknown>])[] = [
    ['text', () => Readable.from(['text'])],
    ['text that is decoded from bytes', () => Readable.from([Buffer.from('x')]).setEncoding('utf8')],
    ['objects', () => Readable.from([{}])],
    ['nothing at all', () => Readable.from([])],
    ['nothing but empty chunks', () => Readable.from([Buffer.alloc(0)], { objectMode: true })],
  ];
  for (const [what, source] of wrong) {
    it(`is refused where it gives ${what}`, async () => {
      await assert.rejects(
        begunSource(source() as AsyncIterable<Uint8Array>, signal),
        (error) =>
          isPlumbstackError(error, 'INVALID_OPTION') && error.details['path'] === 'importVolume.source',
      );
    });
  }

  it('is not waited for once the signal aborts', async () => {
    const caller = new AbortController();
    const waiting = begunSource(new Readable({ read: () => undefined }), caller.signal);
    caller.abort(new Error('enough'));
    await assert.rejects(waiting, /enough/);
  });
});
