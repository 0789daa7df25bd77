import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import type { LifecycleDeployment } from '@plumbstack/events';
import { eventually, Lab } from '../support/lab';
import { scripted, type Question, type RawAnswer } from './question';
import { askOn, requestBytes, Wire } from './wire';
import { describeWays, handApp, waysOf, type Way } from './ways';

const pools = { single: { maxConcurrency: 1 } } as const;
const wholePath = false;
const titles = ['the pool single', 'a route to the pool single'] as const;
const megabytes48 = 48_000_000;
/** Of what the app by hand fills with: a text of ten letters, again and again. */
const digest48 = createHash('sha256')
  .update('abcdefghij'.repeat(megabytes48 / 10))
  .digest('hex');

interface Inside {
  readonly counts: Readonly<Record<string, number>>;
  readonly held: number;
  readonly mostAtOnce: number;
}

describe('a visitor who is slow, or leaves', function () {
  this.timeout(120_000);
  const lab = new Lab();
  let deployment: LifecycleDeployment;
  let ways: readonly Way[];
  const wires: Wire[] = [];

  before(async () => {
    const stack = lab.stack();
    describeWays(stack, { program: handApp, pools, wholePath });
    deployment = await lab.runtime.up(stack);
    ways = waysOf(deployment, { pools, wholePath }).others;
  });
  afterEach(async () => {
    for (const wire of wires.splice(0)) wire.close();
    await eventually('nothing is held', async () =>
      (await inside('/release')).held === 0 ? true : undefined,
    );
  });
  after(() => lab.clear());

  function wayOf(title: string): Way {
    const way = ways.find((each) => each.title === title);
    assert.ok(way !== undefined);
    return way;
  }

  /** A connection that is closed after the test, whatever becomes of that: one that is slow may hold the worker. */
  async function open(way: Way): Promise<Wire> {
    const wire = await Wire.open(way.base);
    wires.push(wire);
    return wire;
  }

  async function ask(way: Way, question: Partial<Question>): Promise<RawAnswer> {
    const wire = await open(way);
    const answer = await askOn(wire, { method: 'GET', target: '/', ...question }, way.prefix, way.base);
    wire.close();
    return answer;
  }

  /** Sends without waiting for an answer. */
  async function begin(way: Way, question: Question): Promise<Wire> {
    const wire = await open(way);
    const { head, rest } = requestBytes(question, way.prefix, way.base);
    await wire.send(head + rest);
    return wire;
  }

  /** What the one worker says, by its door for tests. */
  async function inside(path = '/'): Promise<Inside> {
    const program = `fetch('http://127.0.0.1:8001${path}').then(async (answer) => process.stdout.write(await answer.text()))`;
    const { stdout } = await deployment.exec('single', ['node', '-e', program]);
    return JSON.parse(stdout) as Inside;
  }

  /** Others are answered, one after the other, while somebody is slow. */
  async function othersAreAnswered(way: Way): Promise<void> {
    for (let round = 0; round < 5; round++) {
      const answer = await ask(way, { target: `/others/${round}` });
      assert.deepEqual([answer.status, answer.why], [200, undefined]);
    }
  }

  const held = scripted({
    steps: [{ hold: true }, { send: 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nheld' }],
  });

  for (const title of titles)
    describe(`by ${title}`, () => {
      it('is not worked for when he has left the queue', async () => {
        const way = wayOf(title);
        const first = await begin(way, { method: 'GET', target: '/first', headers: [held] });
        await eventually('the worker is busy', async () => ((await inside()).held === 1 ? true : undefined));
        const ids = Array.from({ length: 8 }, () => randomBytes(8).toString('hex'));
        const waiting = await Promise.all(
          ids.map((id, index) =>
            begin(way, {
              method: index % 2 === 0 ? 'GET' : 'POST',
              target: '/for-nobody',
              headers: [['X-Id', id]],
              ...(index % 2 === 1 && { framing: 'length', body: 'x=1' }),
            }),
          ),
        );
        await queued(8);
        for (const each of waiting) each.leave();
        await queued(0).catch(() => assert.fail('who has left goes on waiting in the queue'));
        await inside('/release');
        assert.equal((await first.answer('GET')).body.toString(), 'held');
        first.close();
        assert.equal((await ask(way, { target: '/next' })).status, 200);
        const { counts } = await inside();
        assert.deepEqual(
          ids.map((id) => counts[id] ?? 0),
          ids.map(() => 0),
        );
      });

      it('keeps the place of the worker until the worker is free, when he leaves while it computes', async () => {
        const way = wayOf(title);
        const first = await begin(way, {
          method: 'POST',
          target: '/first',
          headers: [held],
          framing: 'length',
          body: 'x',
        });
        await eventually('the worker is busy', async () => ((await inside()).held === 1 ? true : undefined));
        first.leave();
        const next = ask(way, { target: '/next' });
        const early = await Promise.race([next.then(() => 'answered'), queued(1).then(() => 'waits')]);
        assert.equal(early, 'waits');
        await inside('/release');
        assert.equal((await next).status, 200);
        assert.equal((await inside()).mostAtOnce, 1);
      });

      for (const framing of ['length', 'chunked'] as const)
        it(`holds no worker while he sends a body slowly, by ${framing}`, async () => {
          const way = wayOf(title);
          const id = randomBytes(8).toString('hex');
          const body = 'slow'.repeat(1000);
          const question: Question = {
            method: 'POST',
            target: '/slow',
            headers: [['X-Id', id]],
            framing,
            body,
          };
          const { head } = requestBytes(question, way.prefix, way.base);
          const half = head.length - 2000;
          const wire = await open(way);
          await wire.send(head.slice(0, half));
          await othersAreAnswered(way);
          await wire.send(head.slice(half));
          const answer = await wire.answer('POST');
          wire.close();
          assert.equal(answer.status, 200);
          assert.match(answer.body.toString(), /"length":4000,/);
          assert.equal((await inside()).counts[id], 1);
        });

      it('holds no worker with a body that never ends, nor with a head', async () => {
        const way = wayOf(title);
        const begun = await Promise.all(
          ['GET /a HT', `POST ${way.prefix}/b HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc`].map(
            async (text) => {
              const wire = await open(way);
              await wire.send(text);
              return wire;
            },
          ),
        );
        await othersAreAnswered(way);
        for (const each of begun) each.leave();
        await othersAreAnswered(way);
      });

      it('holds no worker while he reads 48 MB slowly, and gets all of it', async () => {
        const way = wayOf(title);
        const steps = [
          { send: `HTTP/1.1 200 OK\r\nContent-Length: ${megabytes48}\r\n\r\n` },
          { send: '<fill:1000000>', times: 48 },
        ];
        const wire = await begin(way, { method: 'GET', target: '/large', headers: [scripted({ steps })] });
        await wire.first();
        wire.pause();
        await othersAreAnswered(way);
        wire.resume();
        const { whole, body } = await wire.answer('GET');
        wire.close();
        assert.ok(whole);
        assert.equal(createHash('sha256').update(body).digest('hex'), digest48);
      });
    });

  function queued(count: number): Promise<true> {
    return eventually(
      `${count} are waiting`,
      async () => ((await deployment.stats('single')).queued === count ? true : undefined),
      10_000,
    );
  }
});
