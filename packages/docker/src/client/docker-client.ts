import type { BuildStepsSpec, ContainerState } from '@plumbstack/core';

/**
 * The port between this package and an engine, in our own types. `DockerReader` cannot change anything, so whoever is
 * given one cannot either. Every call ends: by its answer, its signal, or its deadline (`ENGINE_UNREACHABLE`).
 */
export interface DockerClient extends DockerReader, DockerWriter {
  /** Closes idle connections, so that a program can end. */
  close(): void;
  /** The same engine through connections and clocks that keep no program from ending. Its owner closes it. */
  inBackground(): DockerClient;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface ListVolumesOptions extends CallOptions {
  /** Only those that no container has, running or not. @default false */
  readonly unused?: boolean;
}

export interface DockerReader {
  info(options?: CallOptions): Promise<EngineInfo>;
  /** What the engine's own clock says: nanoseconds since 1970, as text. */
  clock(options?: CallOptions): Promise<string>;
  /** Containers in any state that carry the label, or `label=value`; all containers without one. */
  listContainers(label: string | undefined, options?: CallOptions): Promise<readonly ContainerSummary[]>;
  /** Nothing where there is no such container; by id or name. */
  inspectContainer(id: string, options?: CallOptions): Promise<ContainerDetails | undefined>;
  /** All networks, of any owner: their subnets must not overlap ours. */
  listNetworks(options?: CallOptions): Promise<readonly NetworkSummary[]>;
  /**
   * Networks that the engine's machine reaches itself, as a LAN or a VPN, beside the engine's own: a network of a stack over one
   * would take the way there. Nothing where that cannot be seen from here: the engine runs on another machine.
   */
  machineSubnets(options?: CallOptions): Promise<readonly string[] | undefined>;
  /** Whether a path of this machine is surely the same path of the engine's: it has no other files than we have. */
  sharesFiles(options?: CallOptions): Promise<boolean>;
  listVolumes(label: string, options?: ListVolumesOptions): Promise<readonly VolumeSummary[]>;
  /** Whoever's volume of that name; nothing where there is none. */
  inspectVolume(name: string, options?: CallOptions): Promise<VolumeSummary | undefined>;
  /** By reference or id; nothing where the engine does not have it. */
  inspectImage(reference: string, options?: CallOptions): Promise<ImageDetails | undefined>;
  listImages(label: string, options?: CallOptions): Promise<readonly ImageSummary[]>;
  /**
   * Regular files at or below a path in a container, running or not, by path relative to `path`'s folder; nothing where
   * the path or the container does not exist.
   */
  readFiles(
    container: string,
    path: string,
    options?: CallOptions,
  ): Promise<ReadonlyMap<string, Buffer> | undefined>;
  /** A tar stream of what is at a path in a container, running or not; a path that ends in `/.` leaves out the folder's name. */
  readArchive(container: string, path: string, options?: CallOptions): AsyncIterable<Uint8Array>;
  logs(container: string, options?: EngineLogOptions): AsyncIterable<EngineLogLine>;
  /**
   * What happens on the engine to objects with the label, to all of them without one, until the signal aborts. Ends or
   * throws when the feed does.
   */
  events(label: string | undefined, options?: EventsOptions): AsyncIterable<EngineEvent>;
}

export interface DockerWriter {
  /** Resolves to the network's id. */
  createNetwork(network: NetworkCreation, options?: CallOptions): Promise<string>;
  /** Nothing happens where there is none. */
  removeNetwork(id: string, options?: CallOptions): Promise<void>;
  /** Connecting what is connected is no error. */
  connectNetwork(
    network: string,
    container: string,
    attachment: NetworkAttachment,
    options?: CallOptions,
  ): Promise<void>;
  /** Takes a container off a network, running or not. Nothing happens where it is not in it, or either is gone. */
  disconnectNetwork(network: string, container: string, options?: CallOptions): Promise<void>;
  createVolume(volume: VolumeCreation, options?: CallOptions): Promise<void>;
  removeVolume(name: string, options?: CallOptions): Promise<void>;
  /** Resolves to the container's id. A taken name is `ENGINE_FAILED` with `details.status` 409. */
  createContainer(container: ContainerCreation, options?: CallOptions): Promise<string>;
  /** Starting what runs is no error. A taken host port is `PORT_IN_USE`. */
  startContainer(id: string, options?: CallOptions): Promise<void>;
  /** Sends the stop signal, then SIGKILL after the grace. Stopping what is stopped or gone is no error. */
  stopContainer(id: string, graceMs: number, options?: CallOptions): Promise<void>;
  /** Sends a signal. To a container that does not run: `ENGINE_FAILED` with `details.status` 409. */
  signalContainer(id: string, signal: string, options?: CallOptions): Promise<void>;
  restartContainer(id: string, graceMs: number, options?: CallOptions): Promise<void>;
  unpauseContainer(id: string, options?: CallOptions): Promise<void>;
  /** Removes it running or not, with its anonymous volumes. Removing what is gone is no error. */
  removeContainer(id: string, options?: CallOptions): Promise<void>;
  renameContainer(id: string, name: string, options?: CallOptions): Promise<void>;
  /**
   * Changes limits and restart policy of a container that keeps running. A memory or CPU limit can be changed, but not taken
   * away: one that is left out stays.
   */
  updateContainer(id: string, update: ContainerUpdate, options?: CallOptions): Promise<void>;
  /** Puts files below an existing folder of a container, running or not. */
  putFiles(
    container: string,
    folder: string,
    files: readonly PutFile[],
    options?: CallOptions,
  ): Promise<void>;
  /**
   * Runs a command in a running container to its end. Rejects with `TIMEOUT` when it takes longer than `timeoutMs`; the
   * command itself goes on then, and after an abort: an engine cannot end it.
   */
  exec(container: string, command: readonly string[], options?: ExecOptions): Promise<EngineExecResult>;
  /**
   * Lines of a command's output for as long as they are read. The command's input ends when the reader stops, its signal
   * aborts or this process dies, however it dies: a command that reads its input need never outlive its reader.
   */
  execLines(container: string, command: readonly string[], options?: CallOptions): AsyncIterable<string>;
  /** Unpacks a tar stream, compressed or not, into a folder of a container, running or not. */
  putArchive(
    container: string,
    folder: string,
    source: AsyncIterable<Uint8Array>,
    options?: CallOptions,
  ): Promise<void>;
  /** Rejects with `IMAGE_PULL_FAILED`. */
  pullImage(reference: string, options?: PullImageOptions): Promise<void>;
  /** Packs, sends and builds; resolves to the image's id. Rejects with `IMAGE_BUILD_FAILED`, its step and last lines. */
  buildImage(build: ImageBuild, options?: BuildImageOptions): Promise<string>;
  /** Gives an image a further name. Giving it the one that it has notes the time. */
  tagImage(image: string, reference: string, options?: CallOptions): Promise<void>;
  /** Takes that name off an image; one without a name is removed. Rejects with status 409 where a container has it. */
  removeImage(reference: string, options?: CallOptions): Promise<void>;
  /** Makes an image without content, so that containers that never run can be created. */
  importEmptyImage(reference: string, options?: CallOptions): Promise<void>;
}

export interface EngineInfo {
  readonly version: string;
  readonly apiVersion: string;
  readonly platform: string;
  readonly isPodman: boolean;
  /** Where published ports are reached from this machine: `127.0.0.1` for a local engine, else the engine's host. */
  readonly host: string;
  /** What this client is connected to, as `unix:///var/run/docker.sock`. */
  readonly address: string;
  /** Variables that tell programs in containers which proxies lead out, from Docker's own configuration. @default none */
  readonly proxies?: Readonly<Record<string, string>>;
}

export interface ContainerSummary {
  readonly id: string;
  /** Without the leading slash. */
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly state: ContainerState;
  /** What the engine's own check says, the image's too; `unknown` where there is none. @default 'unknown' */
  readonly health?: 'healthy' | 'unhealthy' | 'starting' | 'unknown';
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
  /** Networks by name. */
  readonly networks: Readonly<Record<string, ContainerNetwork>>;
  readonly ports: readonly PublishedPort[];
}

export interface ContainerNetwork {
  /** Unset where the engine tells no more than the name, as Podman. */
  readonly networkId?: string;
  /** While it runs. */
  readonly address?: string;
  /** The one that was asked for, also while it does not run. */
  readonly fixedAddress?: string;
}

export interface PublishedPort {
  readonly host: string;
  readonly port: number;
  readonly containerPort: number;
}

export interface ContainerDetails extends ContainerSummary {
  readonly running: boolean;
  readonly health: 'healthy' | 'unhealthy' | 'starting' | 'unknown';
  /** Output of the last health checks, newest last. */
  readonly healthOutput: readonly string[];
  readonly exitCode: number;
  readonly oomKilled: boolean;
  readonly error: string;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly restartCount: number;
  readonly pid: number;
  /** `user:group` or either alone, as configured; empty for root. */
  readonly user: string;
  /** Ports as asked for, also while it does not run. */
  readonly portBindings: readonly PublishedPort[];
  /** What can be changed while it runs, as it is now. */
  readonly settings: ContainerUpdate;
}

export interface NetworkSummary {
  readonly id: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly subnets: readonly string[];
}

export interface VolumeSummary {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ImageSummary {
  readonly id: string;
  readonly tags: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: Date;
}

export interface ImageDetails extends ImageSummary {
  readonly user: string;
  readonly hasHealthcheck: boolean;
  /** What its containers run where nothing else is said; empty where it says nothing. */
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly stopSignal?: string;
  /** When a name was given to it last, by a build or {@link DockerWriter.tagImage}; a pull alone is none. */
  readonly taggedAt?: Date;
}

export interface NetworkCreation {
  readonly name: string;
  readonly subnet: string;
  readonly gateway: string;
  /** Where the engine takes addresses for containers that ask for none. */
  readonly dynamicRange: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface NetworkAttachment {
  readonly address?: string;
  readonly aliases: readonly string[];
}

export interface VolumeCreation {
  readonly name: string;
  readonly driver?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/** A container as the engine takes it. Compared and hashed as data: every field is plain and in a fixed order. */
export interface ContainerCreation {
  readonly name: string;
  /** Image id or reference. */
  readonly image: string;
  /** What `docker ps` is to call the image: used where that name means this very image. @default its id */
  readonly imageName?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly workingDir?: string;
  readonly hostname?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly stopSignal?: string;
  readonly stopGraceMs?: number;
  readonly healthcheck?: EngineHealthcheck;
  readonly mounts: readonly EngineMount[];
  readonly ports: readonly PublishedPort[];
  readonly restart: 'always' | 'unless-stopped' | 'on-failure' | 'no';
  readonly init: boolean;
  readonly readOnlyRoot: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly securityOptions: readonly string[];
  readonly extraHosts: Readonly<Record<string, string>>;
  readonly limits: EngineLimits;
  /** What is left out of it is three files of 10 MiB each, where the engine's driver is one that can be told so. @default all of that */
  readonly logging?: EngineLogging;
  /** By network name. */
  readonly networks: Readonly<Record<string, NetworkAttachment>>;
}

export interface EngineLogging {
  /** @default the engine's own */
  readonly driver?: string;
  readonly maxSizeBytes?: number;
  readonly maxFiles?: number;
  /** Further options of the driver. */
  readonly options?: Readonly<Record<string, string>>;
}

export interface EngineHealthcheck {
  /** Empty: no health check, also where the image has one. */
  readonly command: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  readonly startPeriodMs: number;
  readonly retries: number;
}

export type EngineMount =
  | { readonly type: 'bind'; readonly source: string; readonly target: string; readonly readOnly: boolean }
  | {
      readonly type: 'volume';
      /** Unset: an anonymous volume that goes with its container. */
      readonly name?: string;
      readonly target: string;
      readonly readOnly: boolean;
      /** Of an anonymous volume. @default none */
      readonly labels?: Readonly<Record<string, string>>;
    }
  | { readonly type: 'tmpfs'; readonly target: string; readonly sizeBytes?: number; readonly mode?: number };

export interface EngineLimits {
  readonly memoryBytes?: number;
  readonly cpus?: number;
  /** Part of the processors while others want them too, beside 1024 of each other container. @default 1024 */
  readonly cpuShares?: number;
  readonly pids?: number;
}

export interface ContainerUpdate {
  readonly limits: EngineLimits;
  readonly restart: ContainerCreation['restart'];
}

export interface PutFile {
  /** Relative to the folder. Folders on the way are made. */
  readonly path: string;
  /** A folder without content, for its mode and owner. @default a file */
  readonly type?: 'file' | 'folder';
  readonly content: string | Buffer;
  /** Permission bits. */
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface ExecOptions extends CallOptions {
  readonly user?: string;
  readonly stdin?: string | Buffer;
  /** How long the command may take. @default the client's own deadline for calls */
  readonly timeoutMs?: number;
  /** Asked when the engine has the command and before it starts it; it never runs where this rejects. */
  readonly mayStart?: () => Promise<void>;
}

export interface EngineExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A moment: as a date, or as text, nanoseconds since 1970: more than a date holds. */
export type Moment = Date | string;

export interface EngineLogOptions extends CallOptions {
  /** Lines of that moment too. */
  readonly since?: Moment;
  readonly tail?: number;
  readonly follow?: boolean;
}

export interface EngineLogLine {
  readonly stream: 'stdout' | 'stderr';
  /** RFC 3339 with nanoseconds, as the engine gives it. */
  readonly at: string;
  readonly text: string;
}

export interface EventsOptions extends CallOptions {
  /** Events of that moment too. An engine remembers its last 256 of all kinds. */
  readonly since?: Moment;
  /** Called when the engine has accepted the request. */
  readonly onOpen?: () => void;
}

export interface EngineEvent {
  readonly type: 'container' | 'network' | 'volume' | 'image' | 'daemon' | string;
  /** As `start`, `die`, `oom`, `health_status: healthy`. */
  readonly action: string;
  readonly id: string;
  /** Labels of the object and facts of the event, as `exitCode`. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Nanoseconds since 1970, as text: more than a number holds. */
  readonly timeNano: string;
}

export interface ImageProgress {
  /** Layer or step concerned. */
  readonly id?: string;
  readonly status: string;
  readonly current?: number;
  readonly total?: number;
}

export interface PullImageOptions extends CallOptions {
  readonly onProgress?: (progress: ImageProgress) => void;
}

export interface ImageBuild {
  /** Absolute path; none for a Dockerfile that copies nothing. */
  readonly context?: string;
  readonly dockerfile: string;
  readonly inline?: string;
  /** Text behind the Dockerfile's. */
  readonly steps?: BuildStepsSpec;
  readonly args: Readonly<Record<string, string>>;
  readonly target?: string;
  readonly platform?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly tag: string;
  readonly cacheFrom?: readonly string[];
  /** Absolute paths of further folders, by name. */
  readonly contexts?: Readonly<Record<string, string>>;
  readonly secrets?: readonly BuildSecretValue[];
  readonly ssh?: boolean;
  /** @default BuildKit where the build needs it, else the classic one */
  readonly builder?: 'classic' | 'buildkit';
}

export interface BuildSecretValue {
  readonly id: string;
  readonly value: Buffer;
}

export interface BuildImageOptions extends CallOptions {
  readonly onProgress?: (progress: ImageProgress) => void;
}
