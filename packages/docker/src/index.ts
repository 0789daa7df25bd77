// For users: the runtime and its options.
export { DockerRuntime } from './docker-runtime.js';
export type { DockerRuntimeOptions, ReadSecret } from './docker-runtime-options.js';
export { hashPassword } from './hash-password.js';
