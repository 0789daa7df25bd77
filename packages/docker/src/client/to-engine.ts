import type Dockerode from 'dockerode';
import type {
  ContainerCreation,
  ContainerUpdate,
  EngineHealthcheck,
  EngineLimits,
  EngineLogging,
  EngineMount,
  NetworkAttachment,
  NetworkCreation,
  PublishedPort,
} from './docker-client.js';

/** What engines take in different forms. */
export interface Dialect {
  readonly apiVersion: string;
  /** @default false */
  readonly isPodman?: boolean;
  /** What keeps the output of containers where nothing is said of it. @default unknown: whatever it does is left to it */
  readonly loggingDriver?: string;
}

/** A container in the engine's shape. */
export interface EngineContainer {
  readonly name: string;
  readonly body: Dockerode.ContainerCreateOptions;
  /** Networks to connect once it is made: engines before API 1.44 take one network with a new container. */
  readonly later: readonly (readonly [network: string, attachment: NetworkAttachment])[];
}

const nanosecondsPerMillisecond = 1e6;

/**
 * A container without a network gets none at all, not the engine's default one. An empty health check command turns off
 * the one of the image; no health check at all keeps it.
 */
export function toEngineContainer(
  container: ContainerCreation,
  { apiVersion, isPodman = false, loggingDriver }: Dialect,
): EngineContainer {
  const networks = Object.entries(container.networks);
  const takesAll = isAtLeast(apiVersion, '1.44');
  const now = takesAll ? networks : networks.slice(0, 1);
  return {
    name: container.name,
    body: {
      Image: container.image,
      ...optional('Entrypoint', container.entrypoint && [...container.entrypoint]),
      ...optional('Cmd', container.command && [...container.command]),
      Env: Object.entries(container.env).map(([name, value]) => `${name}=${value}`),
      ...optional('User', container.user),
      ...optional('WorkingDir', container.workingDir),
      ...optional('Hostname', container.hostname),
      Labels: { ...container.labels },
      ...optional('StopSignal', container.stopSignal),
      ...optional(
        'StopTimeout',
        container.stopGraceMs === undefined ? undefined : toSeconds(container.stopGraceMs),
      ),
      ...optional('Healthcheck', container.healthcheck && toHealthcheck(container.healthcheck)),
      ExposedPorts: Object.fromEntries(
        container.ports.map(({ containerPort }) => [`${containerPort}/tcp`, {}]),
      ),
      HostConfig: {
        ...toHostConfig(container, networks[0]?.[0] ?? 'none', isPodman),
        ...optional('LogConfig', toLogConfig(container.logging, loggingDriver)),
      },
      NetworkingConfig: {
        EndpointsConfig: Object.fromEntries(now.map(([name, attachment]) => [name, toEndpoint(attachment)])),
      },
    },
    later: takesAll ? [] : networks.slice(1),
  };
}

function toHostConfig(
  container: ContainerCreation,
  networkMode: string,
  isPodman: boolean,
): Dockerode.HostConfig {
  // Without root, Podman may have no say over processors, and its runtime fails over a share of them that it cannot give.
  const { cpuShares: _, ...limits } = container.limits;
  return {
    NetworkMode: networkMode,
    Mounts: container.mounts.map(toMount),
    PortBindings: toPortBindings(container.ports, isPodman),
    RestartPolicy: toRestartPolicy(container.restart),
    Init: container.init,
    ReadonlyRootfs: container.readOnlyRoot,
    CapAdd: [...container.capAdd],
    CapDrop: [...container.capDrop],
    SecurityOpt: [...container.securityOptions],
    ExtraHosts: Object.entries(container.extraHosts).map(([host, address]) => `${host}:${address}`),
    ...toLimits(isPodman ? limits : container.limits),
  };
}

const defaultLogBytes = 10 * 1024 * 1024;
const defaultLogFiles = 3;
/** Those that keep files and can be told how many. The first never throws anything away by itself. */
const rotatingDrivers: readonly string[] = ['json-file', 'local'];

function toLogConfig(
  logging: EngineLogging | undefined,
  engineDriver: string | undefined,
): Dockerode.HostConfig['LogConfig'] {
  const { driver, maxSizeBytes, maxFiles, options = {} } = logging ?? {};
  const Type = driver ?? engineDriver;
  if (Type === undefined || Type === '') return undefined;
  const isTold = maxSizeBytes !== undefined || maxFiles !== undefined || rotatingDrivers.includes(Type);
  if (logging === undefined && !isTold) return undefined;
  const size = {
    'max-size': String(maxSizeBytes ?? defaultLogBytes),
    'max-file': String(maxFiles ?? defaultLogFiles),
  };
  return { Type, Config: { ...(isTold && size), ...options } };
}

/**
 * No process limit takes one away. No memory or CPU limit leaves one as it is: the engine reads 0 as "unchanged" and
 * refuses less, so only a new container is without it.
 */
export function toEngineUpdate({ limits, restart }: ContainerUpdate): object {
  return { ...toLimits(limits), PidsLimit: limits.pids ?? 0, RestartPolicy: toRestartPolicy(restart) };
}

export function toEndpoint({ address, aliases }: NetworkAttachment): Dockerode.EndpointSettings {
  return {
    Aliases: [...aliases],
    ...optional('IPAMConfig', address === undefined ? undefined : { IPv4Address: address }),
  };
}

export function toEngineNetwork(network: NetworkCreation): Dockerode.NetworkCreateOptions {
  return {
    Name: network.name,
    Driver: 'bridge',
    // Engines before API 1.44 make a second network of the same name unless told not to; later ones never do.
    CheckDuplicate: true,
    IPAM: {
      Driver: 'default',
      Config: [{ Subnet: network.subnet, Gateway: network.gateway, IPRange: network.dynamicRange }],
    },
    Labels: { ...network.labels },
  };
}

/** Swap is limited together with memory: else a container may take as much again from the disk. */
function toLimits({ memoryBytes, cpus, cpuShares, pids }: EngineLimits): Dockerode.HostConfig {
  return {
    ...(memoryBytes !== undefined && { Memory: memoryBytes, MemorySwap: memoryBytes }),
    ...(cpus !== undefined && { NanoCpus: Math.round(cpus * 1e9) }),
    ...(cpuShares !== undefined && { CpuShares: cpuShares }),
    ...(pids !== undefined && { PidsLimit: pids }),
  };
}

function toRestartPolicy(restart: ContainerCreation['restart']): Dockerode.HostRestartPolicy {
  return { Name: restart, MaximumRetryCount: 0 };
}

function toPortBindings(
  ports: readonly PublishedPort[],
  isPodman: boolean,
): Record<string, { HostIp: string; HostPort: string }[]> {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { host, port, containerPort } of ports) {
    // Podman with netavark 1.4 answers at 0.0.0.0 literally, so to nobody. Docker would add IPv6 where no address is given.
    const HostIp = isPodman && host === '0.0.0.0' ? '' : host;
    const binding = { HostIp, HostPort: port === 0 ? '' : String(port) };
    (bindings[`${containerPort}/tcp`] ??= []).push(binding);
  }
  return bindings;
}

/** Always as `Mounts`: with the older `Binds` the engine makes a missing source itself, as an empty folder of root's. */
function toMount(mount: EngineMount): Dockerode.MountSettings {
  switch (mount.type) {
    case 'bind':
      return { Type: 'bind', Source: mount.source, Target: mount.target, ReadOnly: mount.readOnly };
    case 'volume': {
      const { name = '', target, readOnly, labels } = mount;
      const options = labels && ({ Labels: { ...labels } } as Dockerode.MountSettings['VolumeOptions']);
      return {
        Type: 'volume',
        Source: name,
        Target: target,
        ReadOnly: readOnly,
        ...optional('VolumeOptions', options),
      };
    }
    case 'tmpfs': {
      const { sizeBytes, mode } = mount;
      const options = { ...optional('SizeBytes', sizeBytes), ...optional('Mode', mode) };
      return { Type: 'tmpfs', Source: '', Target: mount.target, TmpfsOptions: options as never };
    }
  }
}

/** Longest time between two looks at a container that starts: what is ready is not kept waiting for its next turn. */
const startIntervalMs = 1000;

function toHealthcheck(check: EngineHealthcheck): Dockerode.HealthConfig {
  if (check.command.length === 0) return { Test: ['NONE'] };
  return {
    Test: ['CMD', ...check.command],
    Interval: check.intervalMs * nanosecondsPerMillisecond,
    Timeout: check.timeoutMs * nanosecondsPerMillisecond,
    StartPeriod: check.startPeriodMs * nanosecondsPerMillisecond,
    // From API 1.44 on, the engine would look every five seconds while it starts; an older one leaves this out.
    // https://docs.docker.com/reference/dockerfile/#healthcheck
    ...{ StartInterval: Math.min(check.intervalMs, startIntervalMs) * nanosecondsPerMillisecond },
    Retries: check.retries,
  };
}

/** The engine counts graces in whole seconds; a started one counts whole, so that nobody is killed early. */
export function toSeconds(milliseconds: number): number {
  return Math.ceil(milliseconds / 1000);
}

/** Whether an API version, as `1.51`, is another or a later one. */
export function isAtLeast(version: string, other: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [otherMajor = 0, otherMinor = 0] = other.split('.').map(Number);
  return major > otherMajor || (major === otherMajor && minor >= otherMinor);
}

function optional<K extends string, V>(key: K, value: V | undefined): Partial<Record<K, V>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, V>);
}
