import assert from 'node:assert/strict';
import { runtimeConformance, type ConformanceContext } from '@plumbstack/testing';

/** One case's surroundings, and how they are cleared away. */
export interface CaseSetting extends AsyncDisposable {
  readonly context: ConformanceContext;
}

export interface ConformanceChoice {
  /** Cases that are left out, by title, each with its reason in words. @default none */
  readonly skips?: Readonly<Record<string, string>>;
  /** Titles of the only cases that run. @default all */
  readonly only?: readonly string[];
}

/** Runs conformance cases, each as a test of its own. */
export function runConformance(setUp: () => CaseSetting, { skips = {}, only }: ConformanceChoice = {}): void {
  const cases = runtimeConformance();
  for (const { title, run } of cases) {
    if (only?.includes(title) === false) continue;
    const reason = skips[title];
    if (reason === undefined) {
      it(title, async () => {
        await using setting = setUp();
        await run(setting.context);
      });
    } else {
      it.skip(`${title} (left out: ${reason})`);
    }
  }

  it('every case that is left out exists and has a reason', () => {
    const titles = cases.map(({ title }) => title);
    assert.equal(new Set(titles).size, titles.length);
    for (const title of only ?? []) assert.ok(titles.includes(title), title);
    for (const [title, reason] of Object.entries(skips)) {
      assert.ok(titles.includes(title), title);
      assert.ok(reason.trim().includes(' '), title);
    }
  });
}
