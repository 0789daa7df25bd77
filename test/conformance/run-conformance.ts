import assert from 'node:assert/strict';
import { runtimeConformance, type ConformanceContext } from '@plumbstack/testing';

/** One case's surroundings, and how they are cleared away. */
export interface CaseSetting extends AsyncDisposable {
  readonly context: ConformanceContext;
}

/**
 * Runs every conformance case as a test of its own.
 * @param skips cases left out, by title, each with its reason in words
 */
export function runConformance(setUp: () => CaseSetting, skips: Readonly<Record<string, string>> = {}): void {
  const cases = runtimeConformance();
  for (const { title, run } of cases) {
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
    for (const [title, reason] of Object.entries(skips)) {
      assert.ok(titles.includes(title), title);
      assert.ok(reason.trim().includes(' '), title);
    }
  });
}
