// Who routes and who works come back by themselves, in whatever order they go: PLUMBSTACK_SEED=n takes the orders of a run
// that failed again.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Stack } from '@plumbstack/core';
import { crash } from '../../support/crash';
import { docker } from '../../support/docker-cli';
import { ask, eventually, Lab } from '../../support/lab';
import { lightApp } from '../../support/light-app';
import { repeats } from '../../support/repeated';

/** Parts of the stack below by the ends of their containers' names. */
const parts = ['web', 'workers', 'workers-1', 'workers-2', 'workers-3', 'single'] as const;
const ways = {
  crashes: crash,
  restarts: (container: string) => docker('restart', '--time', '2', container),
  'is killed and started': async (container: string) => {
    await docker('kill', container);
    await docker('start', container);
  },
} as const;

interface Loss {
  readonly part: (typeof parts)[number];
  readonly way: keyof typeof ways;
  /** Whether it goes together with the one before it rather than after that one's return. */
  readonly together: boolean;
}

const seed = Number(process.env['PLUMBSTACK_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const losses = fc
  .tuple(
    fc.shuffledSubarray([...parts], { minLength: parts.length }),
    fc.array(fc.constantFrom(...(Object.keys(ways) as (keyof typeof ways)[])), {
      minLength: parts.length,
      maxLength: parts.length,
    }),
    fc.array(fc.boolean(), { minLength: parts.length, maxLength: parts.length }),
  )
  .map(([order, how, together]): readonly Loss[] =>
    order.map((part, index) => ({
      part,
      way: how[index] ?? 'restarts',
      together: index > 0 && together[index] === true,
    })),
  );

describe('a stack with nobody to look after it', function () {
  this.timeout(180_000);
  const lab = new Lab();
  let stack: Stack;
  let web: URL;

  before(async () => {
    stack = lab.stack();
    const pool = stack.pool('workers', {
      app: stack.app('app', lightApp()),
      replicas: 3,
      balance: 'roundrobin',
      sticky: 'cookie',
    });
    const single = stack.app('single', lightApp());
    stack
      .router('web', { publish: { port: 0, host: '127.0.0.1' } })
      .route('/pool/', pool)
      .route('/single/', single);
    web = (await lab.runtime.up(stack)).endpoint('web');
  });
  after(() => lab.clear());

  const startOf = async (part: string): Promise<string> =>
    docker('inspect', '--format', '{{.State.StartedAt}}', `${stack.name}-${part}`);

  /** Every worker and the single app, by the way that visitors go. */
  async function answersAsAWhole(): Promise<true | undefined> {
    assert.equal((await ask(web, '/single/')).host, 'single');
    const seen = new Set<string>();
    for (let each = 0; each < 9; each++) seen.add((await ask(web, '/pool/')).host);
    return seen.size === 3 || undefined;
  }

  async function cookieOf(worker: string): Promise<string> {
    return eventually(`a cookie of ${worker}`, async () => {
      const response = await fetch(new URL('/pool/', web));
      const { host } = (await response.json()) as { host: string };
      return host === worker ? response.headers.get('set-cookie')?.split(';')[0] : undefined;
    });
  }

  fc.sample(losses, { seed, numRuns: repeats * 2 }).forEach((all, round) => {
    const told = all.map(({ part, way, together }) => `${together ? ' while ' : ', '}${part} ${way}`);
    it(`answers as a whole again, and its clients have their workers: ${told.join('').slice(2)} (seed ${seed}, ${round + 1})`, async () => {
      const cookie = await cookieOf('workers-2');
      const before = await Promise.all(parts.map(startOf));
      let last: Promise<unknown>[] = [];
      for (const { part, way, together } of all) {
        if (!together) await Promise.all(last.splice(0));
        last = [...last, ways[way](`${stack.name}-${part}`)];
      }
      await Promise.all(last);
      await eventually('it answers as before', answersAsAWhole, 60_000);
      assert.equal((await ask(web, '/pool/', { headers: { cookie } })).host, 'workers-2');
      const after = await Promise.all(parts.map(startOf));
      for (const [index, part] of parts.entries()) {
        const { way } = all.find((each) => each.part === part) ?? assert.fail(part);
        // Of nginx, a crash of its workers leaves the first process.
        if (part === 'web' && way === 'crashes') continue;
        assert.notEqual(after[index], before[index], `${part} was not started again`);
      }
      const plan = await lab.runtime.plan(stack);
      assert.equal(plan.isEmpty, true, plan.toString());
    });
  });
});
