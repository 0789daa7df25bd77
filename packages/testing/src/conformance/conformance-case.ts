import type { AppOptions, ExecResult, Runtime } from '@plumbstack/core';
import type { LifecycleSource } from '@plumbstack/events';

/** What a case is given by whoever runs it. */
export interface ConformanceContext {
  /** The runtime under test; the same at every call within one case. */
  readonly runtime: () => Runtime<LifecycleSource>;
  /** A second runtime on the same engine, as another process would have it; the same at every call within one case. */
  readonly otherRuntime: () => Runtime<LifecycleSource>;
  /** A light HTTP app whose image is on the engine. It leaves `publish` and `env` to the cases. */
  readonly app: Omit<AppOptions, 'publish' | 'env'>;
  /** A line that the app writes to its standard output at every start. */
  readonly startLine: string;
  /** A command that can be run in the app's container, and what it answers. */
  readonly command: { readonly run: readonly string[]; readonly answers: ExecResult };
  /** A name that no other stack has. Whoever runs the case takes the stack down afterwards, volumes included. */
  readonly stackName: () => string;
}

/** One thing that every runtime does. */
export interface ConformanceCase {
  /** A plain claim. Unique among all cases: a skip is by title. */
  readonly title: string;
  /** Rejects where the claim does not hold. */
  readonly run: (context: ConformanceContext) => Promise<void>;
}
