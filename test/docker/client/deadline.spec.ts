import assert from 'node:assert/strict';
import { isPlumbstackError } from '@plumbstack/core';
import { answer, FakeEngine } from './fake-engine';
import { everyCall } from './every-call';
import { eventually } from './objects';

describe('a client whose engine hangs', () => {
  for (const [name, call] of Object.entries(everyCall).filter(([each]) => each !== 'info')) {
    it(`ends ${name} by its deadline and lets go of the connection`, async () => {
      await using engine = await FakeEngine.start(() => {});
      const client = await engine.client({ callTimeoutMs: 120, silenceTimeoutMs: 120 });
      await assert.rejects(call(client, {}), (error) => {
        assert.ok(isPlumbstackError(error, 'ENGINE_UNREACHABLE'), String(error));
        assert.equal(error.details['deadlineMs'], 120);
        assert.equal(typeof error.details['call'], 'string');
        return true;
      });
      client.close();
      await eventually(() => engine.open.size === 0);
    });

    it(`ends ${name} by its signal and lets go of the connection`, async () => {
      await using engine = await FakeEngine.start(() => {});
      const client = await engine.client();
      const controller = new AbortController();
      const reason = new Error('enough');
      engine.behaviour = () => controller.abort(reason);
      await assert.rejects(call(client, { signal: controller.signal }), (error) => error === reason);
      client.close();
      await eventually(() => engine.open.size === 0);
    });

    it(`asks nothing for ${name} when its signal has aborted before`, async () => {
      await using engine = await FakeEngine.start(() => {});
      const client = await engine.client();
      const reason = new Error('before');
      await assert.rejects(call(client, { signal: AbortSignal.abort(reason) }), (error) => error === reason);
      assert.deepEqual(engine.requests, []);
    });
  }

  it('gives a stop its grace beside the deadline', async () => {
    await using engine = await FakeEngine.start(() => {});
    const client = await engine.client({ callTimeoutMs: 100 });
    await assert.rejects(client.stopContainer('x', 250), (error) => {
      return isPlumbstackError(error, 'ENGINE_UNREACHABLE') && error.details['deadlineMs'] === 350;
    });
  });

  it('gives an exec its own time, and says TIMEOUT when the command takes longer', async () => {
    await using engine = await FakeEngine.start((request, socket) => {
      if (request.endsWith('/exec')) socket.write(answer(201, '{"Id":"e1"}'));
      else socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
    });
    const client = await engine.client();
    await assert.rejects(client.exec('x', ['sleep'], { timeoutMs: 100 }), (error) => {
      return isPlumbstackError(error, 'TIMEOUT') && error.details['timeoutMs'] === 100;
    });
    client.close();
    await eventually(() => engine.open.size === 0);
  });

  it('ends an attached exec by its signal after the connection has left HTTP', async () => {
    await using engine = await FakeEngine.start((request, socket) => {
      if (request.endsWith('/exec')) return void socket.write(answer(201, '{"Id":"e1"}'));
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
      setTimeout(() => controller.abort(new Error('later')), 50);
    });
    const controller = new AbortController();
    const client = await engine.client();
    await assert.rejects(client.exec('x', ['sleep'], { signal: controller.signal }), /later/);
    client.close();
    await eventually(() => engine.open.size === 0);
  });

  it('counts a build that says something as alive, and a silent one not', async () => {
    await using engine = await FakeEngine.start((_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n');
      let left = 5;
      const say = (): void => {
        const text = '{"stream":"."}\n';
        socket.write(`${text.length.toString(16)}\r\n${text}\r\n`);
        if (--left > 0) setTimeout(say, 100);
      };
      say();
    });
    const client = await engine.client({ silenceTimeoutMs: 250 });
    const started = Date.now();
    const build = client.buildImage({
      dockerfile: 'D',
      inline: 'FROM scratch',
      args: {},
      labels: {},
      tag: 'x:1',
    });
    await assert.rejects(build, (error) => isPlumbstackError(error, 'ENGINE_UNREACHABLE'));
    assert.ok(Date.now() - started > 500, 'the clock started anew with each message');
  });

  it('lets a followed feed be silent for longer than a call may take', async () => {
    await using engine = await FakeEngine.start((_, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const text = JSON.stringify({ Type: 'daemon', Action: 'reload', Actor: { ID: 'd' }, timeNano: 1 });
      setTimeout(() => socket.write(`${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`), 400);
    });
    const client = await engine.client({ callTimeoutMs: 100 });
    const seen: string[] = [];
    for await (const { action } of client.events('l')) seen.push(action);
    assert.deepEqual(seen, ['reload']);
  });
});
