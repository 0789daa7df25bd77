import type {
  AppSpec,
  ContainerState,
  LogLine,
  PoolSpec,
  PoolStats,
  RouterSpec,
  ServiceSpec,
} from '@plumbstack/core';
import type { LifecycleEventMap, LifecycleEventName } from '@plumbstack/events';
import { ContainerList } from './container-list.js';
import type { DesiredResource } from './desired-stack.js';
import { Failures } from './failures.js';
import { HostPorts } from './host-ports.js';
import { StackTurns } from './stack-turns.js';

/** Emits an event of one stack. */
export type Tell = <N extends LifecycleEventName>(
  stack: string,
  name: N,
  payload: LifecycleEventMap[N],
) => void;

/** Values of the secrets that something was given, by name: as files in it, they stay what they were. */
export type GivenSecrets = Readonly<Record<string, string>>;

/** One container, as the engine keeps it. */
export interface ContainerRecord {
  readonly id: string;
  readonly name: string;
  readonly stack: string;
  readonly resource: string;
  readonly role: 'app' | 'service' | 'worker' | 'proxy';
  readonly image: string;
  /** What an app, a service or a worker was made from; proxies are described by their resource. */
  spec?: AppSpec | ServiceSpec;
  readonly secrets: GivenSecrets;
  /** A worker's slot in its pool, from 1. */
  readonly slot?: number;
  state: ContainerState;
  health: 'healthy' | 'unhealthy' | 'unknown';
  startedAt?: string;
  exitCode?: number;
  oomKilled?: boolean;
  readonly lines: LogLine[];
}

/** One resource that has containers, as it was last applied. */
export interface ResourceRecord {
  readonly name: string;
  spec: AppSpec | ServiceSpec | PoolSpec | RouterSpec;
  /** What a pool's new workers are made from. */
  workers?: WorkerVersion;
  /** What a pool's workers were made from before the last update, and how they were checked. */
  before?: PoolVersion;
  /** Workers wanted, where `scale` or a spec has said so. */
  replicas: number;
  /** Of a router. */
  secrets: GivenSecrets;
}

export interface WorkerVersion {
  readonly app: AppSpec;
  readonly secrets: GivenSecrets;
}

export interface PoolVersion extends WorkerVersion {
  readonly health: PoolSpec['health'];
}

/** A pool's record is made together with its workers. */
export interface PoolRecord extends ResourceRecord {
  spec: PoolSpec;
  workers: WorkerVersion;
}

export interface StackRecord {
  readonly name: string;
  /** What the last `up` wanted, whether or not it got there. */
  wanted: readonly DesiredResource[];
  readonly resources: Map<string, ResourceRecord>;
}

export interface VolumeRecord {
  readonly stack: string;
  readonly name: string;
  readonly driver: string;
  readonly driverOptions: Readonly<Record<string, string>>;
  /** What was imported into it, as it came; nothing looks into it. */
  readonly content?: Uint8Array;
}

export interface SecretRecord {
  readonly stack: string;
  readonly name: string;
  readonly value: string;
  /** Made on the engine: stays with the volumes. */
  readonly generated: boolean;
  /** Of a generated one: the rotation that its value was made with. */
  readonly rotation?: number;
  /** Grows with every new value. */
  readonly version: number;
}

export interface ExecCall {
  readonly stack: string;
  readonly resource: string;
  readonly container: string;
  readonly command: readonly string[];
  readonly signal: AbortSignal;
}

/** Everything the in-memory engine holds. Volumes and secrets are kept by path, containers by name. */
export class EngineState {
  readonly stacks = new Map<string, StackRecord>();
  readonly containers = new ContainerList();
  readonly volumes = new Map<string, VolumeRecord>();
  readonly secrets = new Map<string, SecretRecord>();
  readonly images = new Set<string>();
  /** Path of the resource that an image was built for, by the image's name. */
  readonly built = new Map<string, string>();
  readonly stats = new Map<string, Omit<PoolStats, 'pool' | 'workers'>>();
  readonly ports = new HostPorts();
  readonly turns = new StackTurns();
  readonly failures = new Failures();
  readonly observers = new Set<Tell>();
  readonly followers = new Set<(line: LogLine, stack: string) => void>();
  /** Keeps fingerprints from telling what a short secret is. */
  readonly salt = globalThis.crypto.randomUUID();
  readonly now: () => Date;
  #made = 0;

  constructor(now: () => Date) {
    this.now = now;
  }

  nextId(): string {
    this.#made += 1;
    return this.#made.toString(16).padStart(12, '0');
  }

  /** Containers of a stack, or of one resource of it, in the order of their making. */
  containersOf(stack: string, resource?: string): readonly ContainerRecord[] {
    return resource === undefined
      ? [...this.containers.values()].filter((each) => each.stack === stack)
      : this.containers.of(stack, resource);
  }

  /** A pool's workers by slot. */
  workersOf(stack: string, pool: string): readonly ContainerRecord[] {
    return this.containersOf(stack, pool)
      .filter(({ role }) => role === 'worker')
      .sort((a, b) => (a.slot ?? 0) - (b.slot ?? 0));
  }

  /** Tells every runtime what happened by itself. */
  readonly tell: Tell = (stack, name, payload) => {
    for (const observer of this.observers) observer(stack, name, payload);
  };
}
