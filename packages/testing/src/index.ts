// For users: what the tests of a program need.
export { InMemoryRuntime, type InMemoryRuntimeOptions } from './in-memory-runtime.js';
export {
  InMemoryEngine,
  type CrashOptions,
  type EngineContainer,
  type EngineItem,
  type EngineRoute,
  type EngineVolume,
  type InMemoryEngineOptions,
} from './in-memory-engine.js';
export type { ContainerBehaviour } from './engine/container-life.js';
export type { CallInterceptor, EngineCall, ExecCall, ExecHandler } from './engine/engine-core.js';
export type { NextFailure } from './engine/failures.js';
export { recordEvents, type EventRecorder } from './event-recorder.js';
export { upEphemeral, type EphemeralOptions } from './ephemeral/up-ephemeral.js';
export type { RuntimeModule } from './ephemeral/runtime-module.js';
export {
  articleStack,
  dataStack,
  pooledStack,
  singleAppStack,
  type DataSampleOptions,
  type PooledSampleOptions,
  type SampleOptions,
} from './sample-stacks.js';

// For authors of runtimes: the cases that every runtime passes.
export { runtimeConformance } from './runtime-conformance.js';
export type { ConformanceCase, ConformanceContext } from './conformance/conformance-case.js';
