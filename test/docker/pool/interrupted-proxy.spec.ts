import assert from 'node:assert/strict';
import type { Stack } from '@plumbstack/core';
import type { LifecycleDeployment } from '@plumbstack/events';
import { crash } from '../../support/crash';
import { docker } from '../../support/docker-cli';
import { eventually, Lab } from '../../support/lab';
import { lightAppOf } from '../../support/light-app';
import { repeated, repeats } from '../../support/repeated';
import { assertSameState, settledState, type SettledState } from '../../support/settled-state';
import { startVisitors, type LostRequest, type Visit } from '../../support/visitors';
import { pickyApp } from './picky-app';

/** What happens to a proxy, in the order of how soon it is back. */
const ways = {
  crashes: crash,
  'is restarted': (container: string) => docker('restart', container),
  'is killed for good': (container: string) => docker('kill', container),
} as const;
type Way = keyof typeof ways;
/** Events of an update, the first of each of which is the moment. */
const moments = ['container:started', 'worker:joined', 'worker:draining', 'worker:left'] as const;

describe('a proxy that goes away in the middle of an update', function () {
  this.timeout(240_000);
  const lab = new Lab();
  const states = new Map<string, SettledState>();
  afterEach(() => lab.clear());

  /** Two versions that are checked on different ports and paths: while both run, HAProxy has a configuration for both. */
  function pooled(stack: Stack, version: '1' | '2'): Stack {
    const next = lab.again(stack);
    const options = { version, health: `/check-${version}`, port: version === '1' ? 8000 : 9000 };
    const pool = next.pool('workers', { app: next.app('app', pickyApp(options)), replicas: 3 });
    next.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/', pool);
    return next;
  }

  function single(stack: Stack, version: '1' | '2'): Stack {
    const next = lab.again(stack);
    const app = next.app('app', lightAppOf(version));
    next.router('web', { publish: { port: 0, host: '127.0.0.1' } }).route('/', app);
    return next;
  }

  /** What the update leads to where nothing happens. */
  async function undisturbed(described: typeof pooled): Promise<SettledState> {
    const known = states.get(described.name);
    if (known !== undefined) return known;
    const stack = lab.stack();
    await lab.runtime.up(described(stack, '1'));
    await lab.runtime.up(described(stack, '2'));
    const state = await settledState(stack.name);
    states.set(described.name, state);
    return state;
  }

  interface Interruption {
    readonly visit: Visit;
    /** When it began, and when the proxy answered again. */
    readonly away: readonly [from: number, until: number];
    /** What the update said. */
    readonly failure: unknown;
  }

  async function interrupt(
    deployment: LifecycleDeployment,
    update: () => Promise<unknown>,
    moment: (typeof moments)[number],
    work: () => Promise<unknown>,
    isBack: () => Promise<boolean>,
  ): Promise<Interruption> {
    const visitors = startVisitors([deployment.endpoint('web')]);
    await visitors.settle(5);
    let interruption: Promise<readonly [number, number]> | undefined;
    const interrupted = async (): Promise<readonly [number, number]> => {
      const from = performance.now();
      await work();
      await eventually('it is back', async () => ((await isBack()) ? true : undefined), 90_000);
      return [from, performance.now()];
    };
    using _ = deployment.events.on(moment, () => {
      interruption ??= interrupted();
      interruption.catch(() => undefined);
    });
    const failure: unknown = await update().then(
      () => undefined,
      (error: unknown) => error,
    );
    const away = (await interruption) ?? assert.fail(`${moment} did not come`);
    await visitors.settle(20);
    return { visit: await visitors.leave(), away, failure };
  }

  /** Those that had their whole life outside of the time. */
  function outside({ lost }: Visit, [from, until]: readonly [number, number]): readonly LostRequest[] {
    return lost.filter(({ sentAt, endedAt }) => endedAt < from || sentAt > until);
  }

  for (let round = 0; round < repeats; round++) {
    moments.forEach((moment, index) => {
      const way = (Object.keys(ways) as Way[])[(index + round) % 3] ?? 'crashes';
      const rounds = repeats === 1 ? '' : ` (${round + 1} of ${repeats})`;
      it(`costs no request beside its own absence: HAProxy ${way} at ${moment}${rounds}`, async () => {
        const expected = await undisturbed(pooled);
        const stack = lab.stack();
        const deployment = await lab.runtime.up(pooled(stack, '1'));
        const { visit, away, failure } = await interrupt(
          deployment,
          () => lab.runtime.up(pooled(stack, '2')),
          moment,
          () => ways[way](`${stack.name}-workers`),
          async () =>
            (await deployment.stats('workers')).workers.some(({ state }) => state === 'up') &&
            (await fetch(deployment.endpoint('web'))).ok,
        );
        assert.deepEqual(outside(visit, away), []);
        // One that comes back by itself is waited for; of one that does not, the update says so.
        if (way !== 'is killed for good') assert.equal(failure, undefined);
        if (failure !== undefined) await lab.runtime.up(pooled(stack, '2'));
        assertSameState(await settledState(stack.name), expected);
        assert.ok((await lab.runtime.plan(pooled(stack, '2'))).isEmpty);
        assert.equal(await (await fetch(deployment.endpoint('web'))).text(), '2');
      });
    });
  }

  repeated(
    'costs no request beside its own absence: nginx is restarted while a single app changes',
    async () => {
      const expected = await undisturbed(single);
      const stack = lab.stack();
      const deployment = await lab.runtime.up(single(stack, '1'));
      const { visit, away, failure } = await interrupt(
        deployment,
        () => lab.runtime.up(single(stack, '2')),
        'container:started',
        () => ways['is restarted'](`${stack.name}-web`),
        async () => (await fetch(deployment.endpoint('web'))).ok,
      );
      assert.deepEqual(outside(visit, away), []);
      assert.equal(failure, undefined);
      assertSameState(await settledState(stack.name), expected);
      assert.ok((await lab.runtime.plan(single(stack, '2'))).isEmpty);
    },
  );
});
