import assert from 'node:assert/strict';
import type { EngineEvent } from '@plumbstack/docker/client';
import { eventually, Objects } from './objects';

describe('events', () => {
  it('tell of containers with the label and of networks, in order, and of nobody else’s containers', async () => {
    await using objects = await Objects.create();
    await using others = await Objects.create();
    const controller = new AbortController();
    const seen: EngineEvent[] = [];
    const since = new Date();
    const reader = (async () => {
      for await (const event of objects.client.events(objects.label, { signal: controller.signal, since }))
        seen.push(event);
    })();
    const network = await objects.network('net');
    const ours = await objects.shell('mine', 'exit 3', { networks: { [network]: { aliases: [] } } });
    const theirs = await others.shell('other', 'exit 4');
    await eventually(() => seen.some(({ id, action }) => id === ours && action === 'die'));
    const reason = new Error('enough');
    controller.abort(reason);
    await assert.rejects(reader, (error) => error === reason);
    const mine = seen.filter(({ id }) => id === ours);
    assert.deepEqual(
      mine.map(({ action }) => action),
      ['create', 'start', 'die'],
    );
    assert.equal(mine.at(-1)?.attributes['exitCode'], '3');
    assert.equal(
      seen.find(({ id }) => id === theirs),
      undefined,
    );
    assert.ok(
      seen.some(
        ({ type, action, attributes }) =>
          type === 'network' && action === 'create' && attributes['name'] === network,
      ),
    );
    assert.ok(
      seen.some(
        ({ type, action, attributes }) =>
          type === 'network' && action === 'connect' && attributes['container'] === ours,
      ),
    );
    for (const { timeNano } of seen) assert.match(timeNano, /^\d{19}$/);
  });

  it('of the past come again from the moment that is given', async () => {
    await using objects = await Objects.create();
    const since = new Date();
    const id = await objects.shell('past', 'exit 0');
    await eventually(async () => (await objects.client.inspectContainer(id))?.state === 'exited');
    for await (const event of objects.client.events(objects.label, { since })) {
      if (event.id === id && event.action === 'die') break;
    }
  });

  it('leave out what goes on inside a container', async () => {
    await using objects = await Objects.create();
    const healthcheck = { command: ['true'], intervalMs: 100, timeoutMs: 1000, startPeriodMs: 0, retries: 1 };
    const seen: string[] = [];
    const since = new Date();
    const id = await objects.shell('busy', 'sleep 600', { healthcheck });
    await objects.client.exec(id, ['true']);
    for await (const { id: of, action } of objects.client.events(objects.label, { since })) {
      if (of === id) seen.push(action);
      if (action === 'health_status: healthy') break;
    }
    assert.deepEqual(seen, ['create', 'start', 'health_status: healthy']);
  });
});
