import assert from 'node:assert/strict';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { answer, FakeEngine } from './fake-engine';

describe('whether an engine has the files of this machine', () => {
  const here = { Name: hostname(), DockerRootDir: tmpdir() };
  for (const [title, told, shares] of [
    ['has its host name, and what it keeps is here', here, true],
    ['has another host name, as one that a container asks', { ...here, Name: 'docker-desktop' }, false],
    ['keeps nothing here', { ...here, DockerRootDir: join(tmpdir(), 'nowhere-at-all') }, false],
    ['does not tell what it keeps where', { Name: hostname() }, false],
    ['tells nothing', {}, false],
  ] as const) {
    it(`is ${shares ? 'sure' : 'open'} where it ${title}`, async () => {
      await using engine = await FakeEngine.start((_, socket) =>
        socket.write(answer(200, JSON.stringify(told))),
      );
      const client = await engine.client();
      assert.equal(await client.sharesFiles(), shares);
    });
  }
});
