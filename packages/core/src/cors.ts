import { flag, integer, list, matching, oneOrMany, options, refuse, type Check } from './check.js';
import { headerName } from './name.js';
import type { CorsSpec } from './spec.js';

/**
 * Which pages of other origins may call a route from a browser. The router answers preflights itself, before it asks for a
 * password, as they carry none; and its word replaces what the app says of it.
 * https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export interface Cors {
  /** Origins as a browser writes them, `https://app.example.org` or `https://*.example.org`; `'*'` for every one. */
  readonly origins: string | readonly string[];
  /** @default ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] */
  readonly methods?: readonly string[];
  /** Request headers that a page may set. @default ['Authorization', 'Content-Type', 'X-Requested-With'] */
  readonly headers?: readonly string[];
  /** Response headers that a page may read, beside the few that every page may. @default [] */
  readonly exposeHeaders?: readonly string[];
  /** Lets cookies and passwords come along; for named origins only. @default false */
  readonly credentials?: boolean;
  /** How long a browser may remember the answer to a preflight. @default 600 */
  readonly maxAgeSeconds?: number;
}

const labels = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*';
/** Lower case and without a path, as browsers send it: RFC 6454, section 6.2. */
const origin = matching(
  new RegExp(`^(?:\\*|https?://(?:\\*\\.)?(?=[^:]{1,253}(?::|$))${labels}(?::[1-9]\\d{0,4})?)$`),
  'an origin such as "https://app.example.org", in lower case and without a path, or "*"',
);
const method = matching(/^[A-Z]{1,20}$/, 'a method in capital letters, such as "GET"');

const defaults = {
  methods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
  headers: ['Authorization', 'Content-Type', 'X-Requested-With'],
  exposeHeaders: [],
  credentials: false,
  maxAgeSeconds: 600,
} as const;

export const cors: Check<CorsSpec> = (value, path) => {
  const given = options<Partial<CorsSpec>>(value, path, {
    origins: oneOrMany(origin),
    methods: list(method),
    headers: list(headerName),
    exposeHeaders: list(headerName),
    credentials: flag,
    maxAgeSeconds: integer(0, 86_400),
  });
  const { origins = [] } = given;
  if (origins.length === 0) refuse(`${path}.origins`, 'at least one origin', given.origins);
  if (origins.length > 1 && origins.includes('*'))
    refuse(`${path}.origins`, '"*" alone, or origins without it', origins);
  if (given.credentials === true && origins.includes('*'))
    refuse(`${path}.credentials`, 'false where every origin may call: name the origins', true);
  return { ...defaults, ...given, origins };
};
