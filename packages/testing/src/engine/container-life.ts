import { label, parseSubnet, routingTable, staging, switchScript } from '@plumbstack/docker/internal';
import type { NetworkAttachment } from '@plumbstack/docker/client';
import { engineFailure } from './engine-failure.js';
import { isRunning, type EngineData } from './engine-data.js';
import type { Files } from './files.js';
import { timestamp } from './moments.js';
import type { EngineObject } from './objects.js';
import { startProxy } from './proxy-process.js';

/** How a container behaves in one life of it. */
export interface ContainerBehaviour {
  /** Time until it takes connections, in milliseconds; `Infinity` for never. @default 0 */
  readonly answersAfterMs?: number;
  /** It ends by itself, so many milliseconds after its start. Its restart policy then says what follows. @default never */
  readonly exit?: { readonly code: number; readonly afterMs?: number };
  /** Lines that it writes to its standard output when it starts. @default none */
  readonly lines?: readonly string[];
}

interface CrashFacts {
  readonly oomKilled?: boolean;
  /** Keeps the engine from starting it again. */
  readonly staysDown?: boolean;
}

export type Behave = (container: EngineObject) => ContainerBehaviour | undefined;

/** The first wait before a restart, and the longest; each is twice as long as the one before. Docker begins with 100 ms. */
const firstRestartMs = 10;
const longestRestartMs = 60_000;
const termination = 143;
const killed = 137;

/** What makes containers begin and end. */
export class ContainerLife {
  readonly #data: EngineData;
  readonly #behave: Behave;
  readonly #changed: () => void;

  /** @param changed told after each change of what answers */
  constructor(data: EngineData, behave: Behave, changed: () => void) {
    this.#data = data;
    this.#behave = behave;
    this.#changed = changed;
  }

  /** Starting what runs is nothing. All or nothing: ports and addresses are taken before anything else. */
  start(container: EngineObject): void {
    if (isRunning(container)) return;
    container.error = '';
    try {
      container.ports = this.#data.ports.bind(container.id, container.creation.ports);
      for (const [name, endpoint] of container.endpoints) {
        const network = this.#data.findNetwork(endpoint.networkId);
        if (network === undefined) throw engineFailure(404, `network ${endpoint.networkId} not found`);
        endpoint.address = this.#data.freeAddress(network, endpoint.attachment.address);
        this.#tellNetwork(container, name, 'connect');
      }
    } catch (error) {
      this.#release(container);
      container.error = error instanceof Error ? error.message : String(error);
      throw error;
    }
    this.#run(container);
  }

  /** As `docker stop`: it stays stopped. */
  stop(container: EngineObject): void {
    if (container.state === 'restarting') {
      container.state = 'exited';
      container.life += 1;
    }
    if (!isRunning(container)) return;
    this.#data.tell(container, 'kill', { signal: '15' });
    this.end(container, termination);
    this.#data.tell(container, 'stop');
  }

  /** As `docker restart`. */
  restart(container: EngineObject): void {
    if (isRunning(container)) this.stop(container);
    this.start(container);
    this.#data.tell(container, 'restart');
  }

  remove(container: EngineObject): void {
    if (isRunning(container)) {
      this.#data.tell(container, 'kill', { signal: '9' });
      this.end(container, killed);
    }
    container.life += 1;
    this.#data.removeContainer(container);
  }

  /** It ends by itself; the engine starts it again, a moment later, where its restart policy says so. */
  crash(container: EngineObject, exitCode: number, facts: CrashFacts = {}): void {
    const { oomKilled = false, staysDown = false } = facts;
    if (oomKilled) this.#data.tell(container, 'oom');
    this.end(container, exitCode, oomKilled);
    if (staysDown || !restartsAfter(container, exitCode)) return;
    container.state = 'restarting';
    const waitMs = Math.min(firstRestartMs * 2 ** container.restartCount, longestRestartMs);
    this.#later(container, waitMs, () => {
      container.state = 'exited';
      container.restartCount += 1;
      try {
        this.start(container);
      } catch {
        // As on a real engine: it stays down, and its error says why.
      }
    });
  }

  pause(container: EngineObject): void {
    if (container.state !== 'running') throw engineFailure(409, `container ${container.id} is not running`);
    container.state = 'paused';
    this.#data.tell(container, 'pause');
    this.#changed();
  }

  unpause(container: EngineObject): void {
    if (container.state !== 'paused') throw engineFailure(500, `Container ${container.id} is not paused`);
    container.state = 'running';
    this.#data.tell(container, 'unpause');
    this.#changed();
  }

  connect(container: EngineObject, network: string, attachment: NetworkAttachment): void {
    const found = this.#data.network(network);
    const { name } = found.creation;
    if (container.endpoints.has(name)) return;
    const address = isRunning(container) ? this.#data.freeAddress(found, attachment.address) : undefined;
    container.endpoints.set(name, { networkId: found.id, attachment, address });
    this.#tellNetwork(container, name, 'connect');
    this.#changed();
  }

  disconnect(container: EngineObject, network: string): void {
    const name = this.#data.findNetwork(network)?.creation.name ?? network;
    if (!container.endpoints.has(name)) return;
    this.#tellNetwork(container, name, 'disconnect');
    container.endpoints.delete(name);
    this.#changed();
  }

  /** What its own health check says from now on. */
  setHealth(container: EngineObject, health: EngineObject['health'], output = ''): void {
    if (container.health === health) return;
    container.health = health;
    container.healthOutput = output === '' ? [] : [output];
    this.#data.tell(container, `health_status: ${health}`);
    this.#changed();
  }

  write(container: EngineObject, text: string, stream: 'stdout' | 'stderr' = 'stdout'): void {
    container.lines.push({ stream, at: timestamp(this.#data.clock.tick()), text });
    this.#changed();
  }

  /** @param exitCode of its main program */
  end(container: EngineObject, exitCode: number, oomKilled = false): void {
    this.#release(container);
    Object.assign(container, {
      ...{ state: 'exited', health: 'unknown', exitCode, oomKilled, answers: false, proxy: undefined },
      finishedAt: this.#data.clock.stamp(),
    });
    container.life += 1;
    this.#data.tell(container, 'die', { exitCode: String(exitCode) });
    this.#changed();
  }

  #run(container: EngineObject): void {
    const { creation } = container;
    Object.assign(container, {
      ...{ state: 'running', exitCode: 0, oomKilled: false, answers: false },
      startedAt: this.#data.clock.stamp(),
      health: creation.healthcheck === undefined ? 'unknown' : 'starting',
    });
    container.life += 1;
    this.#data.tell(container, 'start');
    const role = creation.labels[label.role];
    if (role === 'router' || role === 'balancer') {
      container.proxy = startProxy(role, this.#data.locate(container, '/etc/plumbstack').files);
      if (container.proxy === undefined) return this.crash(container, 1);
    }
    if (creation.command?.[1] === switchScript) {
      switchContent(this.#data.locate(container, '/volume').files, creation.command[3] === 'begin');
      return this.end(container, 0);
    }
    if (creation.entrypoint?.[0] === 'cat' && creation.command?.[0] === routingTable) {
      for (const line of routingLines(this.#data.routes)) this.write(container, line);
      return this.end(container, 0);
    }
    this.#begin(container, this.#behave(container) ?? {});
  }

  #begin(container: EngineObject, { answersAfterMs = 0, exit, lines = [] }: ContainerBehaviour): void {
    for (const line of lines) this.write(container, line);
    const answer = (): void => {
      container.answers = true;
      if (container.health === 'starting') this.setHealth(container, 'healthy');
      this.#changed();
    };
    if (answersAfterMs === 0) answer();
    else if (answersAfterMs !== Infinity) this.#later(container, answersAfterMs, answer);
    if (exit !== undefined) this.#later(container, exit.afterMs ?? 0, () => this.crash(container, exit.code));
  }

  /** Keeps no program from ending, and comes to nothing where the container has begun another life. */
  #later(container: EngineObject, ms: number, work: () => void): void {
    const { life } = container;
    setTimeout(() => {
      if (container.life === life) work();
    }, ms).unref();
  }

  #release(container: EngineObject): void {
    this.#data.ports.release(container.id);
    container.ports = [];
    for (const [name, endpoint] of container.endpoints) {
      if (endpoint.address === undefined) continue;
      endpoint.address = undefined;
      this.#tellNetwork(container, name, 'disconnect');
    }
  }

  #tellNetwork(container: EngineObject, name: string, action: 'connect' | 'disconnect'): void {
    const id = container.endpoints.get(name)?.networkId ?? '';
    this.#data.events.tell('network', action, id, { name, container: container.id });
  }
}

function restartsAfter({ settings }: EngineObject, exitCode: number): boolean {
  const { restart } = settings;
  return restart === 'always' || restart === 'unless-stopped' || (restart === 'on-failure' && exitCode !== 0);
}

/** The one program beside the proxies that a runtime runs in a container of its own: it puts what came in the place of what was. */
function switchContent(files: Files, begins: boolean): void {
  const came = [...files].filter(([path]) => path.startsWith(`${staging}/tree/`));
  for (const path of files.keys()) if (begins || path.startsWith(`${staging}/`)) files.delete(path);
  if (begins) for (const [path, file] of came) files.set(path.slice(`${staging}/tree/`.length), file);
}

/** As the kernel writes it: numbers in the order of a little machine's bytes. */
function routingLines(routes: Iterable<string>): readonly string[] {
  const hex = (value: number): string => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value >>> 0);
    return bytes.toString('hex').toUpperCase();
  };
  const lines = [...routes].map((each) => {
    const { base, prefix } = parseSubnet(each);
    return ['eth0', hex(base), '00000000', '0001', '0', '0', '0', hex(-(2 ** (32 - prefix))), '0', '0', '0'];
  });
  const heads = ['Iface', 'Destination', 'Gateway', 'Flags', 'RefCnt', 'Use', 'Metric', 'Mask', 'MTU'];
  return [heads, ...lines].map((each) => each.join('\t'));
}
