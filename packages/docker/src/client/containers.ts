import { Readable } from 'node:stream';
import type {
  CallOptions,
  ContainerCreation,
  ContainerDetails,
  ContainerSummary,
  ContainerUpdate,
  PutFile,
} from './docker-client.js';
import { packFiles, unpackFiles } from './config-archive.js';
import { engineStatus, isConnectedAlready, isNotConnected, isRemovalInProgress } from './docker-failure.js';
import type { Engine } from './engine.js';
import { toContainerDetails, toContainerSummary } from './from-engine.js';
import { unlessGone, unlessUnchanged } from './gone.js';
import { toEndpoint, toEngineContainer, toEngineUpdate, toSeconds, type Dialect } from './to-engine.js';

const maxReadBytes = 64 * 1024 * 1024;

/** The calls about containers, but for their output and what runs in them. */
export class Containers {
  readonly #engine: Engine;
  readonly #dialect: Dialect;
  #driver: string | undefined;

  constructor(engine: Engine, dialect: Dialect) {
    this.#engine = engine;
    this.#dialect = dialect;
  }

  async list(label: string | undefined, options: CallOptions): Promise<readonly ContainerSummary[]> {
    const filters = label === undefined ? {} : { label: [label] };
    return this.#engine.call('list containers', options, async (docker) => {
      return (await docker.listContainers({ all: true, filters })).map(toContainerSummary);
    });
  }

  async inspect(id: string, options: CallOptions): Promise<ContainerDetails | undefined> {
    const found = this.#engine.call(`inspect container ${id}`, options, async (docker) => {
      return toContainerDetails(await docker.getContainer(part(id)).inspect());
    });
    return unlessGone(found);
  }

  /**
   * The engine shows for ever what the image was called at the creation, so it is called by its name; where the name means
   * another image by now, by its id.
   */
  async create(container: ContainerCreation, options: CallOptions): Promise<string> {
    const { image, imageName = image } = container;
    if (imageName === image) return this.#create(container, options);
    const named = await this.#create({ ...container, image: imageName }, options).catch((error: unknown) => {
      if (engineStatus(error) !== 404) throw error;
      return undefined;
    });
    if (named !== undefined) {
      try {
        if ((await this.inspect(named, options))?.imageId === image) return named;
      } catch (error) {
        await this.remove(named, {});
        throw error;
      }
      await this.remove(named, options);
    }
    return this.#create(container, options);
  }

  /** What keeps the output of containers where nothing is said of it. Podman's drivers are left to it. */
  async #defaultDriver(options: CallOptions): Promise<string | undefined> {
    if (this.#dialect.isPodman === true) return undefined;
    this.#driver ??= await this.#engine.call('ask the logging driver', options, async (docker) => {
      const { LoggingDriver = '' } = (await docker.info()) as { readonly LoggingDriver?: string };
      return LoggingDriver;
    });
    return this.#driver;
  }

  /** Where an engine takes one network only and the connection to another fails, the container is removed again. */
  async #create(container: ContainerCreation, options: CallOptions): Promise<string> {
    const loggingDriver = await this.#defaultDriver(options);
    const { name, body, later } = toEngineContainer(container, {
      ...this.#dialect,
      ...(loggingDriver !== undefined && { loggingDriver }),
    });
    // Apart from each other: dockerode would else put the body into the URL, too, its environment included.
    const request = { _query: { name }, _body: body } as object;
    const id = await this.#engine.call(`create container ${name}`, options, async (docker) => {
      return (await docker.createContainer(request)).id;
    });
    try {
      for (const [network, attachment] of later)
        await this.connect(network, id, toEndpoint(attachment), options);
    } catch (error) {
      await this.remove(id, {});
      throw error;
    }
    return id;
  }

  async connect(network: string, container: string, endpoint: object, options: CallOptions): Promise<void> {
    const connect = this.#engine.call(`connect ${container} to network ${network}`, options, (docker) =>
      docker.getNetwork(part(network)).connect({ Container: container, EndpointConfig: endpoint }),
    );
    await connect.catch((error: unknown) => {
      if (!isConnectedAlready(error)) throw error;
    });
  }

  async disconnect(network: string, container: string, options: CallOptions): Promise<void> {
    const disconnect = this.#engine.call(`take ${container} off network ${network}`, options, (docker) =>
      docker.getNetwork(part(network)).disconnect({ Container: container }),
    );
    await unlessGone(disconnect).catch((error: unknown) => {
      if (!isNotConnected(error)) throw error;
    });
  }

  async start(id: string, options: CallOptions): Promise<void> {
    const start = this.#engine.call(`start container ${id}`, options, (docker) =>
      docker.getContainer(part(id)).start(),
    );
    await unlessUnchanged(start);
  }

  async stop(id: string, graceMs: number, options: CallOptions): Promise<void> {
    const deadlineMs = graceMs + this.#engine.callTimeoutMs;
    const stop = this.#engine.call(`stop container ${id}`, { ...options, deadlineMs }, (docker) =>
      docker.getContainer(part(id)).stop({ t: toSeconds(graceMs) }),
    );
    await unlessGone(unlessUnchanged(stop));
  }

  async restart(id: string, graceMs: number, options: CallOptions): Promise<void> {
    const deadlineMs = graceMs + this.#engine.callTimeoutMs;
    await this.#engine.call(`restart container ${id}`, { ...options, deadlineMs }, (docker) =>
      docker.getContainer(part(id)).restart({ t: toSeconds(graceMs) }),
    );
  }

  async signal(id: string, signal: string, options: CallOptions): Promise<void> {
    await this.#engine.call(`send ${signal} to container ${id}`, options, (docker) =>
      docker.getContainer(part(id)).kill({ signal }),
    );
  }

  async unpause(id: string, options: CallOptions): Promise<void> {
    await this.#engine.call(`unpause container ${id}`, options, (docker) =>
      docker.getContainer(part(id)).unpause(),
    );
  }

  async remove(id: string, options: CallOptions): Promise<void> {
    const name = `remove container ${id}`;
    const removal = this.#engine.call(name, options, (docker) =>
      docker.getContainer(part(id)).remove({ force: true, v: true }),
    );
    const end = removal.catch(async (error: unknown) => {
      if (!isRemovalInProgress(error)) throw error;
      await this.#engine.call(name, options, (docker) =>
        docker.getContainer(part(id)).wait({ condition: 'removed' }),
      );
    });
    await unlessGone(end);
  }

  async rename(id: string, name: string, options: CallOptions): Promise<void> {
    await this.#engine.call(`rename container ${id} to ${name}`, options, (docker) =>
      docker.getContainer(part(id)).rename({ name }),
    );
  }

  async update(id: string, update: ContainerUpdate, options: CallOptions): Promise<void> {
    await this.#engine.call(`update container ${id}`, options, (docker) =>
      docker.getContainer(part(id)).update(toEngineUpdate(update)),
    );
  }

  async putFiles(id: string, folder: string, files: readonly PutFile[], options: CallOptions): Promise<void> {
    const archive = packFiles(files);
    try {
      await this.#engine.call(`put files into container ${id} at ${folder}`, options, (docker, deadline) => {
        // However large they are: an engine that goes on taking them is not one that is silent.
        const source = Readable.from(
          restarting(archive, () => deadline.restart()),
          { objectMode: false },
        );
        // Else the engine makes a file of a whole folder that is in the way, and says nothing.
        const query = { path: folder, noOverwriteDirNonDir: 'true' };
        return docker.getContainer(part(id)).putArchive(source, query);
      });
    } finally {
      archive.destroy();
    }
  }

  readArchive(id: string, path: string, options: CallOptions): AsyncIterable<Uint8Array> {
    return this.#engine.chunks(
      `read ${path} of container ${id}`,
      { ...options, silenceMs: this.#engine.callTimeoutMs },
      (docker) => docker.getContainer(part(id)).getArchive({ path }),
    );
  }

  /** The engine is given its full time again with each chunk. A source that fails ends the call with its own error. */
  async putArchive(
    id: string,
    folder: string,
    source: AsyncIterable<Uint8Array>,
    { signal }: CallOptions,
  ): Promise<void> {
    const broken = new AbortController();
    const signals = signal === undefined ? [broken.signal] : [signal, broken.signal];
    let archive: Readable | undefined;
    try {
      await this.#engine.call(
        `unpack an archive into container ${id} at ${folder}`,
        { signal: AbortSignal.any(signals) },
        (docker, deadline) => {
          archive = Readable.from(
            restarting(source, () => deadline.restart()),
            { objectMode: false },
          );
          archive.once('error', (error) => broken.abort(error));
          return docker.getContainer(part(id)).putArchive(archive, { path: folder });
        },
      );
    } finally {
      archive?.destroy();
    }
  }

  async readFiles(
    id: string,
    path: string,
    options: CallOptions,
  ): Promise<ReadonlyMap<string, Buffer> | undefined> {
    const archive = this.#engine.chunks(
      `read ${path} of container ${id}`,
      { ...options, silenceMs: this.#engine.callTimeoutMs },
      (docker) => docker.getContainer(part(id)).getArchive({ path }),
    );
    return unlessGone(unpackFiles(archive, maxReadBytes));
  }
}

async function* restarting(
  source: AsyncIterable<Uint8Array>,
  restart: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of source) {
    restart();
    yield chunk;
  }
}

/** An id or a name as one piece of a URL's path: dockerode puts it there as it is. */
export function part(id: string): string {
  return encodeURIComponent(id);
}
