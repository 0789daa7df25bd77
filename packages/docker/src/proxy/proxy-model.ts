/** What an nginx is told: everything resolved, nothing left to look up. */
export interface NginxModel {
  /** Listening port for plain HTTP in the container. */
  readonly port: number;
  /** Listening port for HTTPS; TLS is off when unset. */
  readonly tls?: {
    readonly port: number;
    /** Port that visitors use, for the redirect: no suffix when 443. */
    readonly publicPort: number;
    readonly certificatePath: string;
    readonly keyPath: string;
    /** Other certificates, by host name or wildcard. */
    readonly hosts: Readonly<Record<string, { readonly certificatePath: string; readonly keyPath: string }>>;
    /** Whether plain HTTP is sent on to HTTPS, rather than served. */
    readonly redirect: boolean;
    /** The oldest version of TLS that is spoken. */
    readonly minVersion: '1.2' | '1.3';
    /** Value of `Strict-Transport-Security`. */
    readonly hsts?: string;
  };
  /** What an ACME authority is answered with over plain HTTP, behind what it asks for; it gets no answer when unset. */
  readonly acmeThumbprint?: string;
  /** Lower-case host names; empty for every host. */
  readonly serverNames: readonly string[];
  /** Folder in the container with static files, for paths that no route matches. */
  readonly root: string;
  /** 0 for no limit. */
  readonly maxBodyBytes: number;
  readonly compress: boolean;
  readonly accessLog: 'off' | 'combined' | 'json';
  readonly headers: Readonly<Record<string, string>>;
  /** Proxies in front of it that are believed, by address or network. */
  readonly trustedProxies: readonly string[];
  /** Networks that its own container is in. Who comes from there is no visitor, but the stack itself or the engine's gateway. */
  readonly ownNetworks: readonly string[];
  /** Absolute paths of pages in the container, by the status of the answer. */
  readonly errorPages: Readonly<Record<string, string>>;
  /** For everything; a route may have its own. */
  readonly maintenance?: NginxMaintenance;
  /** How long what visitors have begun may go on after a reload. */
  readonly drainTimeoutMs: number;
  readonly routes: readonly NginxRoute[];
  /** Loopback port that answers `GET /` with `revision`, so that a reload can be seen to be in force. */
  readonly statusPort: number;
  /** Identifies this configuration: `[0-9a-f]+`. */
  readonly revision: string;
}

export interface NginxMaintenance {
  /** Absolute path in the container; a line of text when unset. */
  readonly page?: string;
  readonly retryAfterSeconds: number;
  /** Addresses or networks that are let through. */
  readonly except: readonly string[];
}

export interface NginxCors {
  /** `*` alone, or origins, of which `https://*.example.org` stands for all hosts of one more label. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposeHeaders: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeSeconds: number;
}

export interface NginxRoute {
  readonly prefix: string;
  readonly host?: string;
  readonly target:
    | {
        readonly type: 'upstream';
        /** DNS label, unique by resource; several routes may name the same. */
        readonly name: string;
        /** Addresses as `ip:port`; a route with none answers 503 with `Retry-After`. */
        readonly servers: readonly string[];
        /** Whether it is a pool's HAProxy, which retries and queues by itself. */
        readonly pool: boolean;
        /** Whether several requests may come over one connection. */
        readonly keepAlive: boolean;
        /** How long a pool that gives its workers one request after the other lets one wait for its turn. */
        readonly turnTimeoutMs?: number;
      }
    | { readonly type: 'redirect'; readonly to: string; readonly status: number };
  readonly stripPrefix: boolean;
  /** Longest silence of the app while it answers. */
  readonly timeoutMs: number;
  /** Longest silence of a WebSocket, its handshake included. */
  readonly webSocketTimeoutMs: number;
  readonly buffering: boolean;
  readonly maxBodyBytes?: number;
  readonly auth?: {
    readonly realm: string;
    /** User to hash, as for an htpasswd file. */
    readonly users: Readonly<Record<string, string>>;
  };
  readonly rateLimit?: { readonly requestsPerSecond: number; readonly burst: number };
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly cors?: NginxCors;
  readonly maintenance?: NginxMaintenance;
}

/** What a HAProxy is told. */
export interface HaproxyModel {
  readonly pool: string;
  /** Port that requests come in on. */
  readonly port: number;
  /** Port of the read-only statistics page; none when unset. */
  readonly statsPort?: number;
  /** Loopback port of the runtime API in the container. */
  readonly adminPort: number;
  /** Addresses or networks, of IPv4, of routers: what they say about visitors is believed. */
  readonly believed: readonly string[];
  /** Whether connections to workers are used for several requests. Never with `maxConcurrency`. */
  readonly keepAlive: boolean;
  /** All slots, with or without a worker: `w<number>` at a fixed `ip:port`. */
  readonly slots: readonly { readonly number: number; readonly address: string }[];
  readonly balance:
    | { readonly algorithm: 'leastconn' | 'roundrobin' | 'source' | 'random' }
    | { readonly algorithm: 'header'; readonly header: string };
  readonly maxConcurrency?: number;
  readonly queue: { readonly limit: number; readonly timeoutMs: number };
  readonly sticky:
    | { readonly type: 'none' | 'source' }
    | {
        readonly type: 'cookie';
        readonly name: string;
        readonly secure: boolean;
        readonly sameSite: 'lax' | 'strict' | 'none';
        readonly ttlMs?: number;
      };
  /** Time in which a worker that joins comes to its full share. */
  readonly slowStartMs?: number;
  readonly health:
    | {
        readonly type: 'tcp';
        readonly intervalMs: number;
        readonly timeoutMs: number;
        readonly retries: number;
      }
    | {
        readonly type: 'http';
        readonly path: string;
        readonly host?: string;
        readonly minStatus: number;
        readonly maxStatus: number;
        readonly intervalMs: number;
        readonly timeoutMs: number;
        readonly retries: number;
      };
  /** Longest silence of a worker while it answers: a GET goes to another one then. */
  readonly timeoutMs: number;
  /** Longest silence of a WebSocket. */
  readonly webSocketTimeoutMs: number;
  /** How long what visitors have begun may go on after a reload. */
  readonly drainTimeoutMs: number;
  readonly revision: string;
}

/** A file of a proxy's configuration, relative to its configuration folder. */
export interface ProxyFile {
  readonly path: string;
  readonly content: string;
}
