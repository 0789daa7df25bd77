import type { PlumbstackError } from './errors.js';
import type { Plan } from './plan.js';
import type { ResourceKind } from './spec.js';
import type { Stack } from './stack.js';

/** Every verb that waits takes these. */
export interface WaitOptions {
  /** Aborts: no new work is begun, and the verb rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Deadline of the whole verb, in milliseconds. @default none beyond those of its single steps */
  readonly timeoutMs?: number;
}

export type PlanOptions = WaitOptions;

export interface UpOptions extends WaitOptions {
  /** Applies exactly this plan; refuses with `PLAN_STALE` when it is no longer what would be done. */
  readonly plan?: Plan;
  /** Asked before anything changes; `false` ends the run with `NOT_CONFIRMED`. Not asked for an empty plan. */
  readonly confirm?: (plan: Plan) => boolean | Promise<boolean>;
}

export interface DownOptions extends WaitOptions {
  /** Removes volumes and generated secrets too. @default false */
  readonly volumes?: boolean;
  /** Removes the images that were built for the stack too. Those that were pulled stay: others may use them. @default false */
  readonly images?: boolean;
}

export interface WatchOptions {
  /** Ends it: `watch` resolves as soon as the run that is going on has ended. @default never, but with the runtime */
  readonly signal?: AbortSignal;
  /** How long files must rest before what was saved is looked at, in milliseconds. @default 100 */
  readonly debounceMs?: number;
  /**
   * Looks at the files that often, in milliseconds, also where the operating system tells of no change: for folders that are
   * another machine's. @default only when the operating system tells
   */
  readonly pollMs?: number;
  /** Told why what was saved did not come up: what served before goes on. The same is in the event `stack:up:failed`. */
  readonly onError?: (error: PlumbstackError) => void;
}

export interface RollbackOptions extends WaitOptions {
  /**
   * Which one: a version of {@link Deployment.versions}, or its digest, of which the first eight digits are enough where no
   * other begins with them.
   * @default the newest that does not serve: the version before
   */
  readonly to?: string | Pick<Version, 'digest'>;
}

export interface VolumeCopyOptions extends WaitOptions {
  /**
   * Stops the containers that use the volume for as long as it takes, and starts them again. An export without it is of
   * whatever is in the files at the moment when each is read; an import needs it where one of them runs.
   * @default false
   */
  readonly stop?: boolean;
}

/**
 * What implements the verbs. Each rejects with `INVALID_OPTION`, before it does anything, where it is given a value of the wrong
 * kind. `Events` is the type of its event source: `LifecycleSource` of `@plumbstack/events`.
 */
export interface Runtime<Events = unknown> {
  readonly events: Events;
  /** What `up` would do now. Changes nothing. */
  plan(stack: Stack, options?: PlanOptions): Promise<Plan>;
  /** Brings the stack to what the program says. A second run with nothing changed writes nothing. */
  up(stack: Stack, options?: UpOptions): Promise<Deployment<Events>>;
  /**
   * Brings the stack up, and again whenever a file that it is made of is saved: what is built, `files`, pages, secrets and mounts
   * with `restartOn`, by the rules of ignore files. Only what a file belongs to is replaced, as by any `up`: what does not
   * come up, because of a syntax error for instance, is told, and what served before goes on. Resolves when the signal aborts; the stack
   * stays up.
   *
   * Rejects where the first `up` fails for another reason than what is in the files, and with `INVALID_OPTION` where the stack
   * is made of no files.
   */
  watch(stack: Stack, options?: WatchOptions): Promise<void>;
  /** A stack that is already up, from any process. Throws `NOT_FOUND`. */
  attach(stackName: string, options?: WaitOptions): Promise<Deployment<Events>>;
  list(options?: WaitOptions): Promise<readonly StackSummary[]>;
  /** Removes the stack; its name is enough. Nothing to remove is no error. */
  down(stack: Stack | string, options?: DownOptions): Promise<void>;
}

/** A stack that is up. Stays up when the program ends; `await using` takes it down at the end of its block. */
export interface Deployment<Events = unknown> extends AsyncDisposable {
  readonly stack: string;
  readonly events: Events;
  /**
   * Where a resource's port is reached from this machine.
   * @param port the port in the container; needed only where several are published. Of a router with TLS it is HTTPS
   * unless it is given.
   */
  endpoint(resource: ResourceReference, port?: number): URL;
  status(options?: WaitOptions): Promise<StackStatus>;
  /** Sets how many workers a pool has, until the next `up` sets what its program says. */
  scale(pool: ResourceReference<'pool'>, replicas: number, options?: WaitOptions): Promise<void>;
  /**
   * The versions of a pool that are known: the one that serves, and those that served before it, as many as its
   * `keepVersions` says. The newest is first: the one that was brought last. Each is there once.
   */
  versions(pool: ResourceReference<'pool'>, options?: WaitOptions): Promise<readonly Version[]>;
  /**
   * Brings a pool's workers back to a version that served before, as an update does it: without a failed request. Their number
   * and the pool's other options stay. The version that was left is the newest of those before then, so that once more leads
   * back again. The program is not changed by it: the next `plan` names the difference, and the next `up` brings the
   * program's version.
   *
   * Throws `NOT_FOUND` where the version is not known, or its image, a network or a volume of it is gone.
   */
  rollback(pool: ResourceReference<'pool'>, options?: RollbackOptions): Promise<void>;
  /**
   * Brings back what the stack has lost, or one resource of it, without the program that described it: stopped containers,
   * and a pool's HAProxy and workers also where they were removed. What is well stays as it is.
   *
   * Throws `NOT_FOUND` where only the program's `up` can bring a thing back: an app, a service or a router whose container was
   * removed. What else there is has been repaired then; several failures are one `RUN_FAILED`.
   */
  repair(resource?: ResourceReference, options?: WaitOptions): Promise<void>;
  /**
   * Restarts a resource's containers; a pool's one after the other, drained first. Where the pool's HAProxy does not run, it
   * is brought back before, as by {@link repair}.
   */
  restart(resource: ResourceReference, options?: WaitOptions): Promise<void>;
  /**
   * What its containers wrote, by its time; of the whole stack without a resource. Followed, it goes on through restarts,
   * replacements and scaling: no line twice, each container's lines in their order.
   */
  logs(resource?: ResourceReference, options?: LogOptions): AsyncIterable<LogLine>;
  /** Runs a command in a resource's container (a pool's first running worker). */
  exec(resource: ResourceReference, command: readonly string[], options?: WaitOptions): Promise<ExecResult>;
  /**
   * What is in a volume, as a tar stream with owners, modes and links, read as it is asked for: nothing is kept in memory or
   * on disk. Nobody else changes the stack meanwhile.
   */
  exportVolume(volume: ResourceReference<'volume'>, options?: VolumeCopyOptions): AsyncIterable<Uint8Array>;
  /**
   * Replaces what is in a volume by a tar stream, as {@link exportVolume} gives it. One that is compressed by gzip works
   * too, but leaves the owner and mode of the volume's own folder as they are. Where it fails midway, the volume holds a part, and what was stopped stays so until the next `up`.
   */
  importVolume(
    volume: ResourceReference<'volume'>,
    source: AsyncIterable<Uint8Array>,
    options?: VolumeCopyOptions,
  ): Promise<void>;
  /** What the pool's HAProxy counts. */
  stats(pool: ResourceReference<'pool'>, options?: WaitOptions): Promise<PoolStats>;
  down(options?: DownOptions): Promise<void>;
}

/** What the workers of a pool were made from at some time. */
export interface Version {
  /**
   * What it is known by: SHA-256, as 64 hexadecimal digits, over all that makes another version of it, as its image, variables,
   * files and check. Of a secret a fingerprint goes into it, and never the value. The same program has the same digest in
   * every process. Limits and the restart policy, which are changed in place, make no other version.
   */
  readonly digest: string;
  /**
   * When it was brought the last time, by `up` or `rollback`: RFC 3339, by the clock of the program that did. Unset where it
   * came before pools noted it.
   */
  readonly at?: string;
  /** Who did, as `user@host` of that program. Unset where it came before pools noted it. */
  readonly by?: string;
  /** What the program got it from: the image's reference, or the folder that it was built from, as an absolute path there. */
  readonly source: string;
  /** The engine's id of its image, as `sha256:...`. */
  readonly image: string;
  /** Whether it is the one that serves. None is where an update was interrupted: workers of two may serve. */
  readonly isCurrent: boolean;
}

/**
 * A resource of the deployment's stack: the object, or where the program that declared it is not at hand its name, alone or
 * with the stack's before it, as events and `status` have it: `api`, `shop/api`.
 */
export type ResourceReference<K extends ResourceKind = ResourceKind> =
  string | { readonly kind: K; readonly stack: string; readonly name: string };

export interface StackSummary {
  readonly stack: string;
  readonly resources: number;
  /** Containers of apps, services, workers and proxies that run / that exist. */
  readonly running: number;
  readonly containers: number;
}

export interface StackStatus {
  readonly stack: string;
  /** Whether every resource has what it should, running and healthy. */
  readonly healthy: boolean;
  readonly resources: readonly ResourceStatus[];
}

export interface ResourceStatus {
  readonly resource: string;
  readonly kind: 'app' | 'service' | 'pool' | 'router';
  /** Containers wanted, running, and both running and healthy. A pool counts its workers. */
  readonly desired: number;
  readonly running: number;
  readonly healthy: number;
  readonly endpoints: readonly string[];
  readonly containers: readonly ContainerStatus[];
}

export interface ContainerStatus {
  readonly name: string;
  readonly id: string;
  readonly role: 'app' | 'service' | 'worker' | 'proxy';
  readonly state: ContainerState;
  readonly health: 'healthy' | 'unhealthy' | 'starting' | 'unknown';
  /** What the program calls it, as it was when the container was made. The name may since be another image's. */
  readonly image: string;
  /** The engine's id of what runs, as `sha256:...`. */
  readonly imageId: string;
  /** Address in the stack's network. */
  readonly address?: string;
  readonly startedAt?: string;
  readonly exitCode?: number;
  readonly oomKilled?: boolean;
}
export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'exited' | 'dead' | 'removing';

export interface LogOptions {
  /** Only lines of that moment and later. */
  readonly since?: Date;
  /** Only that many last lines per container. @default all */
  readonly tail?: number;
  /** Goes on with new lines until the signal aborts. @default false */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

export interface LogLine {
  readonly resource: string;
  readonly container: string;
  readonly stream: 'stdout' | 'stderr';
  /** The engine's time of it, RFC 3339 with up to nine digits behind the point. */
  readonly at: string;
  /** Without its line end. */
  readonly text: string;
  /** What lies between this line and the one before it of the same container or resource. @default nothing: it goes on */
  readonly seam?: LogSeam;
}

/**
 * Where a followed log begins anew: `restarted` marks a container's first line since it was started again, `joined` the first
 * line of a container that was not there when following began.
 */
export type LogSeam = 'restarted' | 'joined';

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface PoolStats {
  readonly pool: string;
  /** Requests in HAProxy now, waiting ones included. */
  readonly sessions: number;
  /** Requests that wait for a worker now. */
  readonly queued: number;
  readonly requestsTotal: number;
  readonly requestsPerSecond: number;
  readonly workers: readonly WorkerStats[];
}

export interface WorkerStats {
  readonly name: string;
  readonly state: 'up' | 'down' | 'drain' | 'maintenance';
  readonly sessions: number;
  readonly queued: number;
  readonly requestsTotal: number;
  /** Means over HAProxy's last 1024 requests, in milliseconds. */
  readonly responseTimeMs: number;
  readonly queueTimeMs: number;
  readonly failedResponses: number;
}
