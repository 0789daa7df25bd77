import type { ContainerState } from '@plumbstack/core';
import type Dockerode from 'dockerode';
import type {
  ContainerDetails,
  ContainerSummary,
  ContainerUpdate,
  EngineEvent,
  ImageDetails,
  ImageSummary,
  NetworkSummary,
  PublishedPort,
  VolumeSummary,
} from './docker-client.js';

/** An engine leaves out, or sends as null, much that its types promise: every list here may be missing. */
type Maybe<T> = T | null | undefined;

export function toContainerSummary(container: Dockerode.ContainerInfo): ContainerSummary {
  return {
    id: container.Id,
    name: plainName(container.Names),
    image: container.Image,
    imageId: container.ImageID,
    state: toState(container.State),
    health: healthIn(container.Status),
    labels: container.Labels ?? {},
    createdAt: new Date(container.Created * 1000).toISOString(),
    networks: toNetworks(container.NetworkSettings?.Networks),
    ports: sorted(
      (container.Ports ?? []).flatMap(({ IP, PublicPort, PrivatePort, Type }) =>
        PublicPort && Type === 'tcp'
          ? [{ host: IP ?? '0.0.0.0', port: PublicPort, containerPort: PrivatePort }]
          : [],
      ),
    ),
  };
}

export function toContainerDetails(container: Dockerode.ContainerInspectInfo): ContainerDetails {
  const { State: state, Config: config, HostConfig: host, NetworkSettings: network } = container;
  return {
    id: container.Id,
    name: plainName([container.Name]),
    image: config.Image,
    imageId: container.Image,
    state: toState(state.Status),
    labels: config.Labels ?? {},
    createdAt: container.Created,
    networks: toNetworks(network?.Networks),
    ports: toPorts(network?.Ports),
    running: state.Running,
    health: toHealth(state.Health?.Status),
    healthOutput: ((state.Health?.Log as Maybe<{ Output?: string }[]>) ?? []).map(({ Output = '' }) =>
      Output.trim(),
    ),
    exitCode: state.ExitCode,
    oomKilled: state.OOMKilled,
    error: state.Error ?? '',
    startedAt: state.StartedAt,
    finishedAt: state.FinishedAt,
    restartCount: container.RestartCount ?? 0,
    pid: state.Pid,
    user: config.User ?? '',
    portBindings: toPorts(host.PortBindings as Maybe<PortMap>),
    settings: toSettings(host),
  };
}

/** The engine says 0, null or -1 where there is no limit. */
function toSettings(host: Dockerode.HostConfig): ContainerUpdate {
  const { Memory, NanoCpus, CpuShares, PidsLimit, RestartPolicy } = host;
  const restart = RestartPolicy?.Name;
  return {
    limits: {
      ...(Memory && { memoryBytes: Memory }),
      ...(NanoCpus && { cpus: NanoCpus / 1e9 }),
      ...(CpuShares && { cpuShares: CpuShares }),
      ...(PidsLimit && PidsLimit > 0 && { pids: PidsLimit }),
    },
    restart:
      restart === 'always' || restart === 'unless-stopped' || restart === 'on-failure' ? restart : 'no',
  };
}

/** A container that others link to has names with a slash inside, too. */
function plainName(names: readonly string[]): string {
  const name = names.find((each) => each.lastIndexOf('/') <= 0) ?? names[0] ?? '';
  return name.replace(/^\//, '');
}

const states: readonly string[] = [
  'created',
  'running',
  'paused',
  'restarting',
  'exited',
  'dead',
  'removing',
];

/** Podman has states of its own before a first start and around a stop. */
function toState(state: string): ContainerState {
  if (states.includes(state)) return state as ContainerState;
  if (state === 'configured' || state === 'initialized') return 'created';
  return state === 'stopping' ? 'running' : 'exited';
}

function toHealth(status: string | undefined): ContainerDetails['health'] {
  return status === 'healthy' || status === 'unhealthy' || status === 'starting' ? status : 'unknown';
}

/** A list tells it in words for people, as `Up 2 minutes (health: starting)`. Docker 20.10 to 28.5, Podman 4, 5. */
function healthIn(status: string | undefined): ContainerDetails['health'] {
  return toHealth(/\((?:health: )?(healthy|unhealthy|starting)\)$/.exec(status ?? '')?.[1]);
}

interface EngineEndpoint {
  readonly NetworkID?: string;
  readonly IPAddress?: string;
  readonly IPAMConfig?: Maybe<{ readonly IPv4Address?: string }>;
}

function toNetworks(
  networks: Maybe<Readonly<Record<string, Maybe<EngineEndpoint>>>>,
): ContainerSummary['networks'] {
  return Object.fromEntries(
    Object.entries(networks ?? {}).map(([name, endpoint]) => [
      name,
      {
        ...(endpoint?.NetworkID && endpoint.NetworkID !== name && { networkId: endpoint.NetworkID }),
        ...(endpoint?.IPAddress && { address: endpoint.IPAddress }),
        ...(endpoint?.IPAMConfig?.IPv4Address && { fixedAddress: endpoint.IPAMConfig.IPv4Address }),
      },
    ]),
  );
}

type PortMap = Readonly<Record<string, Maybe<readonly { HostIp?: string; HostPort?: string }[]>>>;

function toPorts(ports: Maybe<PortMap>): PublishedPort[] {
  return sorted(
    Object.entries(ports ?? {}).flatMap(([key, bindings]) => {
      const [containerPort, protocol = 'tcp'] = key.split('/');
      if (protocol !== 'tcp') return [];
      return (bindings ?? []).map(({ HostIp, HostPort }) => ({
        host: HostIp || '0.0.0.0',
        port: Number(HostPort || 0),
        containerPort: Number(containerPort),
      }));
    }),
  );
}

/** An engine's maps have no order; ours has, so that two readings compare. */
function sorted(ports: readonly PublishedPort[]): PublishedPort[] {
  return [...ports].sort(
    (a, b) =>
      a.containerPort - b.containerPort ||
      a.port - b.port ||
      (a.host < b.host ? -1 : a.host > b.host ? 1 : 0),
  );
}

export function toNetworkSummary(network: Dockerode.NetworkInspectInfo): NetworkSummary {
  const configs = (network.IPAM?.Config as Maybe<{ Subnet?: string }[]>) ?? [];
  return {
    id: network.Id,
    name: network.Name,
    labels: network.Labels ?? {},
    subnets: configs.flatMap(({ Subnet }) => (Subnet ? [Subnet] : [])),
  };
}

export function toVolumeSummary(volume: {
  Name: string;
  Labels?: Maybe<Record<string, string>>;
}): VolumeSummary {
  return { name: volume.Name, labels: volume.Labels ?? {} };
}

const untagged = '<none>:<none>';

export function toImageSummary(image: Dockerode.ImageInfo): ImageSummary {
  return {
    id: image.Id,
    tags: tagsOf(image.RepoTags),
    labels: image.Labels ?? {},
    createdAt: new Date(image.Created * 1000),
  };
}

export function toImageDetails(image: Dockerode.ImageInspectInfo): ImageDetails {
  // An image of an imported archive has no configuration at all on some engines.
  const config = image.Config as Maybe<Partial<Dockerode.ImageInspectInfo['Config'] & ImageConfig>>;
  const test = config?.Healthcheck?.Test ?? [];
  return {
    id: image.Id,
    tags: tagsOf(image.RepoTags),
    labels: config?.Labels ?? {},
    createdAt: new Date(image.Created),
    user: config?.User ?? '',
    hasHealthcheck: test.length > 0 && test[0] !== 'NONE',
    entrypoint: listOf(config?.Entrypoint),
    command: listOf(config?.Cmd),
    ...(config?.StopSignal && { stopSignal: config.StopSignal }),
    ...taggedAt(image as { readonly Metadata?: Maybe<{ readonly LastTagTime?: string }> }),
  };
}

/** Dockerode's types allow a string, which engines long since turn into a list. */
function listOf(value: Maybe<string | readonly string[]>): readonly string[] {
  return typeof value === 'string' ? [value] : (value ?? []);
}

/** An image that was never tagged has Go's zero time: the year 1. */
function taggedAt({ Metadata }: { readonly Metadata?: Maybe<{ readonly LastTagTime?: string }> }): {
  readonly taggedAt?: Date;
} {
  const time = new Date(Metadata?.LastTagTime ?? '');
  return time.getTime() > 0 ? { taggedAt: time } : {};
}

interface ImageConfig {
  readonly StopSignal?: string;
  readonly Healthcheck?: { readonly Test?: Maybe<readonly string[]> };
}

function tagsOf(tags: Maybe<readonly string[]>): string[] {
  return (tags ?? []).filter((tag) => tag !== untagged);
}

interface EngineMessage {
  readonly Type?: string;
  readonly Action?: string;
  readonly Actor?: { readonly ID?: string; readonly Attributes?: Maybe<Record<string, string>> };
  readonly time?: number;
}

/** @param text the event as it came: its nanoseconds are more than a JavaScript number holds */
export function toEngineEvent(text: string): EngineEvent {
  const message = JSON.parse(text) as EngineMessage;
  const nano = /"timeNano":\s*(\d+)/.exec(text)?.[1];
  return {
    type: message.Type ?? '',
    action: message.Action ?? '',
    id: message.Actor?.ID ?? '',
    attributes: message.Actor?.Attributes ?? {},
    timeNano: nano ?? `${message.time ?? 0}000000000`,
  };
}
