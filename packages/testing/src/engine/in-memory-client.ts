import { setImmediate } from 'node:timers/promises';
import { PlumbstackError } from '@plumbstack/core';
import type {
  BuildImageOptions,
  CallOptions,
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
  ListVolumesOptions,
  NetworkAttachment,
  NetworkCreation,
  NetworkSummary,
  PullImageOptions,
  PutFile,
  VolumeCreation,
  VolumeSummary,
} from '@plumbstack/docker/client';
import { label, nanosecondsOf, packFiles, unlessAborted, unpackFiles } from '@plumbstack/docker/internal';
import type { CallInterceptor, EngineCore } from './engine-core.js';
import { engineFailure } from './engine-failure.js';
import { isRunning } from './engine-data.js';
import { hasLabel } from './event-log.js';
import { filesAt, putFile } from './files.js';
import { nanosecondsIn } from './moments.js';
import type { EngineObject, ImageObject, NetworkObject } from './objects.js';
import { runProgram, watchesCounters } from './programs.js';
import { detailsOf, summaryOf } from './views.js';

const noLimit = Number.MAX_SAFE_INTEGER;

/** The port of a Docker engine, over one that is data. */
export class InMemoryClient implements DockerClient {
  readonly #core: EngineCore;
  readonly #interceptor: CallInterceptor;

  /** @param interceptor of this client's calls alone, beside that of all calls to the engine */
  constructor(core: EngineCore, interceptor: CallInterceptor = (_, proceed) => proceed()) {
    this.#core = core;
    this.#interceptor = interceptor;
  }

  // Nothing is open.
  close(): void {}

  inBackground(): DockerClient {
    return this;
  }

  info({ signal }: CallOptions = {}): Promise<EngineInfo> {
    const info: EngineInfo = {
      ...{ version: '28.0.0', apiVersion: '1.48', platform: 'linux/amd64', isPodman: false },
      ...{ host: '127.0.0.1', address: 'memory://engine' },
    };
    return this.#call('info', [], signal, () => info);
  }

  clock({ signal }: CallOptions = {}): Promise<string> {
    return this.#call('clock', [], signal, () => String(this.#core.data.clock.tick()));
  }

  listContainers(
    filter: string | undefined,
    { signal }: CallOptions = {},
  ): Promise<readonly ContainerSummary[]> {
    return this.#call('listContainers', [filter], signal, () =>
      [...this.#core.data.containers.values()]
        .filter(({ creation }) => filter === undefined || hasLabel(creation.labels, filter))
        .map(summaryOf),
    );
  }

  inspectContainer(id: string, { signal }: CallOptions = {}): Promise<ContainerDetails | undefined> {
    return this.#call('inspectContainer', [id], signal, () => {
      const found = this.#core.data.findContainer(id);
      return found && detailsOf(found);
    });
  }

  listNetworks({ signal }: CallOptions = {}): Promise<readonly NetworkSummary[]> {
    return this.#call('listNetworks', [], signal, () =>
      [...this.#core.data.networks.values()].map(networkSummary),
    );
  }

  sharesFiles({ signal }: CallOptions = {}): Promise<boolean> {
    return this.#call('sharesFiles', [], signal, () => this.#core.data.sharesFiles);
  }

  machineSubnets({ signal }: CallOptions = {}): Promise<readonly string[] | undefined> {
    const { data } = this.#core;
    return this.#call('machineSubnets', [], signal, () => (data.isElsewhere ? undefined : [...data.routes]));
  }

  listVolumes(
    filter: string,
    { signal, unused = false }: ListVolumesOptions = {},
  ): Promise<readonly VolumeSummary[]> {
    const { data } = this.#core;
    return this.#call('listVolumes', [filter], signal, () =>
      [...data.volumes.values()].flatMap(({ creation: { name, labels } }) =>
        hasLabel(labels, filter) && (!unused || data.usersOf(name).length === 0) ? [{ name, labels }] : [],
      ),
    );
  }

  inspectVolume(name: string, { signal }: CallOptions = {}): Promise<VolumeSummary | undefined> {
    return this.#call('inspectVolume', [name], signal, () => {
      const found = this.#core.data.volumes.get(name);
      return found && { name, labels: found.creation.labels };
    });
  }

  inspectImage(reference: string, { signal }: CallOptions = {}): Promise<ImageDetails | undefined> {
    return this.#call('inspectImage', [reference], signal, () => {
      const found = this.#core.data.findImage(reference);
      return found && imageDetails(found);
    });
  }

  listImages(filter: string, { signal }: CallOptions = {}): Promise<readonly ImageSummary[]> {
    return this.#call('listImages', [filter], signal, () =>
      [...this.#core.data.images.values()].filter(({ labels }) => hasLabel(labels, filter)).map(imageDetails),
    );
  }

  readFiles(
    container: string,
    path: string,
    { signal }: CallOptions = {},
  ): Promise<ReadonlyMap<string, Buffer> | undefined> {
    return this.#call('readFiles', [container, path], signal, () => {
      const files = this.#filesAt(container, path);
      return files && new Map([...files].map(([name, { content }]) => [name, content]));
    });
  }

  async *readArchive(
    container: string,
    path: string,
    { signal }: CallOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const files = await this.#call('readArchive', [container, path], signal, () =>
      this.#filesAt(container, path.replace(/\/\.$/, '')),
    );
    if (files === undefined)
      throw engineFailure(404, `Could not find the file ${path} in container ${container}`);
    const inside = path.endsWith('/.');
    yield* packFiles(
      [...files].map(([name, file]) => ({
        ...file,
        path: inside ? name.slice(name.indexOf('/') + 1) : name,
      })),
    ) as AsyncIterable<Buffer>;
  }

  async *logs(
    container: string,
    { signal, since, tail, follow = false }: EngineLogOptions = {},
  ): AsyncGenerator<EngineLogLine, void, undefined> {
    const found = await this.#call('logs', [container], signal, () => this.#core.data.container(container));
    const from = since === undefined ? undefined : nanosecondsIn(since);
    const { lines, life } = found;
    let next = tail === undefined ? 0 : Math.max(0, lines.length - tail);
    const isOver = (): boolean => !follow || found.life !== life || !isRunning(found);
    yield* this.#untilAborted(signal, isOver, () => {
      const more = lines.slice(next);
      next = lines.length;
      return more.filter(({ at }) => from === undefined || (nanosecondsOf(at) ?? 0n) >= from);
    });
  }

  async *events(
    filter: string | undefined,
    options: EventsOptions = {},
  ): AsyncGenerator<EngineEvent, void, undefined> {
    await this.#call('events', [filter], options.signal, () => undefined);
    yield* this.#core.data.events.listen(filter, options);
  }

  createNetwork(network: NetworkCreation, { signal }: CallOptions = {}): Promise<string> {
    return this.#call('createNetwork', [network], signal, () => this.#core.data.createNetwork(network));
  }

  removeNetwork(id: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#call('removeNetwork', [id], signal, () => this.#core.data.removeNetwork(id));
  }

  connectNetwork(
    network: string,
    container: string,
    attachment: NetworkAttachment,
    { signal }: CallOptions = {},
  ): Promise<void> {
    return this.#call('connectNetwork', [network, container, attachment], signal, () =>
      this.#core.life.connect(this.#core.data.container(container), network, attachment),
    );
  }

  disconnectNetwork(network: string, container: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#call('disconnectNetwork', [network, container], signal, () => {
      const found = this.#core.data.findContainer(container);
      if (found !== undefined) this.#core.life.disconnect(found, network);
    });
  }

  createVolume(volume: VolumeCreation, { signal }: CallOptions = {}): Promise<void> {
    return this.#call('createVolume', [volume], signal, () => this.#core.data.createVolume(volume));
  }

  removeVolume(name: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#call('removeVolume', [name], signal, () => this.#core.data.removeVolume(name));
  }

  createContainer(container: ContainerCreation, { signal }: CallOptions = {}): Promise<string> {
    return this.#call(
      'createContainer',
      [container],
      signal,
      () => this.#core.data.createContainer(container).id,
    );
  }

  startContainer(id: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#change('startContainer', [id], signal, (found) => this.#core.life.start(found));
  }

  stopContainer(id: string, graceMs: number, { signal }: CallOptions = {}): Promise<void> {
    return this.#call('stopContainer', [id, graceMs], signal, () => {
      const found = this.#core.data.findContainer(id);
      if (found !== undefined) this.#core.life.stop(found);
    });
  }

  signalContainer(id: string, name: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#change('signalContainer', [id, name], signal, (found) => {
      if (!isRunning(found)) throw engineFailure(409, `cannot kill container: ${id}: it is not running`);
      this.#core.data.tell(found, 'kill', { signal: name });
      const reload = found.proxy?.kind === 'nginx' ? 'SIGHUP' : 'SIGUSR2';
      if (name === reload) found.proxy?.reload();
      this.#core.changed();
    });
  }

  restartContainer(id: string, graceMs: number, { signal }: CallOptions = {}): Promise<void> {
    return this.#change('restartContainer', [id, graceMs], signal, (found) => this.#core.life.restart(found));
  }

  unpauseContainer(id: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#change('unpauseContainer', [id], signal, (found) => this.#core.life.unpause(found));
  }

  removeContainer(id: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#call('removeContainer', [id], signal, () => {
      const found = this.#core.data.findContainer(id);
      if (found !== undefined) this.#core.life.remove(found);
    });
  }

  renameContainer(id: string, name: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#change('renameContainer', [id, name], signal, (found) => {
      const taken = this.#core.data.findContainer(name);
      if (taken !== undefined && taken !== found)
        throw engineFailure(409, `Conflict. The container name "/${name}" is already in use`);
      const { name: oldName } = found;
      found.name = name;
      this.#core.data.tell(found, 'rename', { oldName: `/${oldName}` });
    });
  }

  updateContainer(id: string, update: ContainerUpdate, { signal }: CallOptions = {}): Promise<void> {
    return this.#change('updateContainer', [id, update], signal, (found) => {
      found.settings = { ...update, limits: { ...found.settings.limits, ...update.limits } };
      this.#core.data.tell(found, 'update');
    });
  }

  putFiles(
    container: string,
    folder: string,
    files: readonly PutFile[],
    { signal }: CallOptions = {},
  ): Promise<void> {
    return this.#change('putFiles', [container, folder, files], signal, (found) => {
      for (const file of files) putFile(this.#core.data.locate(found, folder), file);
    });
  }

  async exec(
    container: string,
    command: readonly string[],
    { signal, mayStart }: ExecOptions = {},
  ): Promise<EngineExecResult> {
    const found = await this.#call('exec', [container, command], signal, () => this.#running(container));
    await mayStart?.();
    const answer = runProgram(this.#core.surroundings(found), command);
    return answer ?? this.#handled(found, command, signal);
  }

  async *execLines(
    container: string,
    command: readonly string[],
    { signal }: CallOptions = {},
  ): AsyncGenerator<string, void, undefined> {
    const found = await this.#call('execLines', [container, command], signal, () => this.#running(container));
    if (!watchesCounters(command)) throw engineFailure(501, `no such program: ${command.join(' ')}`);
    // The two arguments at the end: what is asked, and what ends each answer.
    const [show = '', end = ''] = command.slice(-2);
    const { life } = found;
    let last = '';
    yield* this.#untilAborted(
      signal,
      () => found.life !== life,
      () => {
        const { proxy, complaintOf, counts } = this.#core.surroundings(found);
        if (proxy?.kind !== 'haproxy') return [];
        const answer = proxy.ask(show, (address) => complaintOf(address) === undefined, counts);
        if (answer === last) return [];
        last = answer;
        return [...answer.trimEnd().split('\n'), end];
      },
    );
  }

  async putArchive(
    container: string,
    folder: string,
    source: AsyncIterable<Uint8Array>,
    { signal }: CallOptions = {},
  ): Promise<void> {
    const files = await unpackFiles(buffersOf(source, signal), noLimit);
    await this.#change('putArchive', [container, folder], signal, (found) => {
      for (const [path, content] of files)
        putFile(this.#core.data.locate(found, folder), { path, content, mode: 0o644, uid: 0, gid: 0 });
    });
  }

  pullImage(reference: string, { signal }: PullImageOptions = {}): Promise<void> {
    return this.#call('pullImage', [reference], signal, () => {
      if (this.#core.data.findImage(reference) === undefined) this.#core.data.addImage(reference);
    });
  }

  buildImage(build: ImageBuild, { signal }: BuildImageOptions = {}): Promise<string> {
    return this.#call('buildImage', [build], signal, () => {
      const { tag, labels } = build;
      return this.#core.data.addImage(tag, { labels, taggedAt: new Date() }).id;
    });
  }

  tagImage(image: string, reference: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#call('tagImage', [image, reference], signal, () => {
      const found = this.#core.data.findImage(image);
      if (found === undefined) throw engineFailure(404, `No such image: ${image}`);
      this.#core.data.addImage(reference, { id: found.id }).taggedAt = new Date();
    });
  }

  removeImage(reference: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#call('removeImage', [reference], signal, () => this.#core.data.removeImage(reference));
  }

  importEmptyImage(reference: string, { signal }: CallOptions = {}): Promise<void> {
    return this.#call('importEmptyImage', [reference], signal, () => {
      this.#core.data.addImage(reference);
    });
  }

  #change(
    method: string,
    args: readonly [string, ...unknown[]],
    signal: AbortSignal | undefined,
    work: (container: EngineObject) => void,
  ): Promise<void> {
    return this.#call(method, args, signal, () => work(this.#core.data.container(args[0])));
  }

  #running(id: string): EngineObject {
    const found = this.#core.data.container(id);
    if (found.state === 'running') return found;
    const words = found.state === 'paused' ? 'is paused, unpause the container first' : 'is not running';
    throw engineFailure(409, `container ${found.id} ${words}`);
  }

  #filesAt(container: string, path: string): ReturnType<typeof filesAt> | undefined {
    const { data } = this.#core;
    const found = data.findContainer(container);
    if (found === undefined) return undefined;
    const located = data.locate(found, path);
    const files = filesAt(located, path.split('/').at(-1) ?? '');
    // What is mounted is there, if it is empty, too.
    return files.size > 0 || located.path === '' ? files : undefined;
  }

  async #handled(
    { creation, name }: EngineObject,
    command: readonly string[],
    signal = new AbortController().signal,
  ): Promise<EngineExecResult> {
    const { exec } = this.#core;
    const { [label.stack]: stack = '', [label.resource]: resource = '' } = creation.labels;
    if (exec === undefined) throw noExecHandler(`${stack}/${resource}`);
    return unlessAborted(signal, async () => exec({ stack, resource, container: name, command, signal }));
  }

  /** Every call: it takes a turn of the event loop, ends with its signal, and can be intercepted. */
  async #call<T>(
    method: string,
    args: readonly unknown[],
    signal: AbortSignal | undefined,
    work: () => T,
  ): Promise<T> {
    signal?.throwIfAborted();
    const { interceptor } = this.#core;
    const call = { method, args, signal };
    const proceed = async (): Promise<T> => {
      await setImmediate();
      this.#core.failures.strike(call);
      return work();
    };
    const answer = (): Promise<T> =>
      this.#interceptor(call, () => (interceptor === undefined ? proceed() : interceptor(call, proceed)));
    return signal === undefined ? answer() : unlessAborted(signal, answer);
  }

  /** What there is to read now, and what comes after each change, until the signal aborts or it is over. */
  async *#untilAborted<T>(
    signal: AbortSignal | undefined,
    isOver: () => boolean,
    read: () => readonly T[],
  ): AsyncGenerator<T, void, undefined> {
    let wake: () => void = () => undefined;
    const end = (): void => wake();
    signal?.addEventListener('abort', end);
    using _watch = this.#core.watch(() => wake());
    try {
      while (signal?.aborted !== true) {
        const changed = new Promise<void>((resolve) => (wake = resolve));
        const over = isOver();
        yield* read();
        if (over) return;
        await changed;
      }
    } finally {
      signal?.removeEventListener('abort', end);
    }
  }
}

function networkSummary({ id, creation }: NetworkObject): NetworkSummary {
  const { name, labels, subnet } = creation;
  return { id, name, labels, subnets: [subnet] };
}

function imageDetails({ tags, taggedAt, ...rest }: ImageObject): ImageDetails {
  return { ...rest, tags: [...tags], ...(taggedAt !== undefined && { taggedAt }) };
}

async function* buffersOf(
  source: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const chunk of source) {
    signal?.throwIfAborted();
    yield Buffer.from(chunk);
  }
}

function noExecHandler(resource: string): PlumbstackError {
  return new PlumbstackError('ENGINE_FAILED', 'an in-memory container runs no command by itself.', {
    resource,
    hint: 'Say what it would answer: engine.onExec(({ command }) => ({ exitCode: 0, stdout: "", stderr: "" })).',
  });
}
