// Each call of a run to the engine is disturbed in one of eight ways; then one plain run must lead to the very state that
// an undisturbed run leads to. By default each way comes once in each scenario: test/engine has the whole matrix, over the
// engine that is data. The full matrix here, every call that writes in every way, takes hours:
//
//   PLUMBSTACK_FAULTS=full npx mocha test/faults/disturbed-runs.spec.ts
//
// With --grep one of the runs alone; PLUMBSTACK_FAULT_LANES sets how many cases run at once (4). To try one case again:
//
//   PLUMBSTACK_FAULT='GET /version #1, 500' npx mocha test/faults/disturbed-runs.spec.ts --grep 'new version'
import assert from 'node:assert/strict';
import { allCases, sampledCases } from './cases';
import { buildLightImage, lightImage } from '../support/light-app';
import {
  Lane,
  type Case,
  type Scenario,
  type Served,
  type Undisturbed,
  type Verb,
  type Way,
} from './disturb';

const isFull = process.env['PLUMBSTACK_FAULTS'] === 'full';
const only = process.env['PLUMBSTACK_FAULT'];
const laneCount = Number(process.env['PLUMBSTACK_FAULT_LANES'] ?? 4);

const one: Served = { version: '1' };
const upOnce: Verb = { verb: 'up' };
const gone: Verb = { verb: 'down', volumes: true };

/** One image for each version, and an update from one to the other. */
function update(from: Served, to: Served): Way {
  const before: Verb = { verb: 'up', ...from };
  const disturbed: Verb = { verb: 'up', ...to };
  return { before, disturbed, mend: disturbed, serves: to };
}
const images: readonly [Served, Served] = [
  { version: '1', image: lightImage('1') },
  { version: '2', image: lightImage('2') },
];

const scenarios: readonly Scenario[] = [
  {
    title: 'up from nothing',
    ways: [{ before: gone, disturbed: upOnce, mend: upOnce, serves: one }],
    keepsServing: false,
  },
  {
    title: 'up with another image of app and pool',
    ways: [update(images[0], images[1]), update(images[1], images[0])],
    keepsServing: true,
  },
  {
    title: 'scale from 2 to 3 to 1',
    ways: [{ before: upOnce, disturbed: { verb: 'scale', replicas: [3, 1] }, mend: upOnce, serves: one }],
    keepsServing: true,
  },
  {
    title: 'restart of the pool',
    ways: [{ before: upOnce, disturbed: { verb: 'restart' }, mend: upOnce, serves: one }],
    keepsServing: true,
  },
  {
    title: 'down with its volumes',
    ways: [{ before: upOnce, disturbed: gone, mend: gone }],
    keepsServing: false,
  },
];

describe('a run that is disturbed at one of its calls to the engine', function () {
  this.timeout(isFull ? 4 * 3_600_000 : 600_000);
  const lanes: Lane[] = [];
  before(async () => {
    await Promise.all(images.map(({ version }) => buildLightImage(version)));
    for (let lane = 0; lane < laneCount; lane++) lanes.push(await Lane.start());
  });
  after(async () => {
    for (const lane of lanes) await lane[Symbol.asyncDispose]();
  });

  scenarios.forEach((scenario, offset) => {
    it(`is finished by the next one: ${scenario.title}`, async function () {
      const [first] = lanes;
      assert.ok(first);
      const undisturbed = await first.undisturbed(scenario);
      const { calls } = undisturbed;
      const all = isFull || only !== undefined ? allCases(calls) : sampledCases(calls, offset);
      const cases = all.filter((each) => only === undefined || titleOf(each) === only);
      const { converged, absent, failures } = await tryAll(lanes, scenario, cases, undisturbed);
      const tried = cases.length - absent.length;
      if (this.test) this.test.title += ` (${converged} of ${tried})`;
      assert.equal(failures.join('\n\n'), '');
      assert.equal(converged, tried);
      // A call that an undisturbed run makes may not come in another: a look more or less while something is waited for.
      assert.ok(absent.length <= cases.length / 4, `never came: ${absent.map(titleOf).join(', ')}`);
    });
  });
});

interface Tally {
  converged: number;
  readonly absent: Case[];
  readonly failures: string[];
}

async function tryAll(
  lanes: readonly Lane[],
  scenario: Scenario,
  cases: readonly Case[],
  { states }: Undisturbed,
): Promise<Tally> {
  const tally: Tally = { converged: 0, absent: [], failures: [] };
  const left = [...cases];
  const work = async (lane: Lane): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      try {
        if (await lane.try(scenario, next, states)) tally.converged++;
        else tally.absent.push(next);
      } catch (error) {
        tally.failures.push(`${titleOf(next)}: ${error instanceof Error ? error.message : String(error)}`);
        await lane.clear();
      }
    }
  };
  await Promise.all(lanes.map(work));
  return tally;
}

function titleOf({ call: { name, nth }, disturbance }: Case): string {
  return `${name} #${nth}, ${disturbance}`;
}
