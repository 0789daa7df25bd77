import type { Plan, PlumbstackErrorCode } from '@plumbstack/core';

/** What every event carries. */
export interface EventBase {
  /** Name of the stack; `*` for a `stream:gap` that concerns every stack. */
  readonly stack: string;
  /**
   * Grows by one with every event of a source, whatever its stack. A `stream:gap` that a stream made for its own reader
   * carries the number of the last event it stands for.
   */
  readonly seq: number;
  /** When it happened, ISO 8601 in UTC. */
  readonly at: string;
}

/** An event about one resource. */
interface OfResource {
  /** Path of the resource, as `stack/resource`. */
  readonly resource: string;
}

/** An event about one container of a resource. */
interface OfContainer extends OfResource {
  /** Name of the container. */
  readonly container: string;
}

/** An event about one worker of a pool. */
interface OfWorker extends OfContainer {
  /** Name of the worker in the pool's balancer. */
  readonly worker: string;
}

/** An event about one image that a resource needs. */
interface OfImage extends OfResource {
  /** Reference of the image, as `name:tag`. */
  readonly image: string;
}

/** How long it took. */
interface Duration {
  /** How long it took, in milliseconds. */
  readonly durationMs: number;
}

/** Why something failed. */
interface Failure {
  /** Code of the error; `UNKNOWN` for one that is not plumbstack's own. */
  readonly code: PlumbstackErrorCode | 'UNKNOWN';
  /** Message of the error, as it was thrown. */
  readonly message: string;
}

/** A verb of a runtime. */
export type Verb = 'up' | 'down' | 'scale' | 'restart';

/**
 * Every event by its name, with what it carries beside {@link EventBase}. Names are `subject:moment`. New events and new
 * fields may come with any version; a name or a field goes only with a major one.
 */
export interface LifecycleEventMap {
  /** `up` begins. Its plan follows. */
  'stack:up:started': object;
  /** What `up` is about to do is known. Nothing has changed yet. */
  'stack:up:planned': {
    /** The plan; its steps are begun in their order. */
    readonly plan: Plan;
  };
  /** The stack is what its program says. */
  'stack:up:finished': Duration;
  /** `up` rejected. What it made is there; the next `up` finishes or removes it. */
  'stack:up:failed': Failure & Duration;
  /** `down` begins. */
  'stack:down:started': object;
  /** The stack is gone. */
  'stack:down:finished': Duration;
  /** `down` rejected. Another `down` goes on with what is left. */
  'stack:down:failed': Failure & Duration;

  /** Files that a stack is made of were saved while it is watched; an `up` follows. */
  'watch:changed': {
    /** Absolute paths of what has changed, 50 at most; none where the time to look again had come. */
    readonly paths: readonly string[];
  };

  /** One resource's step of a plan begins. */
  'step:started': OfResource & {
    /** What is done to the resource: `create`, `update`, `replace`, `delete` or `keep`. */
    readonly action: string;
  };
  /** A step is done. */
  'step:finished': OfResource &
    Duration & {
      /** What was done to the resource. */
      readonly action: string;
    };
  /** A step failed. Steps that need it are skipped; the others go on. */
  'step:failed': OfResource &
    Failure & {
      /** What was to be done to the resource. */
      readonly action: string;
    };
  /** A step was not begun, because what it needs failed. */
  'step:skipped': OfResource & {
    /** Why, as a person reads it. */
    readonly because: string;
  };

  /** An image is fetched from its registry. */
  'image:pull:started': OfImage;
  /** An image's layers arrive. */
  'image:pull:progress': OfImage & {
    /** What the engine is doing, in its own words. */
    readonly status: string;
    /** Bytes that have arrived, over all layers. */
    readonly current: number;
    /** Bytes of all layers, as far as the engine has told; 0 while it has told nothing. */
    readonly total: number;
  };
  /** An image is on the engine. */
  'image:pull:finished': OfImage & Duration;
  /** An image is built. */
  'image:build:started': OfImage;
  /** A build said something. */
  'image:build:progress': OfImage & {
    /** One line of the build's output, as the build wrote it: it may hold control characters. */
    readonly status: string;
  };
  /** An image is built and on the engine. */
  'image:build:finished': OfImage & Duration;
  /** An image that was built for the stack, and that nothing uses any more, is gone. */
  'image:removed': OfImage;

  /** A resource is new on the engine. */
  'resource:created': OfResource;
  /** A resource was changed where it is. */
  'resource:updated': OfResource;
  /** A resource was taken away and made anew. */
  'resource:replaced': OfResource;
  /** A resource is gone from the engine. */
  'resource:removed': OfResource;

  /** A container runs. It may not answer yet. */
  'container:started': OfContainer;
  /** A container ended that nobody asked to end: a crash, an out-of-memory kill, or its program was done. */
  'container:exited': OfContainer & {
    /** Exit code of its first process; 128 and the signal's number for one that a signal ended. */
    readonly exitCode: number;
    /** Whether the kernel ended it because it used more memory than it may. */
    readonly oomKilled: boolean;
  };
  /** Somebody else had a container stopped or killed, as by `docker stop`. */
  'container:stopped': OfContainer & {
    /** Exit code of its first process; 128 and the signal's number for one that a signal ended. */
    readonly exitCode: number;
  };
  /** Somebody else removed a container. */
  'container:removed': OfContainer;
  /** Somebody else paused a container: its processes stand still. */
  'container:paused': OfContainer;
  /** A container that was paused goes on. */
  'container:unpaused': OfContainer;
  /** Somebody else took a running container off its stack's network: nobody reaches it. */
  'container:disconnected': OfContainer;
  /** A container is on its stack's network again. */
  'container:connected': OfContainer;
  /** A wait for a container's answer begins. */
  'container:waiting': OfContainer & {
    /** What is waited for, as a person reads it. */
    readonly until: string;
  };

  /** A container passed its health check, for the first time or again. */
  'app:healthy': OfContainer;
  /** A container failed its health check as often as it may. */
  'app:unhealthy': OfContainer;

  /** A worker takes requests. */
  'worker:joined': OfWorker;
  /** A worker gets no new requests and finishes what it has. */
  'worker:draining': OfWorker;
  /** A worker is no longer in its pool. */
  'worker:left': OfWorker;
  /** A worker failed its health check and gets no requests until it passes again. */
  'worker:unhealthy': OfWorker;
  /** A worker that was unhealthy takes requests again. */
  'worker:recovered': OfWorker;

  /** A pool has another number of workers. */
  'pool:scaled': OfResource & {
    /** Workers before. */
    readonly from: number;
    /** Workers now. */
    readonly to: number;
  };
  /** Another number of requests wait for a worker: looked at twice a second while somebody listens. */
  'pool:queue': OfResource & {
    /** How many wait now; 0 when the queue has become empty. */
    readonly queued: number;
  };
  /** HAProxy runs a new configuration. */
  'pool:reloaded': OfResource;
  /** nginx runs a new configuration. */
  'router:reloaded': OfResource;
  /** A new version did not become healthy; the old one keeps serving. */
  'update:rolledback': OfResource & {
    /** Why, as a person reads it. */
    readonly reason: string;
  };

  /** Another process changes this stack; this one waits. */
  'lock:waiting': {
    /** Who holds the lock, as a person reads it. */
    readonly holder: string;
  };
  /** This process may change the stack now. */
  'lock:acquired': object;

  /** The engine tells nothing any more; what happens meanwhile is told when it answers again. */
  'stream:stale': {
    /** Why, as a person reads it. */
    readonly reason: string;
  };
  /** The engine tells what happens again. What has changed meanwhile was told just before. */
  'stream:recovered': Duration;
  /** Events may be missing between the last one and this. */
  'stream:gap': {
    /** Why, as a person reads it. */
    readonly reason: string;
  };
  /** A listener threw or rejected. Nothing else was harmed by it. */
  'listener:failed': {
    /** Name of the event that the listener was told. */
    readonly event: string;
    /** What it threw or rejected with. */
    readonly message: string;
  };
}

/** The name of an event. */
export type LifecycleEventName = keyof LifecycleEventMap;
