/**
 * The spec: a stack as plain, frozen, JSON-safe data with every default filled in. A runtime reads nothing else.
 * References between resources are names here, and objects in the model.
 */
export interface StackSpec {
  readonly schemaVersion: 1;
  readonly name: string;
  /** IPv4 network in CIDR form; chosen by the runtime when unset. */
  readonly subnet?: string;
  /** `false`: one network for everything. Each resource has its own when unset. */
  readonly isolation?: boolean;
  /** Folder that relative paths start from; the runtime's own base folder when unset. */
  readonly baseDir?: string;
  /** In the order of declaration. */
  readonly resources: readonly ResourceSpec[];
}

export type ResourceSpec = AppSpec | ServiceSpec | PoolSpec | RouterSpec | VolumeSpec | SecretSpec;
export type ResourceKind = ResourceSpec['kind'];

/** Further lines of a Dockerfile. */
export type BuildStepsSpec = string | readonly (string | FileStepSpec)[];

export interface FileStepSpec {
  /** A file of the context, by its path in it, that the lines are about. */
  readonly file: string;
  readonly lines: string;
  /** Whether the lines are left out where there is no such file. Else there has to be one. */
  readonly optional: boolean;
}

export type ImageSpec =
  | { readonly type: 'pull'; readonly reference: string; readonly policy: PullPolicy }
  | {
      readonly type: 'build';
      /** Folder sent to the engine; none for a Dockerfile that copies nothing. */
      readonly context?: string;
      /** Path of the Dockerfile inside the context. */
      readonly dockerfile: string;
      /** Text used instead of a Dockerfile in the context. */
      readonly inline?: string;
      /** Text behind the Dockerfile's. */
      readonly steps?: BuildStepsSpec;
      readonly args: Readonly<Record<string, string>>;
      readonly target?: string;
      readonly platform?: string;
      readonly labels: Readonly<Record<string, string>>;
      readonly cacheFrom: readonly string[];
      /** Further folders, by name. */
      readonly contexts: Readonly<Record<string, string>>;
      readonly secrets: readonly BuildSecretSpec[];
      readonly ssh: boolean;
      /** What the build itself needs, when unset. */
      readonly builder?: 'classic' | 'buildkit';
    };
/** A time is the longest that may have passed since the last pull. */
export type PullPolicy = 'missing' | 'always' | 'never' | { readonly everyMs: number };

export interface BuildSecretSpec {
  /** Name of the secret. */
  readonly secret: string;
  /** What the Dockerfile calls it. */
  readonly id: string;
}

export interface HealthTiming {
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Failures in a row that make a healthy container unhealthy. */
  readonly retries: number;
}
export type HealthSpec =
  | ({ readonly type: 'tcp' } & HealthTiming)
  | ({
      readonly type: 'http';
      readonly path: string;
      /** Host header of the request; what visitors would ask for when unset. */
      readonly host?: string;
      readonly minStatus: number;
      readonly maxStatus: number;
    } & HealthTiming)
  | ({ readonly type: 'command'; readonly command: readonly string[] } & HealthTiming);

/** A check that a proxy, or anybody with a connection, can do. */
export type ProbeSpec = Exclude<HealthSpec, { type: 'command' }>;

export type MountSpec =
  | {
      readonly type: 'bind';
      readonly source: string;
      readonly target: string;
      readonly readOnly: boolean;
      /** Whether what it holds is part of what the container is made from. Never when unset. */
      readonly restartOn?: 'change';
      /** Run in the container that is there, before it is stopped for one with another content. */
      readonly check?: readonly string[];
    }
  | { readonly type: 'volume'; readonly volume: string; readonly target: string; readonly readOnly: boolean }
  | { readonly type: 'tmpfs'; readonly target: string; readonly sizeBytes?: number };

export interface FileSpec {
  readonly target: string;
  /** Permission bits, as `0o644`. */
  readonly mode: number;
  readonly content?: string;
  /** Path of a file on the machine that runs the program. */
  readonly source?: string;
}

export interface SecretMountSpec {
  readonly secret: string;
  /** File in the container, mode 0400, owned by the user that the container runs as. */
  readonly target: string;
  /** Environment variable that is set to the file's content when the container's program starts. */
  readonly env?: string;
  /** Text before and behind the value. */
  readonly prefix?: string;
  readonly suffix?: string;
  /** How the value is written; as it is when unset. */
  readonly encoding?: SecretEncoding;
}
export type SecretEncoding = 'uri' | 'pgpass' | 'quoted';

export interface PublishSpec {
  /** Port on the host; 0 takes any free one and keeps it. */
  readonly port: number;
  readonly host: string;
  readonly containerPort: number;
}

export interface ResourceLimits {
  readonly memoryBytes?: number;
  /** Processors' worth of time, as `1.5`; at least 0.01. */
  readonly cpus?: number;
  /** Largest number of processes and threads. */
  readonly pids?: number;
}

/** Of what is left out, the engine's driver is kept, and files of 10 MiB, three of them. */
export interface LoggingSpec {
  readonly driver?: string;
  readonly maxSizeBytes?: number;
  readonly maxFiles?: number;
  readonly options?: Readonly<Record<string, string>>;
}

/** What apps and services have in common: one container. */
export interface ContainerSpec {
  readonly name: string;
  readonly image: ImageSpec;
  readonly command?: readonly string[];
  readonly entrypoint?: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly mounts: readonly MountSpec[];
  readonly files: readonly FileSpec[];
  readonly secrets: readonly SecretMountSpec[];
  readonly publish: readonly PublishSpec[];
  readonly restart: RestartPolicy;
  readonly dependsOn: readonly string[];
  readonly health?: HealthSpec;
  /** How long a start may take until the container answers. */
  readonly startTimeoutMs: number;
  readonly resources: ResourceLimits;
  readonly stopSignal?: string;
  readonly stopGraceMs: number;
  readonly init: boolean;
  readonly user?: string;
  readonly workingDir?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly readOnly: boolean;
  readonly capAdd: readonly string[];
  readonly capDrop: readonly string[];
  readonly extraHosts: Readonly<Record<string, string>>;
  readonly logging?: LoggingSpec;
}
export type RestartPolicy = 'always' | 'unless-stopped' | 'on-failure' | 'no';

export interface AppSpec extends ContainerSpec {
  readonly kind: 'app';
  /** Port that the app listens on in its container. */
  readonly port: number;
  /** Environment variable that is set to the app's public path prefix when it is routed at exactly one. */
  readonly prefixEnv?: string;
  /** Whether its successor starts beside it. Never where it publishes a port of its own. */
  readonly updateOrder: 'start-first' | 'stop-first';
  /** Whether proxies use one connection to it for several requests. */
  readonly keepAlive: boolean;
  /** How long a version that is replaced may take to finish what visitors have begun. */
  readonly drainTimeoutMs: number;
  /** What its pools are like that say nothing else. Their specs have it already. */
  readonly poolDefaults?: { readonly maxConcurrency: number };
}

export interface ServiceSpec extends ContainerSpec {
  readonly kind: 'service';
}

export type BalanceSpec =
  | { readonly algorithm: 'leastconn' | 'roundrobin' | 'source' | 'random' }
  | { readonly algorithm: 'header'; readonly header: string };

export interface QueueSpec {
  /** Requests that may wait for a worker; more get 503. */
  readonly limit: number;
  readonly timeoutMs: number;
}

export interface UpdateSpec {
  readonly order: 'start-first' | 'stop-first';
  /** Workers replaced at once. */
  readonly parallelism: number;
  /** Pause between two batches. */
  readonly delayMs: number;
  readonly onFailure: 'rollback' | 'pause';
}

export type StickySpec =
  | { readonly type: 'none' | 'source' }
  | {
      readonly type: 'cookie';
      readonly name: string;
      readonly secure: boolean;
      readonly sameSite: 'lax' | 'strict' | 'none';
      /** From a client's first request; as long as the client keeps the cookie when unset. */
      readonly ttlMs?: number;
    };

export interface PoolSpec {
  readonly kind: 'pool';
  readonly name: string;
  readonly app: string;
  readonly replicas: number;
  readonly balance: BalanceSpec;
  /** Requests at once per worker; unlimited when unset. */
  readonly maxConcurrency?: number;
  readonly queue: QueueSpec;
  readonly sticky: StickySpec;
  readonly health: ProbeSpec;
  /** Time in which a worker that joins comes to its full share; at once when unset. */
  readonly slowStartMs?: number;
  /** Longest silence of a worker while it answers. An hour when unset, which is what a route may wait at most. */
  readonly timeoutMs?: number;
  readonly update: UpdateSpec;
  /** How long a worker that leaves may take to finish what visitors have begun. */
  readonly drainTimeoutMs: number;
  /** Versions before the present one that are remembered. Three when unset. */
  readonly keepVersions?: number;
  readonly publish: readonly PublishSpec[];
  /** Proxies in front of what it publishes, by address or network: what they say of visitors is believed. Nobody when unset. */
  readonly trustedProxies?: readonly string[];
  /** Where HAProxy's read-only statistics page is published; nowhere when empty. */
  readonly stats: readonly PublishSpec[];
  readonly logging?: LoggingSpec;
  readonly image: ImageSpec;
}

export type RouteTarget =
  | { readonly type: 'resource'; readonly name: string }
  | { readonly type: 'redirect'; readonly to: string; readonly status: 301 | 302 | 307 | 308 };

export interface BasicAuthSpec {
  readonly realm: string;
  /** By user: a password's hash, or the name of the secret that holds the password. */
  readonly users: Readonly<Record<string, string | { readonly secret: string }>>;
}

export interface CorsSpec {
  /** `*` alone, or origins; one that begins with `https://*.` stands for every host of one more label. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeSeconds: number;
}

export interface MaintenanceSpec {
  /** Path of a file on the machine that runs the program; a line of text when unset. */
  readonly page?: string;
  readonly retryAfterSeconds: number;
  /** Client addresses or networks that are let through. */
  readonly except: readonly string[];
}

export interface RouteSpec {
  /** Starts and ends with `/`. */
  readonly prefix: string;
  readonly target: RouteTarget;
  readonly stripPrefix: boolean;
  /** Host this route is for; every host of the router when unset. */
  readonly host?: string;
  /** Longest silence of the app while it answers. */
  readonly timeoutMs: number;
  /** Longest silence of a WebSocket. */
  readonly webSocketTimeoutMs: number;
  readonly buffering: boolean;
  readonly maxBodyBytes?: number;
  readonly auth?: BasicAuthSpec;
  readonly rateLimit?: { readonly requestsPerSecond: number; readonly burst: number };
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  /** Headers added to every response. */
  readonly headers: Readonly<Record<string, string>>;
  readonly cors?: CorsSpec;
  readonly maintenance?: MaintenanceSpec;
}

export type CertificateSpec =
  /** Names of the secrets that hold the PEM certificate chain and its key. */
  | { readonly type: 'own'; readonly certificate: string; readonly key: string }
  | { readonly type: 'self-signed' }
  | ({ readonly type: 'acme' } & AcmeSpec);

export interface AcmeSpec {
  readonly termsAgreed: true;
  /** URL of the authority's directory. */
  readonly directory: string;
  readonly email?: string;
  /** Path of a PEM file on the machine that runs the program. */
  readonly ca?: string;
}

export interface HstsSpec {
  readonly maxAgeSeconds: number;
  readonly includeSubDomains: boolean;
  readonly preload: boolean;
}

export interface TlsSpec {
  /** For every host that has no other. */
  readonly certificate: CertificateSpec;
  /** By host name or wildcard. */
  readonly hosts: Readonly<Record<string, CertificateSpec>>;
  /** Whether plain HTTP is sent on to HTTPS. */
  readonly redirect: boolean;
  readonly hsts?: HstsSpec;
  /** The oldest version of TLS that is spoken. */
  readonly minVersion: '1.2' | '1.3';
}

export interface RouterSpec {
  readonly kind: 'router';
  readonly name: string;
  readonly publish: readonly PublishSpec[];
  readonly serverName: readonly string[];
  readonly tls?: TlsSpec;
  /** Folder of static files served where no route matches; nginx's welcome page when unset. */
  readonly root?: string;
  readonly maxBodyBytes: number;
  readonly compress: boolean;
  readonly accessLog: 'off' | 'combined' | 'json';
  readonly headers: Readonly<Record<string, string>>;
  /** Proxies in front of it, by address or network: what they say of visitors is believed. */
  readonly trustedProxies: readonly string[];
  /** Paths of files on the machine that runs the program, by the status of the answers that they are for. */
  readonly errorPages: Readonly<Record<string, string>>;
  readonly maintenance?: MaintenanceSpec;
  /** How long what visitors have begun may go on after a reload. */
  readonly drainTimeoutMs: number;
  readonly routes: readonly RouteSpec[];
  readonly logging?: LoggingSpec;
  readonly image: ImageSpec;
}

export interface VolumeSpec {
  readonly kind: 'volume';
  readonly name: string;
  readonly driver: string;
  readonly driverOptions: Readonly<Record<string, string>>;
}

export type SecretSource =
  | { readonly type: 'file'; readonly path: string }
  | { readonly type: 'env'; readonly variable: string }
  /** The value itself is not in the spec: it stays in the process that made the secret. */
  | { readonly type: 'value' }
  | { readonly type: 'generate'; readonly bytes: number; readonly rotation: number };

export interface SecretSpec {
  readonly kind: 'secret';
  readonly name: string;
  readonly source: SecretSource;
}
