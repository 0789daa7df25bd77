import { integer, list, oneOf, options, refuse, type Check } from './check.js';
import { reference } from './container-options.js';
import { drainTimeout } from './drain-timeout.js';
import { freeze } from './freeze.js';
import { defaultHealth, healthCheck, type HealthCheck } from './health-check.js';
import { image, type Image } from './image.js';
import { defaultKeepVersions, keepVersions } from './keep-versions.js';
import { logging, type Logging } from './logging.js';
import { ipNetwork } from './ip-address.js';
import { linksIn, type Link } from './link.js';
import { headerName, resourceName } from './name.js';
import { loopback, publish, type Publish } from './publish.js';
import { requestsAtOnce } from './requests-at-once.js';
import { Resource } from './resource.js';
import type { App } from './app.js';
import type {
  BalanceSpec,
  HealthSpec,
  ImageSpec,
  LoggingSpec,
  PoolSpec,
  QueueSpec,
  StickySpec,
  UpdateSpec,
} from './spec.js';
import { sticky, type Sticky } from './sticky.js';

/** How the next worker is chosen. `{ header }` keeps requests with the same value of it together. */
export type Balance = 'leastconn' | 'roundrobin' | 'source' | 'random' | { readonly header: string };

export interface PoolOptions {
  /** The app that every worker runs. It is not also run by itself. */
  readonly app: App;
  /** Workers. @default 1 */
  readonly replicas?: number;
  /** @default 'leastconn' */
  readonly balance?: Balance;
  /**
   * Requests at once per worker; the others wait in the pool's queue.
   * @default what the app says of its pools: 1 for one made by `plumber()`, as R answers one at a time; else unlimited
   */
  readonly maxConcurrency?: number | 'unlimited';
  /** Requests that wait while all workers are busy. @default { limit: 1024, timeoutMs: 30000 } */
  readonly queue?: Partial<QueueSpec>;
  /** Keeps a client on one worker, by a cookie or by its address. @default false */
  readonly sticky?: Sticky;
  /** How HAProxy checks a worker: `tcp` or `http`. @default the app's, where it is one of these; else `tcp` */
  readonly health?: HealthCheck;
  /**
   * Time in which a worker that joins comes from few requests to its full share, in milliseconds: for what is slow until it
   * is warm. Whole seconds count. @default 0: its full share at once
   */
  readonly slowStartMs?: number;
  /**
   * Longest silence of a worker while it answers, in milliseconds. Beyond it the worker counts as wedged: a GET goes to
   * another one, anything else gets 504. With `maxConcurrency`, an `http` check waits as long for a worker that is busy, but
   * no longer than 10 minutes.
   * @default 3600000
   */
  readonly timeoutMs?: number;
  /** How workers are replaced. @default { order: 'start-first', parallelism: 1, delayMs: 0, onFailure: 'rollback' } */
  readonly update?: Partial<UpdateSpec>;
  /**
   * How long a worker that leaves may take to finish what visitors have begun, in milliseconds: answers, uploads and
   * WebSockets. Then it is stopped, and has its app's `stopGraceMs`. @default the app's: 30000
   */
  readonly drainTimeoutMs?: number;
  /**
   * How many versions before the present one are remembered, to be gone back to by `rollback`: 0 to 50. What they take is
   * kept: their images, and the files and secrets of their workers.
   * @default 3
   */
  readonly keepVersions?: number;
  /**
   * Host ports of its own, with nginx behind them that keeps slow visitors away from the workers; loopback unless an address
   * is given.
   * @default none
   */
  readonly publish?: Publish;
  /**
   * Addresses or networks of proxies in front of `publish`. Their `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Request-Id`
   * are believed; those of everybody else are replaced.
   * @default nobody is believed
   */
  readonly trustedProxies?: readonly string[];
  /** Host ports of HAProxy's statistics page, which changes nothing; loopback unless an address is given. @default none */
  readonly stats?: Publish;
  /** Where its HAProxy's output is kept, and how much of it; workers have their app's. @default as for apps */
  readonly logging?: Logging;
  /** HAProxy's image. @default 'haproxy:3.2' */
  readonly image?: Image;
}

/** Port that HAProxy listens on in its container. */
export const poolPort = 8080;
/** Port of HAProxy's statistics page in its container. */
export const poolStatsPort = 8404;
/** HAProxy's long-term branch: https://www.haproxy.org/#last */
const defaultImage: ImageSpec = { type: 'pull', reference: 'haproxy:3.2', policy: 'missing' };

const balance: Check<BalanceSpec> = (value, path) => {
  if (typeof value === 'object' && value !== null) {
    const { header } = options<{ header?: string }>(value, path, { header: headerName });
    if (header === undefined) refuse(`${path}.header`, 'the name of an HTTP header', undefined);
    return { algorithm: 'header', header };
  }
  return { algorithm: oneOf('leastconn', 'roundrobin', 'source', 'random')(value, path) };
};

/** HAProxy names slots of a pool in its configuration; a thousand is far beyond what one engine runs. */
export const replicaCount = integer(0, 1000);
const milliseconds = integer(0, 3_600_000);
const defaultQueue: QueueSpec = { limit: 1024, timeoutMs: 30_000 };
const defaultUpdate: UpdateSpec = { order: 'start-first', parallelism: 1, delayMs: 0, onFailure: 'rollback' };

/** Interchangeable workers of one app behind a HAProxy. */
export class Pool extends Resource<'pool'> {
  readonly kind = 'pool';
  readonly #links: readonly Link[];
  readonly #spec: PoolSpec;

  constructor(stack: string, name: string, given: PoolOptions) {
    super(stack, resourceName('pool', name));
    const checked = options<{
      app?: App;
      replicas?: number;
      balance?: BalanceSpec;
      maxConcurrency?: number | 'unlimited';
      queue?: Partial<QueueSpec>;
      sticky?: StickySpec;
      health?: HealthSpec;
      slowStartMs?: number;
      timeoutMs?: number;
      update?: Partial<UpdateSpec>;
      drainTimeoutMs?: number;
      keepVersions?: number;
      publish?: PoolSpec['publish'];
      trustedProxies?: readonly string[];
      stats?: PoolSpec['stats'];
      logging?: LoggingSpec;
      image?: ImageSpec;
    }>(given, name, {
      app: (value, path) => reference('app')(value, path) as App,
      replicas: replicaCount,
      balance,
      maxConcurrency: (value, path) => (value === 'unlimited' ? value : requestsAtOnce(value, path)),
      queue: (value, path) =>
        options<Partial<QueueSpec>>(value, path, {
          limit: integer(0, 1_000_000),
          timeoutMs: integer(1, 3_600_000),
        }),
      sticky: sticky(name),
      slowStartMs: milliseconds,
      timeoutMs: integer(1, 3_600_000),
      health: healthCheck,
      update: (value, path) =>
        options<Partial<UpdateSpec>>(value, path, {
          order: oneOf('start-first', 'stop-first'),
          parallelism: integer(1, 1000),
          delayMs: milliseconds,
          onFailure: oneOf('rollback', 'pause'),
        }),
      drainTimeoutMs: drainTimeout,
      keepVersions,
      publish: publish(loopback, poolPort),
      trustedProxies: list(ipNetwork),
      stats: publish(loopback, poolStatsPort),
      logging,
      image,
    });
    const { app, slowStartMs, timeoutMs, trustedProxies = [] } = checked;
    if (app === undefined) refuse(`${name}.app`, 'the app that its workers run', undefined);
    if (checked.health?.type === 'command') {
      refuse(
        `${name}.health`,
        '{ tcp: true } or { http: "/path" }, which HAProxy itself can check',
        given.health,
      );
    }
    const { health: ofApp, drainTimeoutMs, poolDefaults } = app.toSpec();
    const { keepVersions: kept = defaultKeepVersions } = checked;
    const maxConcurrency = checked.maxConcurrency ?? poolDefaults?.maxConcurrency ?? 'unlimited';
    this.#links = linksIn(given);
    this.#spec = freeze({
      kind: 'pool',
      name,
      app: app.name,
      replicas: checked.replicas ?? 1,
      balance: checked.balance ?? { algorithm: 'leastconn' },
      ...(maxConcurrency !== 'unlimited' && { maxConcurrency }),
      queue: { ...defaultQueue, ...checked.queue },
      sticky: checked.sticky ?? { type: 'none' },
      health: checked.health ?? (ofApp === undefined || ofApp.type === 'command' ? defaultHealth : ofApp),
      ...(slowStartMs !== undefined && slowStartMs > 0 && { slowStartMs }),
      ...(timeoutMs !== undefined && { timeoutMs }),
      update: { ...defaultUpdate, ...checked.update },
      drainTimeoutMs: checked.drainTimeoutMs ?? drainTimeoutMs,
      ...(kept !== defaultKeepVersions && { keepVersions: kept }),
      publish: checked.publish ?? [],
      ...(trustedProxies.length > 0 && { trustedProxies }),
      stats: checked.stats ?? [],
      ...(checked.logging !== undefined && { logging: checked.logging }),
      image: checked.image ?? defaultImage,
    });
  }

  override get links(): readonly Link[] {
    return this.#links;
  }

  toSpec(): PoolSpec {
    return this.#spec;
  }
}
