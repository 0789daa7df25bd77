import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { LifecycleDeployment } from '@plumbstack/events';
import { Lab } from '../support/lab';
import { Neighbour, secret, type Seen } from './neighbour';
import { scripted, valuesOf, type Question, type RawAnswer } from './question';
import { atMost, describeWays, handApp, modesOf, Visitor, waysOf, type Mode, type Way } from './ways';
import { stolen, wrongAnswers, type WrongAnswer } from './wrong-answers';

/** Longer than anything here takes, but for an app that goes silent. */
const timeoutMs = 10_000;
// A GET is asked four times in all before the pool gives up.
const pools = { workers: { timeoutMs: 4000 }, single: { maxConcurrency: 1, timeoutMs } } as const;
const wholePath = false;
const titles = [
  'a route',
  ...Object.keys(pools).flatMap((name) => [`the pool ${name}`, `a route to the pool ${name}`]),
];

/** So many complaints by one way tell what there is to tell. */
const enough = 12;

interface Visit {
  readonly told: string;
  readonly wrong: WrongAnswer;
  readonly method: string;
  readonly id: string;
  readonly answer: RawAnswer;
}

type Visiting = () => Promise<Visit>;

interface Outcome {
  readonly visits: readonly Visit[];
  readonly neighbours: readonly Seen[];
  readonly counts: Readonly<Record<string, number>>;
}

describe('an app that is wrong about HTTP', function () {
  this.timeout(150_000);
  const lab = new Lab();
  const outcomes = new Map<string, Outcome>();
  let deployment: LifecycleDeployment;

  before(async () => {
    const stack = lab.stack();
    describeWays(stack, { program: handApp, pools, wholePath, route: { timeoutMs } });
    deployment = await lab.runtime.up(stack);
    const { others } = waysOf(deployment, { pools, wholePath });
    await Promise.all(others.map(async (way) => outcomes.set(way.title, await visitAll(way))));
  });
  after(() => lab.clear());

  async function visitAll(way: Way): Promise<Outcome> {
    const neighbours = modesOf(way)
      .filter((mode) => mode !== 'new')
      .flatMap((mode) => (['GET', 'POST'] as const).map((method) => new Neighbour(way, mode, method)));
    const [silent, others] = [true, false].map((wanted) =>
      modesOf(way).flatMap((mode) =>
        wrongAnswers
          .filter(({ silent = false }) => silent === wanted)
          .flatMap((wrong) => wrong.methods.map((method) => () => visit(way, mode, wrong, method))),
      ),
    ) as [Visiting[], Visiting[]];
    // A way that is wrong is so many times, and some of them cost the whole patience of the client.
    let complaints = 0;
    const unlessClear = async (each: Visiting): Promise<readonly Visit[]> => {
      if (complaints >= enough) return [];
      const visited = await each();
      if (complaintAbout(visited) !== undefined) complaints++;
      return [visited];
    };
    // One that is silent holds its worker, as it may: of a single one, all others would wait.
    const waiting = way.app === 'single' ? [] : silent;
    const visits = (
      await Promise.all([atMost(4, others, unlessClear), Promise.all(waiting.map(unlessClear))])
    ).flat(2);
    const before = neighbours.map(({ answered }) => answered);
    const seen = await Promise.all(neighbours.map((each) => each.leave()));
    assert.ok(
      before.every((answered) => answered > 0),
      `nobody was answered: ${before.join()}`,
    );
    return { visits, neighbours: seen, counts: await countsOf(way) };
  }

  async function visit(way: Way, mode: Mode, wrong: WrongAnswer, method: string): Promise<Visit> {
    const id = randomBytes(8).toString('hex');
    const body = method === 'POST' ? 'x'.repeat(wrong.uploadBytes ?? 3) : undefined;
    await using visitor = new Visitor(way, mode);
    const answer = await visitor.ask({
      method,
      target: `/wrong?api_key=${secret}`,
      headers: [['X-Token', id], ['X-Id', id], scripted(wrong.script)],
      ...(body !== undefined && { framing: 'length', body }),
    } satisfies Question);
    return { told: `${method} (${mode}): ${wrong.title}`, wrong, method, id, answer };
  }

  async function countsOf(way: Way): Promise<Readonly<Record<string, number>>> {
    const { stdout } = await deployment.exec(way.app, [
      'node',
      '-e',
      "fetch('http://127.0.0.1:8001/counts').then(async (answer) => process.stdout.write(await answer.text()))",
    ]);
    return (JSON.parse(stdout) as { counts: Record<string, number> }).counts;
  }

  function outcomeOf(title: string): Outcome {
    const outcome = outcomes.get(title);
    assert.ok(outcome !== undefined);
    return outcome;
  }

  for (const title of titles)
    describe(`by ${title}`, () => {
      it('gives no part of its answer to a neighbour, and no neighbour loses one', () => {
        const failures = outcomeOf(title).neighbours.flatMap((seen) => seen.failures);
        assert.deepEqual(failures, []);
      });

      it('gives whoever asked the right answer, or an error, or one that visibly broke off', () => {
        const bad = outcomeOf(title).visits.flatMap((each) => {
          const why = complaintAbout(each);
          return why === undefined ? [] : [`${each.told}: ${why}`];
        });
        assert.deepEqual(bad, []);
      });

      it('carries out what a neighbour posts once, and nothing of anybody twice', () => {
        const { visits, neighbours, counts } = outcomeOf(title);
        const wrong = neighbours.flatMap(({ ids }) => [...ids.keys()].filter((id) => counts[id] !== 1));
        const twice = visits.filter(({ method, id }) => method === 'POST' && (counts[id] ?? 0) > 1);
        assert.deepEqual(
          wrong.map((id) => `${id}: ${counts[id] ?? 0} times`),
          [],
        );
        assert.deepEqual(
          twice.map(({ told }) => told),
          [],
        );
      });
    });

  it('leaves the access log of a router valid JSON, line by line', async () => {
    const lines = await linesOf('web');
    const bad = lines.filter(({ stream, text }) => stream === 'stdout' && !isJson(text));
    assert.ok(lines.length > 1000);
    assert.deepEqual(
      bad.slice(0, 5).map(({ text }) => text),
      [],
    );
  });

  for (const name of ['web', ...Object.keys(pools)])
    it(`puts nothing of a query into the log of ${name}`, async () => {
      const told = (await linesOf(name)).filter(({ text }) => text.includes(secret));
      assert.deepEqual(
        told.slice(0, 5).map(({ text }) => text),
        [],
      );
    });

  async function linesOf(
    resource: string,
  ): Promise<readonly { readonly stream: string; readonly text: string }[]> {
    const lines = [];
    for await (const line of deployment.logs(resource)) lines.push(line);
    return lines;
  }
});

function complaintAbout({ wrong: { right }, method, answer }: Visit): string | undefined {
  const { status, whole, why } = answer;
  const text = answer.body.toString('latin1');
  const told = `${status} ${JSON.stringify(text.slice(0, 60))}${whole ? '' : `, ${why}`}`;
  if (valuesOf(answer, 'x-token').includes(stolen) || text.includes(stolen))
    return `what nobody may see: ${told}`;
  // Nobody but the app has anything to say behind it.
  if (status === 101 && right?.status === 101) return undefined;
  if (status >= 500 || (!whole && !/nothing in/.test(why ?? ''))) return undefined;
  const wanted = method === 'HEAD' ? '' : right?.body;
  return status === right?.status && text === wanted && whole ? undefined : told;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
