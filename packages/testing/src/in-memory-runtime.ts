import { DockerRuntime, type DockerRuntimeOptions, type ReadSecret } from '@plumbstack/docker';
import type { CallInterceptor } from './engine/engine-core.js';
import { InMemoryEngine } from './in-memory-engine.js';

export interface InMemoryRuntimeOptions extends Omit<DockerRuntimeOptions, 'client' | 'host' | 'context'> {
  /** The engine; several runtimes may share one. @default one of its own */
  readonly engine?: InMemoryEngine;
  /**
   * Values of secrets that come from a file or the environment.
   * @default neither is read: the value is `file:` and the path, or `env:` and the variable's name
   */
  readonly readSecret?: ReadSecret;
  /** Stands between this runtime and the engine, as {@link InMemoryEngine.onCall} does for all. @default nothing */
  readonly onCall?: CallInterceptor;
}

/** Touches neither disk nor environment: what stands there is the same on every machine. */
const standIn: ReadSecret = (source) =>
  source.type === 'file' ? `file:${source.path}` : `env:${source.variable}`;

/**
 * The Docker runtime itself, over an engine that is data: for the tests of programs that use plumbstack. It plans, applies
 * and tells as it does on a real engine; nothing listens at its endpoints, and images need not exist. What a test does to
 * the world is on {@link InMemoryRuntime.engine}.
 *
 * @example
 * const runtime = new InMemoryRuntime();
 * await using deployment = await runtime.up(stack);
 * runtime.engine.crash('demo-workers-2', { staysDown: true });
 */
export class InMemoryRuntime extends DockerRuntime {
  readonly engine: InMemoryEngine;

  constructor(options: InMemoryRuntimeOptions = {}) {
    const { engine = new InMemoryEngine(), readSecret = standIn, onCall, ...rest } = options;
    super({ ...rest, client: engine.connect(onCall), readSecret });
    this.engine = engine;
  }
}
