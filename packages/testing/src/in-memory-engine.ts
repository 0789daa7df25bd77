import { PlumbstackError, type LogLine, type PoolStats } from '@plumbstack/core';
import type { ContainerState } from '@plumbstack/core';
import type { DockerClient, ImageDetails } from '@plumbstack/docker/client';
import {
  backstage,
  baseLabels,
  emptyImage,
  label,
  leaseName,
  owner,
  secretVolumeName,
} from '@plumbstack/docker/internal';
import type { ContainerBehaviour } from './engine/container-life.js';
import { isRunning } from './engine/engine-data.js';
import { EngineCore, type CallInterceptor, type ExecHandler } from './engine/engine-core.js';
import type { NextFailure } from './engine/failures.js';
import { filesAt } from './engine/files.js';
import { InMemoryClient } from './engine/in-memory-client.js';
import type { EngineObject } from './engine/objects.js';

export interface InMemoryEngineOptions {
  /** The clock of containers, logs and durations. @default the system's */
  readonly now?: () => Date;
  /** Whether it runs on another machine than the program. @default false */
  readonly elsewhere?: boolean;
  /** Whether its machine has this machine's files: bind mounts of what is not there are refused then. @default false */
  readonly sharesFiles?: boolean;
}

/** A container as a test sees it. */
export interface EngineContainer {
  readonly id: string;
  readonly name: string;
  readonly stack: string;
  /** Name of its resource. */
  readonly resource: string;
  readonly role: string;
  readonly state: ContainerState;
  /** As it was called when the container was made. */
  readonly image: string;
  /** What it was made with; of secrets that it reads from its environment, nothing. */
  readonly env: Readonly<Record<string, string>>;
}

export interface EngineVolume {
  readonly stack: string;
  readonly name: string;
  readonly driver: string;
}

/** Anything that is on the engine, whoever has made it. */
export interface EngineItem {
  readonly kind: 'container' | 'network' | 'volume' | 'image';
  /** Of an image, its id. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** What of it can change: a container's id, state and last start; a volume's files by path. */
  readonly facts: string;
}

/** Where a router sends requests for one of its targets. */
export interface EngineRoute {
  /** Name of the router's container. */
  readonly router: string;
  /** Name of the resource. */
  readonly target: string;
  /** `ip:port`; empty where it knows none. */
  readonly address: string;
  /** Whether something answers there: behind a HAProxy, one of its workers. */
  readonly answers: boolean;
}

export interface CrashOptions {
  /** @default 1, or 137 with `oomKilled` */
  readonly exitCode?: number;
  /** Killed by the kernel, because its memory limit was reached. @default false */
  readonly oomKilled?: boolean;
  /** Keeps the engine from starting it again, whatever its restart policy. @default false */
  readonly staysDown?: boolean;
}

const beatMs = 500;

/**
 * A Docker engine that is data: containers, networks, volumes, images and ports, without any process or network. Runtimes that
 * are given the same engine see the same stacks, as two programs on one machine do. Its methods are what a test does to
 * the world behind a runtime's back; containers are named as on a real engine: `<stack>-<app>`, `<stack>-<pool>-<n>`.
 * What happens so is told to runtimes a moment later, as by a real engine.
 */
export class InMemoryEngine {
  /** The engine's port, as a runtime has it: for what this class has no method for, as strangers' containers. */
  readonly client: DockerClient;
  readonly #core: EngineCore;

  constructor({
    now = () => new Date(),
    elsewhere = false,
    sharesFiles = false,
  }: InMemoryEngineOptions = {}) {
    this.#core = new EngineCore(now, elsewhere, sharesFiles);
    this.client = this.connect();
  }

  /** The containers of all stacks, without those that never run. */
  get containers(): readonly EngineContainer[] {
    return this.#ours.map(seen);
  }

  /** All volumes that a program has declared, also those of stacks that are down. */
  get volumes(): readonly EngineVolume[] {
    return [...this.#core.data.volumes.values()].flatMap(({ creation: { labels, driver = 'local' } }) =>
      labels[label.role] === 'volume'
        ? [{ stack: labels[label.stack] ?? '', name: labels[label.resource] ?? '', driver }]
        : [],
    );
  }

  /** Everything that is on the engine: whether a test has left, or touched, anything. */
  get objects(): readonly EngineItem[] {
    const { containers, networks, volumes, images } = this.#core.data;
    return [
      ...[...containers.values()].map(({ name, id, state, startedAt, creation: { labels } }) => ({
        ...{ kind: 'container' as const, name, labels, facts: `${id} ${state} ${startedAt}` },
      })),
      ...[...networks.values()].map(({ id, creation: { name, labels } }) => ({
        ...{ kind: 'network' as const, name, labels, facts: id },
      })),
      ...[...volumes.values()].map(({ files, creation: { name, labels } }) => ({
        ...{ kind: 'volume' as const, name, labels, facts: [...files.keys()].join(' ') },
      })),
      ...[...images.values()].map(({ id, labels, tags }) => ({
        ...{ kind: 'image' as const, name: id, labels, facts: [...tags].join(' ') },
      })),
    ];
  }

  /** Where the running routers send requests now. */
  get routes(): readonly EngineRoute[] {
    return this.#ours.flatMap(({ name: router, proxy }) =>
      proxy?.kind !== 'nginx'
        ? []
        : Object.entries(proxy.targets).map(([target, address]) => ({
            ...{ router, target, address },
            answers: address !== '' && this.#core.serves(address),
          })),
    );
  }

  /** How many read events, logs and counters of the engine at this moment: what is never given back leaks. */
  get readers(): number {
    return this.#core.data.events.listeners + this.#core.watchers;
  }

  /** The text of a file in a container, running or not; `undefined` where there is none. Throws `NOT_FOUND`. */
  readFile(container: string, path: string): string | undefined {
    const found = this.#core.data.locate(this.#find(container), path);
    return filesAt(found, 'file').get('file')?.content.toString();
  }

  /** The value of a secret that the engine made, by `stack/secret`; `undefined` where there is none. */
  secret(path: string): string | undefined {
    const [stack = '', name = ''] = path.split('/');
    return this.#core.data.volumes.get(secretVolumeName(stack, name))?.files.get('value')?.content.toString();
  }

  /** Gives the engine an image; else it has what was built and pulled, and a pull finds every image. */
  addImage(reference: string, facts: Partial<Omit<ImageDetails, 'tags'>> = {}): void {
    this.#core.data.addImage(reference, facts);
  }

  /**
   * Says how containers behave from their next start on: when they answer, whether they end.
   * @param behave asked at every start; nothing for one that answers at once and goes on
   */
  onStart(behave: (container: EngineContainer) => ContainerBehaviour | undefined): void {
    this.#core.behave = (container) => (isOurs(container) ? behave(seen(container)) : undefined);
  }

  /** The engine's port for one program of several, with what stands between it and the engine. */
  connect(interceptor?: CallInterceptor): DockerClient {
    return new InMemoryClient(this.#core, interceptor);
  }

  /** Stands between all runtimes and the engine: what it throws, fails; what it awaits, waits. One at a time. */
  onCall(interceptor: CallInterceptor | undefined): void {
    this.#core.interceptor = interceptor;
  }

  /** A container ends by itself. The engine starts it again where its restart policy says so. Throws `NOT_FOUND`. */
  crash(
    container: string,
    { oomKilled = false, exitCode = oomKilled ? 137 : 1, staysDown = false }: CrashOptions = {},
  ): void {
    this.#core.life.crash(this.#running(container), exitCode, { oomKilled, staysDown });
  }

  /** Somebody stops a container, as `docker stop` does; it stays stopped. Throws `NOT_FOUND`. */
  stop(container: string): void {
    this.#core.life.stop(this.#running(container));
  }

  /** Somebody, or the engine itself, starts a container that is stopped. Throws `NOT_FOUND`. */
  start(container: string): void {
    this.#core.life.start(this.#find(container));
  }

  /** Somebody stops a container's processes for a while, as `docker pause` does. Throws `NOT_FOUND`. */
  pause(container: string): void {
    this.#core.life.pause(this.#running(container));
  }

  /** Somebody removes a container, as `docker rm --force` does. Throws `NOT_FOUND`. */
  remove(container: string): void {
    this.#core.life.remove(this.#find(container));
  }

  /** A running container fails its health check, or passes it again. Throws `NOT_FOUND`. */
  setHealth(container: string, health: 'healthy' | 'unhealthy'): void {
    this.#core.life.setHealth(this.#running(container), health);
  }

  /** The next change to a resource fails with this code, once; whichever runtime makes it. */
  failNext(failure: NextFailure): void {
    this.#core.failures.add(failure);
  }

  /** Takes a port of the host for something that is no stack's. Disposed, it lets the port go. */
  holdPort(
    port: number,
    { host = '0.0.0.0', holder = 'another program' }: { host?: string; holder?: string } = {},
  ): Disposable {
    const { ports } = this.#core.data;
    const key = `${holder} (${host}:${port})`;
    ports.bind(key, [{ host, port, containerPort: port }]);
    return { [Symbol.dispose]: () => ports.release(key) };
  }

  /** The engine's machine reaches a network otherwise, as a VPN. @param subnet as `10.208.0.0/16` */
  addRoute(subnet: string): void {
    this.#core.data.routes.add(subnet);
  }

  /** Takes a stack's turn, as a process that changes it does. Disposed, it lets the next one in. */
  holdTurn(stack: string, holder = 'another program'): Disposable {
    const { data, life } = this.#core;
    data.addImage(emptyImage.reference);
    const lease = data.createContainer({
      ...emptyImage.creation,
      name: leaseName(stack),
      labels: { ...baseLabels(stack, '', 'lease'), [label.holder]: holder },
    });
    let beats = 0;
    const beat = (): void => {
      lease.layer.set('beat', { content: Buffer.from(`${holder} ${++beats}`), mode: 0o444 });
    };
    beat();
    const beating = setInterval(beat, beatMs).unref();
    return {
      [Symbol.dispose]: () => {
        clearInterval(beating);
        if (data.findContainer(lease.id) !== undefined) life.remove(lease);
      },
    };
  }

  /** A container writes a line. Throws `NOT_FOUND`. */
  log(container: string, text: string, { stream = 'stdout' }: { stream?: LogLine['stream'] } = {}): void {
    this.#core.life.write(this.#find(container), text, stream);
  }

  /** What `exec` answers from now on: no command can run here, so that a test says what one would have said. */
  onExec(handler: ExecHandler): void {
    this.#core.exec = handler;
  }

  /** What a pool's balancer counts from now on, by `stack/pool`. Tells `pool:queue` where `queued` changes. */
  setStats(pool: string, stats: Partial<Omit<PoolStats, 'pool' | 'workers'>>): void {
    const before = this.#core.counts.get(pool) ?? {
      ...{ sessions: 0, queued: 0, requestsTotal: 0, requestsPerSecond: 0 },
    };
    this.#core.counts.set(pool, { ...before, ...stats });
    this.#core.changed();
  }

  get #ours(): readonly EngineObject[] {
    return [...this.#core.data.containers.values()].filter(isOurs);
  }

  #running(container: string): EngineObject {
    const found = this.#find(container);
    if (isRunning(found)) return found;
    const { state } = found;
    throw new PlumbstackError('NOT_FOUND', `the container "${container}" does not run; it is ${state}.`, {
      details: { container, state },
    });
  }

  #find(container: string): EngineObject {
    const { data } = this.#core;
    const found = data.findContainer(container);
    if (found !== undefined) return found;
    const known = [...data.containers.values()].map(({ name }) => name);
    throw new PlumbstackError('NOT_FOUND', `the engine has no container "${container}".`, {
      details: { container, known },
      hint:
        known.length === 0 ? 'It has none at all: bring a stack up first.' : `It has: ${known.join(', ')}.`,
    });
  }
}

function isOurs({ creation: { labels } }: EngineObject): boolean {
  return labels[label.owner] === owner && !backstage.includes(labels[label.role] ?? '');
}

function seen({
  id,
  name,
  state,
  creation: { labels, image, imageName = image, env },
}: EngineObject): EngineContainer {
  return {
    ...{ id, name, state, image: imageName, env },
    stack: labels[label.stack] ?? '',
    resource: labels[label.resource] ?? '',
    role: labels[label.role] ?? '',
  };
}
