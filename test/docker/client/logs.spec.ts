import assert from 'node:assert/strict';
import type { EngineLogLine, EngineLogOptions } from '@plumbstack/docker/client';
import { isPlumbstackError } from '@plumbstack/core';
import { eventually, Objects } from './objects';

async function lines(objects: Objects, id: string, options: EngineLogOptions = {}): Promise<EngineLogLine[]> {
  const all: EngineLogLine[] = [];
  for await (const line of objects.client.logs(id, options)) all.push(line);
  return all;
}

async function ended(objects: Objects, id: string): Promise<void> {
  await eventually(async () => (await objects.client.inspectContainer(id))?.state === 'exited');
}

describe('logs', () => {
  it('are lines of either output with the engine’s time, the last one without its end too', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell(
      'talk',
      'echo one; sleep 0.05; echo zwei ü >&2; sleep 0.05; printf "no end"',
    );
    await ended(objects, id);
    const all = await lines(objects, id);
    assert.deepEqual(
      all.map(({ stream, text }) => [stream, text]),
      [
        ['stdout', 'one'],
        ['stderr', 'zwei ü'],
        ['stdout', 'no end'],
      ],
    );
    for (const { at } of all) assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  });

  it('join a line that is longer than the engine stores at once', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell(
      'long',
      'i=0; while [ $i -lt 5000 ]; do printf "%05d äöü;" $i; i=$((i+1)); done; echo; echo after',
    );
    await ended(objects, id);
    const [long, after] = await lines(objects, id);
    assert.equal(
      long?.text,
      Array.from({ length: 5000 }, (_, i) => `${String(i).padStart(5, '0')} äöü;`).join(''),
    );
    assert.equal(after?.text, 'after');
  });

  it('begin at a moment, or with the last few', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell('count', 'echo 1; echo 2; sleep 0.5; echo 3; echo 4');
    await ended(objects, id);
    assert.deepEqual(
      (await lines(objects, id, { tail: 1 })).map(({ text }) => text),
      ['4'],
    );
    const third = (await lines(objects, id))[2];
    const since = new Date(new Date(third?.at ?? '').getTime() - 100);
    assert.deepEqual(
      (await lines(objects, id, { since })).map(({ text }) => text),
      ['3', '4'],
    );
  });

  it('followed, go on while the container runs, and end with it', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell('follow', 'for i in 1 2 3; do echo $i; sleep 0.1; done');
    assert.deepEqual(
      (await lines(objects, id, { follow: true })).map(({ text }) => text),
      ['1', '2', '3'],
    );
  });

  it('followed, end with the signal’s reason, or when the reader has enough', async () => {
    await using objects = await Objects.create();
    const id = await objects.shell('forever', 'while :; do echo x; sleep 0.05; done');
    const controller = new AbortController();
    const reason = new Error('enough');
    setTimeout(() => controller.abort(reason), 200);
    await assert.rejects(
      lines(objects, id, { follow: true, signal: controller.signal }),
      (error) => error === reason,
    );
    for await (const { text } of objects.client.logs(id, { follow: true })) {
      assert.equal(text, 'x');
      break;
    }
  });

  it('of a container that is none are NOT_FOUND', async () => {
    await using objects = await Objects.create();
    await assert.rejects(lines(objects, 'cl-none'), (error) => isPlumbstackError(error, 'NOT_FOUND'));
  });
});
