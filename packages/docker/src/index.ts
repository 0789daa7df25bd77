// For users: the runtime and its options.
export { DockerRuntime } from './docker-runtime.js';
export type { DockerRuntimeOptions } from './docker-runtime-options.js';
export { hashPassword } from './hash-password.js';
