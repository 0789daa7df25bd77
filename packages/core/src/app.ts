import { flag, oneOf, options, type Check } from './check.js';
import { checkContainer, containerSpec, imageProblems, type ContainerOptions } from './container-options.js';
import { defaultDrainTimeoutMs, drainTimeout } from './drain-timeout.js';
import { freeze } from './freeze.js';
import { defaultHealth } from './health-check.js';
import { linksIn, type Link } from './link.js';
import { environmentName, resourceName } from './name.js';
import type { Problem } from './problem.js';
import { listeningPort, loopback } from './publish.js';
import { requestsAtOnce } from './requests-at-once.js';
import { Resource } from './resource.js';
import type { AppSpec } from './spec.js';

export interface AppOptions extends ContainerOptions {
  /** Port the app listens on in its container. @default 8000, plumber's */
  readonly port?: number;
  /**
   * Environment variable that is set to the app's public path prefix, as `/app1`, where exactly one route leads to it.
   * `plumber()` sets this to `PLUMBER_APIURL`. @default none: the app learns it from `X-Forwarded-Prefix`
   */
  readonly prefixEnv?: string;
  /**
   * Whether an update starts the new version beside the old one, or stops the old one first. A pool has an `update` of
   * its own.
   * @default 'stop-first' where it publishes a port of its own or may write to a volume, else 'start-first'
   */
  readonly updateOrder?: 'start-first' | 'stop-first';
  /**
   * Whether routers and pools keep their connections to it, and send the requests of several visitors over one. Only for an
   * app whose answers always end where they say they do, as those of Node, uvicorn and gunicorn: what another one sends
   * beyond that becomes the beginning of the next visitor's answer. It saves a connection a request: 0.15 ms, and for an app
   * that answers at once about a third of the throughput of a pool.
   * R (httpuv) answers HEAD with a body, and is slower this way.
   * @default false: each request has a connection of its own
   */
  readonly keepAlive?: boolean;
  /**
   * How long a version that an update replaces may take to finish what visitors have begun, in milliseconds: answers,
   * uploads and WebSockets. Then it is stopped, and has `stopGraceMs`. With `updateOrder: 'stop-first'` it has that alone.
   * @default 30000
   */
  readonly drainTimeoutMs?: number;
  /** What its pools are like where they do not say so themselves. `plumber()` sets `maxConcurrency: 1`. @default nothing */
  readonly poolDefaults?: PoolDefaults;
}

/** Options of pools that go by what their app is. */
export interface PoolDefaults {
  /** Requests at once per worker. @default unlimited */
  readonly maxConcurrency?: number;
}

const poolDefaults: Check<PoolDefaults> = (value, path) =>
  options<PoolDefaults>(value, path, { maxConcurrency: requestsAtOnce });

/** An HTTP application in one container. */
export class App extends Resource<'app'> {
  readonly kind = 'app';
  readonly #links: readonly Link[];
  readonly #problems: readonly Problem[];
  readonly #spec: AppSpec;

  constructor(stack: string, name: string, given: AppOptions) {
    super(stack, resourceName('app', name));
    const port = listeningPort(given?.port ?? 8000, `${name}.port`);
    const checked = checkContainer<
      Pick<AppOptions, 'port' | 'prefixEnv' | 'updateOrder' | 'keepAlive' | 'drainTimeoutMs' | 'poolDefaults'>
    >(
      given,
      name,
      {
        port: listeningPort,
        prefixEnv: environmentName,
        updateOrder: oneOf('start-first', 'stop-first'),
        keepAlive: flag,
        drainTimeoutMs: drainTimeout,
        poolDefaults,
      },
      loopback,
      port,
    );
    const { prefixEnv, publish = [], mounts = [], poolDefaults: { maxConcurrency } = {} } = checked;
    const writes = mounts.some((each) => each.type === 'volume' && !each.readOnly);
    const safeOrder = publish.length > 0 || writes ? 'stop-first' : 'start-first';
    this.#links = linksIn(given);
    this.#problems = imageProblems(name, checked);
    this.#spec = freeze({
      kind: 'app',
      ...containerSpec(name, checked, defaultHealth),
      port,
      ...(prefixEnv !== undefined && { prefixEnv }),
      updateOrder: checked.updateOrder ?? safeOrder,
      keepAlive: checked.keepAlive ?? false,
      drainTimeoutMs: checked.drainTimeoutMs ?? defaultDrainTimeoutMs,
      ...(maxConcurrency !== undefined && { poolDefaults: { maxConcurrency } }),
    });
  }

  override get links(): readonly Link[] {
    return this.#links;
  }

  override get problems(): readonly Problem[] {
    return this.#problems;
  }

  toSpec(): AppSpec {
    return this.#spec;
  }
}
