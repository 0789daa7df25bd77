import assert from 'node:assert/strict';
import fc from 'fast-check';
import { beingOf, type ObservedContainer } from '@plumbstack/docker/internal';
import { applied, compare } from './planned';
import { sample } from './sample';

type State = ObservedContainer['state'];
const states: readonly State[] = ['created', 'running', 'paused', 'restarting', 'exited', 'dead', 'removing'];
const healths = ['healthy', 'unhealthy', 'starting', 'unknown'] as const;
const seen = fc.record({
  state: fc.constantFrom(...states),
  health: fc.constantFrom(...healths),
  restartCount: fc.nat(1000),
});

describe('what is up', () => {
  it('runs, passes the check that the engine makes, and the one that it was described with', () => {
    fc.assert(
      fc.property(seen, fc.boolean(), fc.boolean(), (each, answers, isAlone) => {
        const isUp = beingOf(each, { answers, isAlone }) === 'up';
        const isWell = each.health === 'healthy' || each.health === 'unknown';
        assert.equal(isUp, each.state === 'running' && isWell && answers);
      }),
    );
  });

  it('is waited for while the engine may bring it up, however often it has ended, where it depends on something', () => {
    fc.assert(
      fc.property(seen, fc.boolean(), (each, answers) => {
        const lives = ['running', 'restarting', 'paused'].includes(each.state);
        assert.equal(beingOf(each, { answers }) !== 'over', lives);
      }),
    );
  });

  it('is given up after some restarts where it depends on nothing', () => {
    const of = (restartCount: number): string =>
      beingOf({ state: 'restarting', restartCount }, { isAlone: true });
    assert.deepEqual([0, 1, 4, 5, 100].map(of), ['coming', 'coming', 'coming', 'over', 'over']);
  });

  it('is what a plan leaves alone', async () => {
    const engine = await applied(sample());
    assert.ok((await compare(engine, sample())).plan.isEmpty);
    for (const { name } of engine.containers) {
      engine.setHealth(name, 'healthy');
      assert.ok((await compare(engine, sample())).plan.isEmpty);
      engine.setHealth(name, 'unhealthy');
      const { plan } = await compare(engine, sample());
      const [told, ...more] = plan.steps
        .flatMap(({ reasons }) => reasons)
        .filter(({ path }) => path.endsWith('health'));
      assert.deepEqual([told?.from, told?.to, more], ['unhealthy', 'healthy', []], name);
      engine.setHealth(name, 'healthy');
    }
  });
});
