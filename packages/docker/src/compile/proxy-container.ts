import type { LoggingSpec } from '@plumbstack/core';
import type { ContainerTemplate, ResolvedImage } from './docker-spec.js';
import type { EngineMount, PublishedPort } from '../client/docker-client.js';
import type { Role } from '../labels.js';
import { template } from './compile-container.js';

/** Where a proxy's configuration volume is mounted. */
export const configFolder = '/etc/plumbstack';
/** Both proxies run as this user and group, which exists in no image and owns nothing. */
export const proxyUser = 65_532;
/**
 * Before the apps, where both want a processor: a worker that waits for its next request has nothing to do, and a pool of R
 * workers on two busy cores answers 4 % more. `CpuShares` of the engine, of which another container has 1024.
 */
const proxyCpuShares = 8192;

interface ProxyContainer {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly stopSignal: string;
  readonly stopGraceMs: number;
  readonly configVolume: string;
  readonly mounts: readonly EngineMount[];
  readonly ports: readonly PublishedPort[];
  readonly logging: LoggingSpec | undefined;
  /** What is part of its identity beside the container itself. @default nothing */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/** The container that nginx or HAProxy runs in: no privileges, nothing writable but memory. */
export function proxyContainer(
  stack: string,
  resource: string,
  role: Role,
  image: ResolvedImage,
  {
    entrypoint,
    command,
    stopSignal,
    stopGraceMs,
    configVolume,
    mounts,
    ports,
    logging,
    facts = {},
  }: ProxyContainer,
): ContainerTemplate {
  return template(
    stack,
    resource,
    role,
    {
      image: image.id ?? image.reference,
      entrypoint,
      command,
      env: {},
      user: `${proxyUser}:${proxyUser}`,
      stopSignal,
      stopGraceMs,
      mounts: [{ type: 'volume', name: configVolume, target: configFolder, readOnly: false }, ...mounts],
      ports,
      restart: 'always',
      init: false,
      readOnlyRoot: true,
      capAdd: [],
      capDrop: ['ALL'],
      securityOptions: ['no-new-privileges'],
      extraHosts: {},
      limits: { pids: 4096, cpuShares: proxyCpuShares },
      ...(logging !== undefined && { logging }),
    },
    image,
    { files: [], labels: {}, facts },
  );
}
