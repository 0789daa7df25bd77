import { PlumbstackError } from '@plumbstack/core';
import { isIPv4Subnet, parseSubnet } from './compile/ipv4.js';
import type { DockerClient } from './client/docker-client.js';

export interface DockerRuntimeOptions {
  /** The engine, as `unix:///run/docker.sock`, `tcp://host:2376` or `ssh://user@host`. @default as the docker CLI finds it */
  readonly host?: string;
  /** A docker context by name. @default the current one */
  readonly context?: string;
  /** Folder that relative paths start from where a stack names none. @default the working directory */
  readonly baseDir?: string;
  /** Private IPv4 network that each stack's own /22 is taken from. @default '10.208.0.0/12' */
  readonly addressPool?: string;
  /** Deadline of a single engine call, in milliseconds. @default 30000 */
  readonly callTimeoutMs?: number;
  /** Containers started or removed at once. @default 8 */
  readonly concurrency?: number;
  /** For authors of tests and tools: a client instead of a connection. Its owner closes it. */
  readonly client?: DockerClient;
}

export interface ResolvedOptions extends DockerRuntimeOptions {
  readonly baseDir: string;
  readonly addressPool: string;
  readonly concurrency: number;
}

/** The one place where defaults are filled in. */
export function resolveOptions(options: DockerRuntimeOptions): ResolvedOptions {
  const { baseDir = process.cwd(), addressPool = '10.208.0.0/12', concurrency = 8 } = options;
  if (!isIPv4Subnet(addressPool) || parseSubnet(addressPool).prefix > 22) {
    throw new PlumbstackError(
      'INVALID_OPTION',
      `addressPool must be an IPv4 network of /22 or larger, not ${addressPool}.`,
      {
        hint: "As '10.208.0.0/12', which is the default.",
      },
    );
  }
  if (!Number.isSafeInteger(concurrency) || concurrency < 1) {
    throw new PlumbstackError(
      'INVALID_OPTION',
      `concurrency must be a whole number of at least 1, not ${concurrency}.`,
    );
  }
  return { ...options, baseDir, addressPool, concurrency };
}
