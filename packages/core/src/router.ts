import { dictionary, flag, integer, line, list, oneOf, oneOrMany, options, type Check } from './check.js';
import { errorPages } from './error-pages.js';
import { freeze } from './freeze.js';
import { image, type Image } from './image.js';
import { logging, type Logging } from './logging.js';
import { ipNetwork } from './ip-address.js';
import { linksIn, type Link } from './link.js';
import { maintenance, type Maintenance } from './maintenance.js';
import { headerValue, hostName, resourceName, responseHeaderName } from './name.js';
import { everyAddress, publish, type Publish } from './publish.js';
import { Resource } from './resource.js';
import { routeSpec, type Redirect, type RouteOptions } from './route.js';
import { tls, type Tls } from './tls.js';
import type { App } from './app.js';
import type { Pool } from './pool.js';
import type { ImageSpec, PublishSpec, RouteSpec, RouterSpec } from './spec.js';

export interface RouterOptions {
  /**
   * Host ports, on every IPv4 address unless one is given: a router is the public face. With `tls`, the first is for
   * HTTPS and the others are for plain HTTP, unless their `containerPort` says otherwise.
   * @default none: reached from the stack's own network only
   */
  readonly publish?: Publish;
  /** Host names it answers for; requests for other hosts get 404. @default every host */
  readonly serverName?: string | readonly string[];
  /** HTTPS. Plain HTTP is sent on to it. @default plain HTTP only */
  readonly tls?: Tls;
  /**
   * Folder of static files, served where no route matches. Browsers ask whether what they have is still right, but for
   * files with a digest in their name (`app-3f9c1a2b.js`), which they keep. @default nginx's welcome page
   */
  readonly root?: string;
  /** Largest request body; 0 for no limit. @default 10485760 (10 MiB) */
  readonly maxBodyBytes?: number;
  /** Compresses text answers with gzip. @default true */
  readonly compress?: boolean;
  /** Access log on the container's output, without query strings: keys and tokens are in them. @default 'json' */
  readonly accessLog?: 'off' | 'combined' | 'json';
  /** Headers added to every response. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Addresses or networks of proxies in front of this router. Their `X-Forwarded-For`, `X-Forwarded-Proto` and
   * `X-Request-Id` are believed; those of everybody else are replaced.
   * @default nobody is believed
   */
  readonly trustedProxies?: readonly string[];
  /**
   * Files to answer with where the router itself has nothing better: `{ 404: './404.html', 503: './down.json' }`. An app's
   * own answers are never replaced.
   * @default nginx's own pages
   */
  readonly errorPages?: Readonly<Record<number, string>>;
  /** Answers every request with 503 for the time being. @default false */
  readonly maintenance?: boolean | Maintenance;
  /**
   * How long what visitors have begun may go on after a reload, in milliseconds: downloads, uploads, WebSockets. Each change
   * of the router, its certificates or its targets is a reload; what was begun before it keeps the limit of before. Of what
   * eight reloads have left, the oldest is ended earlier.
   * @default 3600000
   */
  readonly drainTimeoutMs?: number;
  /** Where its output, access log included, is kept, and how much of it. @default as for apps */
  readonly logging?: Logging;
  /** nginx's image. @default 'nginx:1.30' */
  readonly image?: Image;
}

/** Port of plain HTTP in nginx's container. */
export const routerPort = 8080;
/** Port of HTTPS in nginx's container. */
export const routerTlsPort = 8443;
/** nginx's stable branch: https://nginx.org/en/download.html */
export const defaultRouterImage: ImageSpec = { type: 'pull', reference: 'nginx:1.30', policy: 'missing' };

const publishWithTls: Check<readonly PublishSpec[]> = (value, path) => {
  const https = publish(everyAddress, routerTlsPort)(value, path);
  const http = publish(everyAddress, routerPort)(value, path);
  return [...https.slice(0, 1), ...http.slice(1)];
};

/** nginx: host and path prefix to app or pool. */
export class Router extends Resource<'router'> {
  readonly kind = 'router';
  readonly #spec: Omit<RouterSpec, 'routes'>;
  readonly #routes: RouteSpec[] = [];
  readonly #links: Link[];

  constructor(stack: string, name: string, given: RouterOptions = {}) {
    super(stack, resourceName('router', name));
    const checked = options<Partial<Omit<RouterSpec, 'kind' | 'name' | 'routes'>>>(given, name, {
      publish: given?.tls === undefined ? publish(everyAddress, routerPort) : publishWithTls,
      serverName: oneOrMany(hostName),
      tls,
      root: line,
      maxBodyBytes: integer(0),
      compress: flag,
      accessLog: oneOf('off', 'combined', 'json'),
      headers: dictionary(responseHeaderName, headerValue),
      trustedProxies: list(ipNetwork),
      errorPages,
      maintenance: maintenance as Check<NonNullable<RouterSpec['maintenance']>>,
      drainTimeoutMs: integer(1, 86_400_000),
      logging,
      image,
    });
    this.#links = [...linksIn(given)];
    this.#spec = freeze({
      kind: 'router',
      name,
      publish: checked.publish ?? [],
      serverName: (checked.serverName ?? []).map((each) => each.toLowerCase()),
      ...(checked.tls !== undefined && { tls: checked.tls }),
      ...(checked.root !== undefined && { root: checked.root }),
      maxBodyBytes: checked.maxBodyBytes ?? 10 * 1024 * 1024,
      compress: checked.compress ?? true,
      accessLog: checked.accessLog ?? 'json',
      headers: checked.headers ?? {},
      trustedProxies: checked.trustedProxies ?? [],
      errorPages: checked.errorPages ?? {},
      ...(checked.maintenance !== undefined && { maintenance: checked.maintenance }),
      drainTimeoutMs: checked.drainTimeoutMs ?? 3_600_000,
      ...(checked.logging !== undefined && { logging: checked.logging }),
      image: checked.image ?? defaultRouterImage,
    });
  }

  override get links(): readonly Link[] {
    return this.#links;
  }

  /**
   * Sends requests below `prefix` to an app or a pool, or redirects them. The longest matching prefix wins, and a route
   * for the request's own host wins over one for every host.
   */
  route(prefix: string, target: App | Pool | Redirect, given: RouteOptions = {}): this {
    const option = `routes[${this.#routes.length}]`;
    this.#routes.push(routeSpec(`${this.name}.${option}`, prefix, target, given));
    this.#links.push(...linksIn(target, `${option}.target`), ...linksIn(given, option));
    return this;
  }

  toSpec(): RouterSpec {
    return { ...this.#spec, routes: [...this.#routes] };
  }
}
