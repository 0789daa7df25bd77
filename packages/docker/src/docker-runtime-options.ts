import { PlumbstackError, type SecretSource } from '@plumbstack/core';
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
export function resolveOptions(options: DockerRuntimeOptions): ResolvedOptions {
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, name)
      ? checks[name as keyof DockerRuntimeOptions]
      : refuseUnknown(name);
    if (value !== undefined && !check.holds(value)) refuse(name, check, value);
  }
  const { baseDir = process.cwd(), addressPool = '10.208.0.0/12', concurrency = 8, keepImages = 1 } = options;
  return { ...options, baseDir, addressPool, concurrency, keepImages };
}

interface OptionCheck {
  readonly wanted: string;
  readonly holds: (value: unknown) => boolean;
}

const isLine = (value: unknown): boolean => typeof value === 'string' && value !== '';
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 1;

const checks: { readonly [K in keyof DockerRuntimeOptions]-?: OptionCheck } = {
  host: { wanted: "an engine's address, as unix:///run/docker.sock", holds: isLine },
  context: { wanted: "a docker context's name", holds: isLine },
  baseDir: { wanted: "a folder's path", holds: isLine },
  addressPool: {
    wanted: "an IPv4 network of /22 or larger, as '10.208.0.0/12'",
    holds: (value) => typeof value === 'string' && isIPv4Subnet(value) && parseSubnet(value).prefix <= 22,
  },
  callTimeoutMs: { wanted: 'a whole number of at least 1', holds: isCount },
  concurrency: { wanted: 'a whole number of at least 1', holds: isCount },
  keepImages: {
    wanted: 'a whole number of at least 0, or Infinity',
    holds: (value) => value === Infinity || (Number.isSafeInteger(value) && (value as number) >= 0),
  },
  readSecret: { wanted: 'a function', holds: (value) => typeof value === 'function' },
  client: { wanted: 'an object', holds: (value) => typeof value === 'object' && value !== null },
};

function refuse(name: string, { wanted }: OptionCheck, value: unknown): never {
  const path = `DockerRuntime.${name}`;
  const words =
    typeof value === 'object' && value !== null ? 'an object' : `${String(value)} (${typeof value})`;
  throw new PlumbstackError('INVALID_OPTION', `${path} must be ${wanted}, not ${words}.`, {
    details: { path, wanted },
    hint: 'Leave it out for the default.',
  });
}

function refuseUnknown(name: string): never {
  const known = Object.keys(checks);
  const near = known.find((each) => each.toLowerCase() === name.toLowerCase());
  throw new PlumbstackError('INVALID_OPTION', `DockerRuntime has no option ${JSON.stringify(name)}.`, {
    details: { path: `DockerRuntime.${name}`, known },
    hint:
      near === undefined ? `Known options: ${known.join(', ')}.` : `Did you mean ${JSON.stringify(near)}?`,
  });
}
