import fc from 'fast-check';
import { Stack, type AppOptions, type HealthCheck } from '@plumbstack/core';
import type { ContainerBehaviour, EngineContainer } from '@plumbstack/testing';

/** What a version of an app does when it is started. */
export type Quality = 'answers' | 'late' | 'never' | 'ends';

/** A container of a random stack. Its name is its place in the recipe: a pair of recipes describes the same things. */
export interface AppRecipe {
  readonly version: number;
  readonly quality: Quality;
  readonly check: 'tcp' | 'http' | 'command';
  readonly published: boolean;
  readonly hasVolume: boolean;
  readonly hasSecret: boolean;
  readonly needsService: boolean;
}

export interface PoolRecipe {
  readonly app: AppRecipe;
  readonly replicas: number;
  readonly parallelism: number;
  readonly order: 'start-first' | 'stop-first';
  readonly maxConcurrency: boolean;
  readonly published: boolean;
}

export interface StackRecipe {
  readonly service: AppRecipe | undefined;
  readonly apps: readonly AppRecipe[];
  readonly pools: readonly PoolRecipe[];
  /** Whether a router leads to all of them. */
  readonly routed: boolean;
  readonly publishedRouter: boolean;
  readonly isolated: boolean;
}

const behaviours: Readonly<Record<Quality, ContainerBehaviour>> = {
  answers: {},
  late: { answersAfterMs: 1500 },
  never: { answersAfterMs: Infinity },
  ends: { answersAfterMs: Infinity, exit: { code: 3, afterMs: 200 } },
};

/** Of a proxy, which has no environment. */
export const brokenImage = 'example/broken:1';

/** How the containers of such stacks behave: as their environment says. */
export function behave({ env, image }: EngineContainer): ContainerBehaviour {
  if (image === brokenImage) return { answersAfterMs: Infinity, exit: { code: 3 } };
  return behaviours[(env['QUALITY'] as Quality | undefined) ?? 'answers'];
}

const checks: Readonly<Record<AppRecipe['check'], HealthCheck>> = {
  tcp: { tcp: true },
  http: { http: '/up' },
  command: { command: ['true'] },
};

export function stackOf(name: string, recipe: StackRecipe): Stack {
  const stack = new Stack(name, { isolation: recipe.isolated });
  const volume = stack.volume('data');
  const token = stack.secret('token', { value: 'not to be seen' });
  const kept = stack.secret('kept', { generateBytes: 16 });
  const options = (app: AppRecipe): AppOptions => ({
    image: `example/app:${app.version}`,
    env: { QUALITY: app.quality },
    startTimeoutMs: 5000,
    ...(app.hasVolume && { mounts: [{ volume, target: '/data' }] }),
    ...(app.hasSecret && { secrets: [token, kept] }),
  });
  const { service: described } = recipe;
  const service = described && stack.service('store', options(described));
  const full = (app: AppRecipe): AppOptions => ({
    ...options(app),
    health: checks[app.check],
    ...(app.needsService && service !== undefined && { dependsOn: [service] }),
  });
  const apps = recipe.apps.map((app, index) =>
    stack.app(`app${'abc'[index]}`, { ...full(app), ...(app.published && { publish: 8100 + index }) }),
  );
  const pools = recipe.pools.map((pool, index) =>
    stack.pool(`pool${'abc'[index]}`, {
      app: stack.app(`worker${'abc'[index]}`, full(pool.app)),
      replicas: pool.replicas,
      update: { order: pool.order, parallelism: pool.parallelism },
      drainTimeoutMs: 1000,
      ...(pool.maxConcurrency && { maxConcurrency: 1 }),
      ...(pool.published && { publish: 8200 + index }),
    }),
  );
  if (!recipe.routed) return stack;
  const router = stack.router('web', recipe.publishedRouter ? { publish: 8300 } : {});
  for (const target of [...apps, ...pools]) router.route(`/${target.name}/`, target);
  return stack;
}

/** The same stack, in which everything answers. */
export function mended(recipe: StackRecipe): StackRecipe {
  const mend = (app: AppRecipe): AppRecipe => ({
    ...app,
    quality: app.quality === 'late' ? 'late' : 'answers',
  });
  return {
    ...recipe,
    service: recipe.service && mend(recipe.service),
    apps: recipe.apps.map(mend),
    pools: recipe.pools.map((pool) => ({ ...pool, app: mend(pool.app) })),
  };
}

/**
 * Names of what a router must find answering at every moment between two versions: nothing that has to stop first, and
 * of pools those that keep a worker.
 */
export function neverAway(before: StackRecipe, after: StackRecipe): readonly string[] {
  if (!before.routed || !after.routed || before.isolated !== after.isolated) return [];
  const stays = ({ published, hasVolume }: AppRecipe): boolean => !published && !hasVolume;
  const apps = before.apps.flatMap((app, index) => {
    const next = after.apps[index];
    return next !== undefined && stays(app) && stays(next) ? [`app${'abc'[index]}`] : [];
  });
  const pools = before.pools.flatMap((pool, index) => {
    const next = after.pools[index];
    if (next === undefined || Math.min(pool.replicas, next.replicas) === 0) return [];
    const keepsOne =
      next.order === 'start-first' || next.parallelism < Math.min(pool.replicas, next.replicas);
    // A HAProxy of another kind is a new one, on the ports of the old.
    return keepsOne && pool.maxConcurrency === next.maxConcurrency && pool.published === next.published
      ? [`pool${'abc'[index]}`]
      : [];
  });
  return [...apps, ...pools];
}

const quality = fc.constantFrom<Quality>('answers', 'answers', 'answers', 'late', 'never', 'ends');

/** What leaves less to look at: a route that may be away, or a longer run. */
const rarely = fc.constantFrom(false, false, false, true);

const app: fc.Arbitrary<AppRecipe> = fc.record({
  version: fc.integer({ min: 1, max: 3 }),
  quality,
  check: fc.constantFrom('tcp', 'http', 'command'),
  published: rarely,
  hasVolume: rarely,
  hasSecret: rarely,
  needsService: fc.boolean(),
});

const pool: fc.Arbitrary<PoolRecipe> = fc.record({
  app,
  replicas: fc.constantFrom(0, 1, 2, 3, 9),
  parallelism: fc.integer({ min: 1, max: 4 }),
  order: fc.constantFrom('start-first', 'stop-first'),
  maxConcurrency: fc.boolean(),
  published: rarely,
});

export const recipes: fc.Arbitrary<StackRecipe> = fc.record({
  service: fc.option(app, { nil: undefined }),
  apps: fc.array(app, { maxLength: 3 }),
  pools: fc.array(pool, { maxLength: 2 }),
  routed: rarely.map((each) => !each),
  publishedRouter: fc.boolean(),
  isolated: rarely.map((each) => !each),
});
