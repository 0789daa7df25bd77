import type { ConformanceCase } from './conformance/conformance-case.js';
import { deploymentCases } from './conformance/deployment-cases.js';
import { downCases } from './conformance/down-cases.js';
import { eventCases } from './conformance/event-cases.js';
import { planCases } from './conformance/plan-cases.js';
import { upCases } from './conformance/up-cases.js';
import { waitCases } from './conformance/wait-cases.js';

/**
 * What every runtime does, as cases for any test runner: one test for a case, with a context of its own. A runtime
 * that leaves one out says why.
 * @example
 * for (const { title, run } of runtimeConformance()) it(title, () => run(contextOf(new MyRuntime())));
 */
export function runtimeConformance(): readonly ConformanceCase[] {
  return [...planCases, ...upCases, ...waitCases, ...downCases, ...deploymentCases, ...eventCases];
}
