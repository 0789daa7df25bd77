import {
  integer,
  isRecord,
  line,
  options,
  refuse,
  type Check,
  type Checks,
  type SecretSource,
} from '@plumbstack/core';
import { isIPv4Subnet, parseSubnet } from './compile/ipv4.js';
import type { DockerClient } from './client/docker-client.js';

/** Gives the value of a secret that a program declares by a file or by a variable. */
export type ReadSecret = (
  source: Extract<SecretSource, { type: 'file' | 'env' }>,
) => string | Promise<string>;

export interface DockerRuntimeOptions {
  /** The engine, as `unix:///run/docker.sock`, `tcp://host:2376` or `ssh://user@host`. @default as the docker CLI finds it */
  readonly host?: string;
  /** A docker context by name. @default the current one */
  readonly context?: string;
  /** Folder that relative paths start from where a stack names none. @default the working directory */
  readonly baseDir?: string;
  /** Private IPv4 network that the stacks' networks are taken from. @default '10.208.0.0/12' */
  readonly addressPool?: string;
  /** Deadline of a single engine call, in milliseconds. @default 30000 */
  readonly callTimeoutMs?: number;
  /** Containers started or removed at once. @default 8 */
  readonly concurrency?: number;
  /**
   * Superseded images of each built resource that stay on the engine, to go back to; older ones are removed at the end of an
   * `up` that changes something. Images that something uses, or that others made, are never removed. `Infinity` keeps all.
   * @default 1
   */
  readonly keepImages?: number;
  /**
   * Reads secrets from elsewhere, as from a vault, by the name that the program gives as their file or variable. What it
   * rejects with, ends the verb. @default the file on this machine, and the variable of this process
   */
  readonly readSecret?: ReadSecret;
  /** For authors of tests and tools: a client instead of a connection. Its owner closes it. */
  readonly client?: DockerClient;
}

export interface ResolvedOptions extends DockerRuntimeOptions {
  readonly baseDir: string;
  readonly addressPool: string;
  readonly concurrency: number;
  readonly keepImages: number;
}

/** The one place where options are checked and defaults are filled in. Throws `INVALID_OPTION`. */
export function resolveOptions(given: DockerRuntimeOptions): ResolvedOptions {
  const checked = options<DockerRuntimeOptions>(given, 'DockerRuntime', checks);
  return {
    baseDir: process.cwd(),
    addressPool: '10.208.0.0/12',
    concurrency: 8,
    keepImages: 1,
    ...checked,
  };
}

const addressPool: Check<string> = (value, path) => {
  const isLarge = typeof value === 'string' && isIPv4Subnet(value) && parseSubnet(value).prefix <= 22;
  if (!isLarge) refuse(path, "an IPv4 network of /22 or larger, as '10.208.0.0/12'", value);
  return value;
};

const client: Check<DockerClient> = (value, path) => {
  if (!isRecord(value)) refuse(path, 'a DockerClient', value);
  return value as unknown as DockerClient;
};

const readSecret: Check<ReadSecret> = (value, path) => {
  if (typeof value !== 'function') refuse(path, 'a function', value);
  return value as ReadSecret;
};

const checks: Checks<DockerRuntimeOptions> = {
  host: line,
  context: line,
  baseDir: line,
  addressPool,
  callTimeoutMs: integer(1),
  concurrency: integer(1),
  // All of them are kept by Infinity.
  keepImages: (value, path) => (value === Infinity ? value : integer(0)(value, path)),
  readSecret,
  client,
};
