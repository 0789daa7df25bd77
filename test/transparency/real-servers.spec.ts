import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Lab } from '../support/lab';
import { valuesOf, type Question, type RawAnswer } from './question';
import { buildPythonServers, realServers, rProgram, type RealServer } from './real-servers';
import { atMost, describeWays, modesOf, Visitor, waysOf, type Mode, type Way } from './ways';

const pools = { workers: {}, single: { maxConcurrency: 1 } } as const;
const wholePath = false;
const titles = [
  'a route',
  ...Object.keys(pools).flatMap((name) => [`the pool ${name}`, `a route to the pool ${name}`]),
];

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS'] as const;
const targets = ['/', '/items/a%2Fb', '/a%20b;c=d?e=f%2Bg&h', '/a//b', `/${'long'.repeat(200)}?q`];
/** How often a HEAD is followed by what others ask. */
const rounds = 60;

/** Methods by targets, and by the ways in which a body is told from what follows. */
function questionsFor({ takesChunks }: RealServer): readonly Question[] {
  const framings = ['length', 'expect', ...(takesChunks ? (['chunked'] as const) : [])] as const;
  return [
    ...targets.flatMap((target) => methods.map((method): Question => ({ method, target }))),
    ...framings.flatMap((framing) =>
      (['POST', 'PUT', 'DELETE'] as const).map((method): Question => ({
        method,
        target: '/body',
        framing,
        body: 'a=b&c\n'.repeat(500),
        headers: [['Content-Type', 'application/x-www-form-urlencoded']],
      })),
    ),
    { method: 'GET', target: '/', headers: [['X-Said', 'a, "b"; c=d']] },
    {
      method: 'GET',
      target: '/',
      headers: [
        ['Cookie', `a=${'b'.repeat(12_000)}`],
        ['Authorization', `Bearer ${'c'.repeat(4000)}`],
      ],
    },
  ];
}

for (const server of realServers)
  describe(`what works with ${server.name} by its own port`, function () {
    this.timeout(180_000);
    const lab = new Lab();
    const questions = questionsFor(server);
    let folder: string;
    let ways: ReturnType<typeof waysOf>;
    let direct: readonly string[];

    before(async () => {
      await buildPythonServers();
      folder = await mkdtemp(join(tmpdir(), 'plumbstack-real-'));
      await writeFile(join(folder, 'api.R'), rProgram);
      const stack = lab.stack({ baseDir: folder });
      describeWays(stack, { program: server.program('./api.R'), pools, wholePath });
      ways = waysOf(await lab.runtime.up(stack), { pools, wholePath });
      direct = await toldBy(ways.direct, 'new');
    });
    after(async () => {
      await lab.clear();
      await rm(folder, { recursive: true });
    });

    /** What each question is answered. */
    async function toldBy(way: Way, mode: Mode): Promise<readonly string[]> {
      const visitors = Array.from({ length: 3 }, () => new Visitor(way, mode));
      const told = await atMost(3, questions, (question, lane) =>
        ownAnswer(visitors[lane] as Visitor, question),
      );
      await Promise.all(visitors.map((visitor) => visitor[Symbol.asyncDispose]()));
      return told;
    }

    it('works by every way, over new and kept connections and HTTP/2', async () => {
      const bad: string[] = [];
      for (const title of titles) {
        const way = wayOf(title);
        for (const mode of modesOf(way))
          for (const [index, told] of (await toldBy(way, mode)).entries())
            if (told !== direct[index])
              bad.push(
                `${nameOf(questions[index])} by ${title}, ${mode}: ${told}, directly ${direct[index]}`,
              );
      }
      assert.deepEqual(bad, []);
    });

    for (const title of titles)
      it(`lets a HEAD harm nobody by ${title}`, async () => {
        const way = wayOf(title);
        await using asking = new Visitor(way, 'kept');
        await using getting = new Visitor(way, 'kept');
        await using posting = new Visitor(way, 'kept');
        const bad: string[] = [];
        for (let round = 0; round < rounds; round++) {
          const head = await ownAnswer(asking, { method: 'HEAD', target: '/dynamic' });
          const others = await Promise.all([
            ownAnswer(getting, { method: 'GET', target: '/get' }),
            ownAnswer(posting, { method: 'POST', target: '/post', framing: 'length', body: `x=${round}` }),
          ]);
          const wanted = [
            /^200 /,
            /^200 "GET\\n\/get\\n/,
            new RegExp(`^200 "POST\\\\n/post\\\\n.*x=${round}"$`),
          ];
          [head, ...others].forEach((told, index) => {
            if (!wanted[index]?.test(told)) bad.push(`round ${round}: ${told}`);
          });
        }
        assert.deepEqual(bad, []);
      });

    function wayOf(title: string): Way {
      const way = ways.others.find((each) => each.title === title);
      assert.ok(way !== undefined);
      return way;
    }
  });

/** The status and the body, or what is wrong with it. */
async function ownAnswer(visitor: Visitor, question: Question): Promise<string> {
  const token = randomBytes(8).toString('hex');
  const answer = await visitor.ask({
    ...question,
    headers: [['X-Token', token], ...(question.headers ?? [])],
  });
  const [told] = valuesOf(answer, 'x-token');
  if (!answer.whole) return `${answer.status}, broken off: ${answer.why}`;
  if (told !== token && answer.status === 200) return `somebody else's: ${told}`;
  return `${answer.status} ${shown(answer)}`;
}

function shown({ body }: RawAnswer): string {
  return JSON.stringify(body.toString('latin1'));
}

function nameOf(question?: Question): string {
  return `${question?.method} ${question?.target.slice(0, 30)} ${question?.framing ?? ''}`;
}
