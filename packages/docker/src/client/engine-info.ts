import { stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { CallOptions, EngineInfo } from './docker-client.js';
import type { Engine } from './engine.js';
import type { EngineAddress } from './engine-address.js';
import type { Environment } from './environment.js';
import { nanosecondsOf } from './nanoseconds.js';
import { proxyVariables } from './proxies.js';

/** The engine's own word on its versions. */
export interface EngineVersion {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly MinAPIVersion?: string;
  readonly Os: string;
  readonly Arch: string;
  readonly Components?: readonly { readonly Name: string }[] | null;
}

export async function readEngineVersion(engine: Engine, options: CallOptions): Promise<EngineVersion> {
  return engine.call('ask the version', options, async (docker) => {
    const version = (await docker.version()) as Partial<EngineVersion>;
    const { Version = '', ApiVersion = '', Os = '', Arch = '' } = version;
    if (!/^\d+\.\d+$/.test(ApiVersion))
      throw engine.notAnEngine('ask the version', 'it tells no API version');
    return { ...version, Version, ApiVersion, Os, Arch };
  });
}

export async function readEngineInfo(
  engine: Engine,
  environment: Environment,
  options: CallOptions,
): Promise<EngineInfo> {
  const version = await readEngineVersion(engine, options);
  return {
    version: version.Version,
    apiVersion: engine.apiVersion ?? version.ApiVersion,
    platform: `${version.Os}/${version.Arch}`,
    isPodman: isPodman(version),
    host: publishedHost(engine.address),
    address: engine.address.address,
    proxies: await proxyVariables(environment, engine.address.address),
  };
}

export function isPodman({ Components }: EngineVersion): boolean {
  return Components?.some(({ Name }) => /podman/i.test(Name)) ?? false;
}

export async function readEngineClock(engine: Engine, options: CallOptions): Promise<string> {
  return engine.call('ask the time', options, async (docker) => {
    const { SystemTime = '' } = (await docker.info()) as { readonly SystemTime?: string };
    const now = nanosecondsOf(SystemTime);
    // Podman tells none.
    return now === undefined ? `${Date.now()}000000` : String(now);
  });
}

/**
 * A socket may also lead out of a container, or into a virtual machine. There the engine has another host name, or what it keeps
 * its own files in is not here.
 */
export async function engineSharesFiles(engine: Engine, options: CallOptions): Promise<boolean> {
  if (engine.address.type !== 'socket') return false;
  const { Name, DockerRootDir = '' } = await engine.call('ask where it runs', options, async (docker) => {
    return (await docker.info()) as { readonly Name?: string; readonly DockerRootDir?: string };
  });
  if (Name !== hostname() || DockerRootDir === '') return false;
  return stat(DockerRootDir).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Where the engine's published ports are. Brackets make an IPv6 address fit for a URL. */
function publishedHost(address: EngineAddress): string {
  if (address.type === 'socket') return '127.0.0.1';
  return address.host.includes(':') ? `[${address.host}]` : address.host;
}
