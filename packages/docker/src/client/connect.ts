import { isPlumbstackError, PlumbstackError } from '@plumbstack/core';
import type { CallOptions, DockerClient } from './docker-client.js';
import { DockerodeClient } from './dockerode-client.js';
import { Engine } from './engine.js';
import type { EngineAddress } from './engine-address.js';
import { isPodman, readEngineVersion, type EngineVersion } from './engine-info.js';
import { thisMachine, type Environment } from './environment.js';
import { findEngine, type EngineCandidate, type EngineChoice } from './find-engine.js';
import { RegistryCredentials } from './registry-credentials.js';
import { isAtLeast } from './to-engine.js';

export interface ConnectOptions extends EngineChoice, CallOptions {
  /** Version of the API to speak, as `1.45`. @default `DOCKER_API_VERSION`, else the newest that both sides know */
  readonly apiVersion?: string;
  /** Deadline of each call to the engine, in milliseconds. @default 30000 */
  readonly callTimeoutMs?: number;
  /** How long a pull or a build may be silent, in milliseconds. @default 300000 */
  readonly silenceTimeoutMs?: number;
  /** @default the machine this process runs on */
  readonly environment?: Environment;
}

/** The newest API whose shapes this package knows: Docker 28.3 to 28.5. A newer engine speaks it, too. */
const newestApiVersion = '1.51';

/**
 * Finds an engine, asks its version and makes a client for it. Where nobody chose one, the usual sockets are tried in turn.
 *
 * @throws `ENGINE_UNREACHABLE` with everything that was tried, `INVALID_OPTION`, `NOT_FOUND` for a missing context
 */
export async function connect(options: ConnectOptions = {}): Promise<DockerClient> {
  const { environment = thisMachine(), callTimeoutMs, silenceTimeoutMs, signal } = options;
  const limits = {
    ...(callTimeoutMs !== undefined && { callTimeoutMs }),
    ...(silenceTimeoutMs !== undefined && { silenceTimeoutMs }),
  };
  const { candidates, absent } = await findEngine(options, environment);
  const failures: FailedCandidate[] = [];
  for (const candidate of candidates) {
    const { address } = candidate;
    try {
      const version = await firstContact(address, limits, signal);
      const apiVersion =
        options.apiVersion ?? (environment.env['DOCKER_API_VERSION'] || commonApiVersion(version));
      const credentials = new RegistryCredentials(environment);
      return new DockerodeClient({
        ...{ address, apiVersion, isPodman: isPodman(version) },
        ...{ credentials, environment, ...limits },
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (!isPlumbstackError(error)) throw error;
      failures.push({ ...candidate, error });
    }
  }
  throw unreachable(failures, absent);
}

async function firstContact(
  address: EngineAddress,
  limits: { readonly callTimeoutMs?: number },
  signal: AbortSignal | undefined,
): Promise<EngineVersion> {
  const engine = new Engine({ address, ...limits });
  try {
    return await readEngineVersion(engine, signal === undefined ? {} : { signal });
  } finally {
    engine.close();
  }
}

/** The engine's own version, or ours where the engine's is newer and it still knows ours. */
export function commonApiVersion({
  ApiVersion: newest,
  MinAPIVersion: oldest = '0.0',
}: EngineVersion): string {
  if (!isAtLeast(newest, newestApiVersion)) return newest;
  return isAtLeast(newestApiVersion, oldest) ? newestApiVersion : oldest;
}

interface FailedCandidate extends EngineCandidate {
  readonly error: PlumbstackError;
}

function unreachable(failures: readonly FailedCandidate[], absent: readonly string[]): PlumbstackError {
  const [only] = failures;
  const tried = [
    ...failures.map(({ address, foundBy, error }) => ({
      address: address.address,
      foundBy,
      reason: firstLine(error),
    })),
    ...absent.map((path) => ({
      address: `unix://${path}`,
      foundBy: 'the usual sockets',
      reason: 'does not exist',
    })),
  ];
  const lines = tried
    .map(({ address, foundBy, reason }) => `\n  ${address} (${foundBy}): ${reason}`)
    .join('');
  return new PlumbstackError('ENGINE_UNREACHABLE', `no Docker engine answers.${lines}`, {
    details: { tried, ...(failures.length === 1 && only?.error.details) },
    hint: only === undefined ? nothingFound : hintFor(only),
    cause: only?.error,
  });
}

const nothingFound =
  'Start an engine (`sudo systemctl start docker`, Docker Desktop, or `systemctl --user start podman.socket`), or say where one is: DOCKER_HOST, `docker context use`, or the option host.';

function hintFor({ foundBy, error }: FailedCandidate): string {
  const chosen = /context/.test(foundBy)
    ? ` It was chosen by ${foundBy}: \`docker context ls\` lists the others.`
    : '';
  const byHost =
    foundBy === 'DOCKER_HOST' ? ' It was chosen by DOCKER_HOST: unset that for the usual socket.' : '';
  return `${error.hint ?? nothingFound}${chosen}${byHost}`;
}

function firstLine({ message, code }: PlumbstackError): string {
  return (message.split('\n')[0] ?? '').replace(`${code}: `, '').replace(/^ask the version: /, '');
}
