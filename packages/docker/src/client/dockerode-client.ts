import type {
  BuildImageOptions,
  CallOptions,
  ListVolumesOptions,
  ContainerCreation,
  ContainerDetails,
  ContainerSummary,
  ContainerUpdate,
  DockerClient,
  EngineEvent,
  EngineExecResult,
  EngineInfo,
  EngineLogLine,
  EngineLogOptions,
  EventsOptions,
  ExecOptions,
  ImageBuild,
  ImageDetails,
  ImageSummary,
  NetworkAttachment,
  NetworkCreation,
  NetworkSummary,
  PullImageOptions,
  PutFile,
  VolumeCreation,
  VolumeSummary,
} from './docker-client.js';
import { buildImage } from './build-image.js';
import { Containers } from './containers.js';
import { Engine, type EngineOptions } from './engine.js';
import { engineSharesFiles, readEngineClock, readEngineInfo } from './engine-info.js';
import { thisMachine, type Environment } from './environment.js';
import { exec, execLines } from './exec.js';
import { Images } from './images.js';
import { machineSubnets } from './machine-subnets.js';
import { NetworksAndVolumes } from './networks-and-volumes.js';
import { pullImage } from './pull-image.js';
import type { RegistryCredentials } from './registry-credentials.js';
import { readEvents, readLogs } from './streams.js';
import { toEndpoint, type Dialect } from './to-engine.js';

export interface DockerodeClientOptions extends EngineOptions, Dialect {
  /** Version of the API that is spoken, as `1.51`: see `connect`. */
  readonly apiVersion: string;
  readonly credentials: RegistryCredentials;
  /** What `docker buildx` runs in. @default the machine this process runs on */
  readonly environment?: Environment;
}

/** The port's one implementation, on dockerode. Made by `connect`. */
export class DockerodeClient implements DockerClient {
  readonly #options: DockerodeClientOptions;
  readonly #engine: Engine;
  readonly #credentials: RegistryCredentials;
  readonly #environment: Environment;
  readonly #containers: Containers;
  readonly #images: Images;
  readonly #others: NetworksAndVolumes;

  constructor(options: DockerodeClientOptions) {
    this.#options = options;
    this.#engine = new Engine(options);
    this.#credentials = options.credentials;
    this.#environment = options.environment ?? thisMachine();
    this.#containers = new Containers(this.#engine, options);
    this.#images = new Images(this.#engine);
    this.#others = new NetworksAndVolumes(this.#engine);
  }

  close(): void {
    this.#engine.close();
  }

  inBackground(): DockerClient {
    return new DockerodeClient({ ...this.#options, background: true });
  }

  clock(options: CallOptions = {}): Promise<string> {
    return readEngineClock(this.#engine, options);
  }

  sharesFiles(options: CallOptions = {}): Promise<boolean> {
    return engineSharesFiles(this.#engine, options);
  }

  info(options: CallOptions = {}): Promise<EngineInfo> {
    return readEngineInfo(this.#engine, this.#environment, options);
  }

  listContainers(label: string | undefined, options: CallOptions = {}): Promise<readonly ContainerSummary[]> {
    return this.#containers.list(label, options);
  }
  inspectContainer(id: string, options: CallOptions = {}): Promise<ContainerDetails | undefined> {
    return this.#containers.inspect(id, options);
  }
  createContainer(container: ContainerCreation, options: CallOptions = {}): Promise<string> {
    return this.#containers.create(container, options);
  }
  startContainer(id: string, options: CallOptions = {}): Promise<void> {
    return this.#containers.start(id, options);
  }
  stopContainer(id: string, graceMs: number, options: CallOptions = {}): Promise<void> {
    return this.#containers.stop(id, graceMs, options);
  }
  signalContainer(id: string, signal: string, options: CallOptions = {}): Promise<void> {
    return this.#containers.signal(id, signal, options);
  }
  restartContainer(id: string, graceMs: number, options: CallOptions = {}): Promise<void> {
    return this.#containers.restart(id, graceMs, options);
  }
  unpauseContainer(id: string, options: CallOptions = {}): Promise<void> {
    return this.#containers.unpause(id, options);
  }
  removeContainer(id: string, options: CallOptions = {}): Promise<void> {
    return this.#containers.remove(id, options);
  }
  renameContainer(id: string, name: string, options: CallOptions = {}): Promise<void> {
    return this.#containers.rename(id, name, options);
  }
  updateContainer(id: string, update: ContainerUpdate, options: CallOptions = {}): Promise<void> {
    return this.#containers.update(id, update, options);
  }
  putFiles(id: string, folder: string, files: readonly PutFile[], options: CallOptions = {}): Promise<void> {
    return this.#containers.putFiles(id, folder, files, options);
  }
  readArchive(id: string, path: string, options: CallOptions = {}): AsyncIterable<Uint8Array> {
    return this.#containers.readArchive(id, path, options);
  }
  putArchive(
    id: string,
    folder: string,
    source: AsyncIterable<Uint8Array>,
    options: CallOptions = {},
  ): Promise<void> {
    return this.#containers.putArchive(id, folder, source, options);
  }
  readFiles(
    id: string,
    path: string,
    options: CallOptions = {},
  ): Promise<ReadonlyMap<string, Buffer> | undefined> {
    return this.#containers.readFiles(id, path, options);
  }
  exec(id: string, command: readonly string[], options: ExecOptions = {}): Promise<EngineExecResult> {
    return exec(this.#engine, id, command, options);
  }
  execLines(id: string, command: readonly string[], options: CallOptions = {}): AsyncIterable<string> {
    return execLines(this.#engine, id, command, options);
  }
  logs(id: string, options: EngineLogOptions = {}): AsyncIterable<EngineLogLine> {
    return readLogs(this.#engine, id, options);
  }
  events(label: string | undefined, options: EventsOptions = {}): AsyncIterable<EngineEvent> {
    return readEvents(this.#engine, label, options);
  }

  listNetworks(options: CallOptions = {}): Promise<readonly NetworkSummary[]> {
    return this.#others.listNetworks(options);
  }
  createNetwork(network: NetworkCreation, options: CallOptions = {}): Promise<string> {
    return this.#others.createNetwork(network, options);
  }
  removeNetwork(id: string, options: CallOptions = {}): Promise<void> {
    return this.#others.removeNetwork(id, options);
  }
  connectNetwork(
    network: string,
    id: string,
    to: NetworkAttachment,
    options: CallOptions = {},
  ): Promise<void> {
    return this.#containers.connect(network, id, toEndpoint(to), options);
  }
  disconnectNetwork(network: string, id: string, options: CallOptions = {}): Promise<void> {
    return this.#containers.disconnect(network, id, options);
  }
  async machineSubnets(): Promise<readonly string[] | undefined> {
    return this.#engine.address.type === 'socket' ? machineSubnets() : undefined;
  }

  listVolumes(label: string, options: ListVolumesOptions = {}): Promise<readonly VolumeSummary[]> {
    return this.#others.listVolumes(label, options);
  }
  inspectVolume(name: string, options: CallOptions = {}): Promise<VolumeSummary | undefined> {
    return this.#others.inspectVolume(name, options);
  }
  createVolume(volume: VolumeCreation, options: CallOptions = {}): Promise<void> {
    return this.#others.createVolume(volume, options);
  }
  removeVolume(name: string, options: CallOptions = {}): Promise<void> {
    return this.#others.removeVolume(name, options);
  }

  inspectImage(reference: string, options: CallOptions = {}): Promise<ImageDetails | undefined> {
    return this.#images.inspect(reference, options);
  }
  listImages(label: string, options: CallOptions = {}): Promise<readonly ImageSummary[]> {
    return this.#images.list(label, options);
  }
  tagImage(image: string, reference: string, options: CallOptions = {}): Promise<void> {
    return this.#images.tag(image, reference, options);
  }
  removeImage(reference: string, options: CallOptions = {}): Promise<void> {
    return this.#images.remove(reference, options);
  }
  importEmptyImage(reference: string, options: CallOptions = {}): Promise<void> {
    return this.#images.importEmpty(reference, options);
  }
  pullImage(reference: string, options: PullImageOptions = {}): Promise<void> {
    return pullImage(this.#engine, this.#credentials, reference, options);
  }
  buildImage(build: ImageBuild, options: BuildImageOptions = {}): Promise<string> {
    const builder = {
      engine: this.#engine,
      credentials: this.#credentials,
      environment: this.#environment,
    };
    return buildImage(builder, build, options);
  }
}
