import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { DockerClient } from '@plumbstack/docker/client';
import { Fence, Gate } from '@plumbstack/docker/internal';
import { everyCall } from '../client/every-call';

type Name = keyof typeof everyCall;
/** But for the one that is read for as long as its reader likes: no run does. */
const names = (Object.keys(everyCall) as Name[]).filter((name) => name !== 'execLines');

/** An engine whose every call goes on until it is told to end. */
class SlowEngine {
  readonly under: { readonly name: Name; readonly end: () => void }[] = [];
  /** Each is answered with what a list, a stream and nothing have in common. */
  readonly client = new Proxy({} as DockerClient, {
    get: (_, name: Name) => () => {
      if (/^(?:logs|events|readArchive)$/.test(name)) return [];
      return new Promise<void>((resolve) => {
        const call = {
          name,
          end: (): void => {
            this.under.splice(this.under.indexOf(call), 1);
            resolve();
          },
        };
        this.under.push(call);
      });
    },
  });
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const never = (): Promise<void> => new Promise(() => undefined);

/** Calls that a fence asks about before it makes them. */
async function writes(): Promise<readonly Name[]> {
  const found: Name[] = [];
  for (const name of names) {
    let asked = false;
    const may = async (): Promise<void> => {
      asked = true;
      throw new Error('no');
    };
    const { client } = new Fence(new SlowEngine().client, may, new Gate(1));
    void everyCall[name](client, {}).catch(() => undefined);
    await settled();
    if (asked) found.push(name);
  }
  return found;
}

describe('a fence', () => {
  it('ends the wait of every call that may not be made yet with its own signal', async () => {
    const reason = new Error('aborted');
    for (const name of await writes()) {
      const controller = new AbortController();
      const engine = new SlowEngine();
      const { client } = new Fence(engine.client, never, new Gate(1));
      const call = everyCall[name](client, { signal: controller.signal });
      controller.abort(reason);
      await assert.rejects(call, (error) => error === reason, name);
      assert.deepEqual(engine.under, [], name);
    }
  });

  it('ends the wait for a place with the signal of the call that waits', async () => {
    const reason = new Error('aborted');
    const controller = new AbortController();
    const engine = new SlowEngine();
    const { client } = new Fence(engine.client, async () => undefined, new Gate(1));
    const first = client.startContainer('first');
    await settled();
    const second = client.createContainer({} as never, { signal: controller.signal });
    const third = client.startContainer('third');
    await settled();
    controller.abort(reason);
    await assert.rejects(second, (error) => error === reason);
    engine.under[0]?.end();
    await first;
    await settled();
    engine.under[0]?.end();
    await third;
  });

  it('holds a place for a call, and for no wait', async () => {
    const order = fc.array(fc.constantFrom<Name>('createContainer', 'startContainer', 'removeContainer'), {
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 8 }), order, async (concurrency, calls) => {
        const engine = new SlowEngine();
        let letGo = (): void => undefined;
        const waiting = new Promise<void>((resolve) => (letGo = resolve));
        let waits = true;
        const { client } = new Fence(
          engine.client,
          () => (waits ? waiting : Promise.resolve()),
          new Gate(concurrency),
        );
        const held = calls.map((name) => everyCall[name](client, {}));
        await settled();
        // As many as there are places wait; who need not wait is not in their way.
        waits = false;
        const one = client.startContainer('x');
        await settled();
        assert.equal(engine.under.length, 1);
        engine.under[0]?.end();
        await one;
        letGo();
        for (let left = calls.length; left > 0; left--) {
          await settled();
          assert.equal(engine.under.length, Math.min(concurrency, left));
          engine.under[0]?.end();
        }
        await Promise.all(held);
      }),
    );
  });

  it('lets nothing through once it is closed, and is closed when the last call has ended', async () => {
    const engine = new SlowEngine();
    const fence = new Fence(engine.client, async () => undefined, new Gate(8));
    const call = fence.client.startContainer('x');
    await settled();
    let isClosed = false;
    const closed = fence.close().then(() => (isClosed = true));
    await settled();
    assert.equal(isClosed, false);
    await assert.rejects(fence.client.startContainer('y'), { code: 'LOCKED' });
    engine.under[0]?.end();
    await Promise.all([call, closed]);
  });
});
