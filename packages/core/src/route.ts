import { basicAuth, type BasicAuth } from './basic-auth.js';
import {
  dictionary,
  flag,
  integer,
  list,
  matching,
  numberFrom,
  options,
  refuse,
  type Check,
  type Checks,
} from './check.js';
import { reference } from './container-options.js';
import { cors, type Cors } from './cors.js';
import { ipNetwork } from './ip-address.js';
import { maintenance, type Maintenance } from './maintenance.js';
import { headerValue, hostName, plainHostName, responseHeaderName } from './name.js';
import { listeningPort } from './publish.js';
import type { App } from './app.js';
import type { Pool } from './pool.js';
import type { RouteSpec, RouteTarget } from './spec.js';

/** Answers with a redirect instead of passing the request on. */
export interface Redirect {
  /** Absolute URL, or a path on the same host. */
  readonly redirect: string;
  /** @default 308: permanent, and the method stays */
  readonly status?: 301 | 302 | 307 | 308;
}

export interface RateLimit {
  /** Requests a second from one client address; one a minute, 1/60, is the least. */
  readonly requestsPerSecond: number;
  /** Requests above the rate that are let through before others get 429. @default 0 */
  readonly burst?: number;
}

export interface RouteOptions {
  /** Removes the prefix before the app sees the path. @default true */
  readonly stripPrefix?: boolean;
  /** Only for this host, or `*.host`. @default every host of the router */
  readonly host?: string;
  /** Longest silence of the app, in milliseconds, before the visitor gets 504. @default 60000 */
  readonly timeoutMs?: number;
  /**
   * Longest silence of a WebSocket, in milliseconds, before it is closed. It is the app's time for the handshake too.
   * @default `timeoutMs` where that is given, else 3600000
   */
  readonly webSocketTimeoutMs?: number;
  /** Collects answers before passing them on; `false` streams them, for server-sent events. @default true */
  readonly buffering?: boolean;
  /** Largest request body; 0 for no limit. @default the router's */
  readonly maxBodyBytes?: number;
  /** Asks for a user and a password. @default nobody is asked */
  readonly auth?: BasicAuth;
  readonly rateLimit?: RateLimit;
  /** Client addresses or networks let in, at least one; all others are refused. @default everybody */
  readonly allow?: readonly string[];
  /** Client addresses or networks refused. */
  readonly deny?: readonly string[];
  /** Headers added to every response. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Pages of other origins that may call it. @default what the app itself says */
  readonly cors?: Cors;
  /** Answers 503 for the time being. @default the router's */
  readonly maintenance?: boolean | Maintenance;
}

/** `/` or `/app1/`: unreserved characters of RFC 3986 only, so that no prefix needs escaping anywhere. */
const prefix = matching(
  /^\/(?:(?!\.{1,2}\/)[A-Za-z0-9._~-]+\/)*$/,
  'a path that starts and ends with "/", such as "/app1/", of letters, digits and . _ ~ -',
);
/** An empty list would let everybody in, where whoever computed it meant nobody. */
const allowed: Check<readonly string[]> = (value, path) => {
  const networks = list(ipNetwork)(value, path);
  if (networks.length === 0)
    refuse(path, 'a list of at least one address; left out, it lets everybody in', value);
  return networks;
};

const origin = /^https?:\/\/([^/:]*)(?::(\d{1,5}))?(?=\/|$)/;
// A path of RFC 3986 with its query and fragment. One that began with `//` would lead to another host.
const pathOfRedirect = /^\/(?!\/)(?:[A-Za-z0-9\-._~!&()*+,=:@/?#]|%[0-9A-Fa-f]{2})*$/;

const redirectTarget: Check<string> = (value, path) => {
  const wanted = 'a URL or a path on the same host, percent-encoded where it holds other characters';
  if (typeof value !== 'string') refuse(path, wanted, value);
  const [start = '', host, port] = origin.exec(value) ?? [];
  if (host !== undefined) plainHostName(host, `${path}: the host`);
  if (port !== undefined) listeningPort(Number(port), `${path}: the port`);
  const rest = value.slice(start.length);
  if (!(rest === '' ? start !== '' : pathOfRedirect.test(rest))) refuse(path, wanted, value);
  return value;
};
const target: Check<RouteTarget> = (value, path) => {
  if (typeof value === 'object' && value !== null && 'redirect' in value) {
    const { redirect, status = 308 } = options<Partial<Redirect>>(value, path, {
      redirect: redirectTarget,
      status: (each, at) => {
        if (each !== 301 && each !== 302 && each !== 307 && each !== 308)
          refuse(at, '301, 302, 307 or 308', each);
        return each;
      },
    });
    return {
      type: 'redirect',
      to: redirect ?? refuse(`${path}.redirect`, 'a URL or a path', redirect),
      status,
    };
  }
  return { type: 'resource', name: reference('app', 'pool')(value, path).name };
};

type Checked = Partial<Omit<RouteSpec, 'prefix' | 'target'>>;

const rateLimit: Check<NonNullable<RouteSpec['rateLimit']>> = (value, path) => {
  const { requestsPerSecond, burst } = options<Partial<RateLimit>>(value, path, {
    requestsPerSecond: numberFrom(1 / 60, 1_000_000, 'a number from 1/60, one a minute, to 1000000'),
    burst: integer(0, 1_000_000),
  });
  if (requestsPerSecond === undefined) refuse(`${path}.requestsPerSecond`, 'requests a second', undefined);
  return { requestsPerSecond, burst: burst ?? 0 };
};

const checks: Checks<Checked> = {
  stripPrefix: flag,
  host: (value, path) => hostName(value, path).toLowerCase(),
  timeoutMs: integer(1, 86_400_000),
  webSocketTimeoutMs: integer(1, 86_400_000),
  buffering: flag,
  maxBodyBytes: integer(0),
  auth: basicAuth,
  rateLimit,
  allow: allowed,
  deny: list(ipNetwork),
  headers: dictionary(responseHeaderName, headerValue),
  cors,
  maintenance: maintenance as Check<NonNullable<RouteSpec['maintenance']>>,
};

/** Checks one route of a router; the one place where a route's defaults are filled in. */
export function routeSpec(
  path: string,
  givenPrefix: string,
  givenTarget: App | Pool | Redirect,
  given: RouteOptions,
): RouteSpec {
  const { maintenance, ...checked } = options<Checked>(given, path, checks);
  const { cors, headers = {} } = checked;
  const twice = Object.keys(headers).find((each) => /^access-control-/i.test(each));
  if (cors !== undefined && twice !== undefined) refuse(`${path}.headers`, 'without what cors says', twice);
  return {
    prefix: prefix(givenPrefix, `${path}: the prefix`),
    target: target(givenTarget, `${path}: the target`),
    stripPrefix: true,
    timeoutMs: 60_000,
    webSocketTimeoutMs: checked.timeoutMs ?? 3_600_000,
    buffering: true,
    allow: [],
    deny: [],
    headers,
    ...checked,
    ...(maintenance !== undefined && { maintenance }),
  };
}
