import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Lab } from '../support/lab';
import { cases, groups, type Case } from './cases';
import { differencesOf, factsOf, tell, type Difference, type Facts } from './difference';
import { expectedDifferences } from './expected-differences';
import { atMost, describeWays, handApp, modesOf, Visitor, waysOf, type Mode, type Way } from './ways';

const pools = { workers: {}, single: { maxConcurrency: 1 } } as const;
const wholePath = true;
const titles = [
  'a route',
  'a route with its prefix',
  ...Object.keys(pools).flatMap((name) => [`the pool ${name}`, `a route to the pool ${name}`]),
];
const lanes = 6;

describe('whatever works with an app by its own port', function () {
  this.timeout(120_000);
  const lab = new Lab();
  const asked = new Map<string, Promise<ReadonlyMap<Case, Facts>>>();
  const found: Difference[] = [];
  let ways: ReturnType<typeof waysOf>;

  before(async () => {
    const stack = lab.stack();
    describeWays(stack, { program: handApp, pools, wholePath });
    ways = waysOf(await lab.runtime.up(stack), { pools, wholePath });
  });
  after(() => lab.clear());

  /** What came of all cases, by a way in a mode. */
  function factsBy(way: Way, mode: Mode): Promise<ReadonlyMap<Case, Facts>> {
    const key = `${way.title} ${mode}`;
    const known = asked.get(key);
    if (known !== undefined) return known;
    const asking = askAll(way, mode);
    asked.set(key, asking);
    return asking;
  }

  async function askAll(way: Way, mode: Mode): Promise<ReadonlyMap<Case, Facts>> {
    const visitors = Array.from({ length: lanes }, () => new Visitor(way, mode));
    const mine = cases.filter(
      ({ modes }) => modes === undefined || modes.includes(mode) || way.kind === 'direct',
    );
    const facts = await atMost(lanes, mine, async (each, lane): Promise<readonly [Case, Facts]> => {
      const token = randomBytes(6).toString('hex');
      const answer = await (visitors[lane] as Visitor).ask({
        ...each,
        headers: [['X-Token', token], ...(each.headers ?? [])],
      });
      return [each, factsOf(way, answer, token)];
    });
    await Promise.all(visitors.map((visitor) => visitor[Symbol.asyncDispose]()));
    return new Map(facts);
  }

  for (const title of titles)
    for (const mode of ['new', 'kept', 'HTTP/2'] as const) {
      if (mode === 'HTTP/2' && title.startsWith('the pool')) continue;
      for (const group of groups)
        it(`works by ${title}, ${mode === 'HTTP/2' ? mode : `${mode} connections`}: ${group}`, async () => {
          const way = ways.others.find((each) => each.title === title);
          assert.ok(way !== undefined && modesOf(way).includes(mode));
          const [direct, here] = await Promise.all([factsBy(ways.direct, 'new'), factsBy(way, mode)]);
          const differences = [...here].flatMap(([each, facts]) =>
            each.group === group
              ? differencesOf(direct.get(each) ?? new Map(), facts, { way, mode, case: each })
              : [],
          );
          found.push(...differences);
          const unexpected = differences.filter(
            (each) => !expectedDifferences.some(({ matches }) => matches(each)),
          );
          assert.deepEqual(unexpected.map(tell), []);
        });
    }

  it('differs by every way as it is said to differ', () => {
    const absent = expectedDifferences.filter(({ matches }) => !found.some(matches));
    assert.deepEqual(
      absent.map(({ reason }) => reason),
      [],
    );
  });
});
