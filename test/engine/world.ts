import assert from 'node:assert/strict';
import type { Stack } from '@plumbstack/core';
import { InMemoryEngine, InMemoryRuntime, type CallInterceptor } from '@plumbstack/testing';
import { striking, type Fault } from './faults';
import { behave } from './recipes';
import { VirtualTime } from './virtual-time';

/** Longer than any run of these stacks may take, by its own deadlines. */
export const runMs = 15 * 60_000;
/** How long a run that was given up may still take. */
const abortedMs = 1000;

export interface World extends Disposable {
  readonly engine: InMemoryEngine;
  readonly time: VirtualTime;
  /** One of a process of its own, and what stands between it and the engine. */
  readonly runtime: (onCall?: CallInterceptor) => InMemoryRuntime;
}

export function world(concurrency: number): World {
  const time = new VirtualTime();
  const engine = new InMemoryEngine();
  engine.onStart(behave);
  return {
    engine,
    time,
    runtime: (onCall) =>
      new InMemoryRuntime({ engine, concurrency, ...(onCall !== undefined && { onCall }) }),
    [Symbol.dispose]: () => time[Symbol.dispose](),
  };
}

export interface Disturbed {
  /** What the verb rejected with. */
  readonly error: unknown;
  /** What was away meanwhile that must not be. */
  readonly away: ReadonlySet<string>;
  readonly calls: number;
  /** Whether the fault was met. */
  readonly happened: boolean;
}

/** Runs a verb to its end, whichever that is, with a fault in it; says what was away meanwhile that must not be. */
export async function disturbed(
  { engine, time, runtime }: World,
  what: string,
  fault: Fault | undefined,
  seed: number,
  watched: readonly string[],
  verb: (runtime: InMemoryRuntime, signal: AbortSignal) => Promise<unknown>,
): Promise<Disturbed> {
  const controller = new AbortController();
  const away = new Set<string>();
  const look = (): void => {
    for (const { target, answers, address } of engine.routes)
      if (!answers && watched.includes(target)) away.add(`${target} at ${address || 'nowhere'}`);
  };
  let state = seed;
  const shuffle = (): number => (state = (state * 48_271) % 2_147_483_647) % 4;
  const struck = striking(fault, controller, shuffle);
  let calls = 0;
  const disturbedRuntime = runtime((call, proceed) => {
    calls += 1;
    look();
    return struck.intercept(call, () => proceed().finally(look));
  });
  let abortedAt: number | undefined;
  controller.signal.addEventListener('abort', () => (abortedAt = time.now));
  let error: unknown;
  const isKilled = fault?.kind === 'killed';
  const run = verb(disturbedRuntime, controller.signal).catch(
    (reason: unknown) => (error = reason ?? 'nothing'),
  );
  if (isKilled) {
    // It never ends, and need not: whatever it had begun is left as it is.
    await time.run(what, runMs, () =>
      Promise.race([run, new Promise((resolve) => setTimeout(resolve, 120_000))]),
    );
  } else {
    await time.run(what, runMs, () => run);
    if (abortedAt !== undefined)
      assert.ok(
        time.now - abortedAt <= abortedMs,
        `${what} went on for ${time.now - abortedAt} ms after its abort`,
      );
  }
  look();
  return { error, away, calls, happened: struck.happened };
}

/** Brings a stack up, and looks that nothing is left to do. */
export async function settled({ time, runtime }: World, stack: Stack): Promise<void> {
  await time.run('the next up', runMs, () => runtime().up(stack));
  const plan = await time.run('the plan after it', runMs, () => runtime().plan(stack));
  assert.ok(plan.isEmpty, `the plan after up is not empty:\n${plan.toString()}`);
}
