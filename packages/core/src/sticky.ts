import { flag, integer, isRecord, matching, oneOf, options, refuse, type Check } from './check.js';
import type { StickySpec } from './spec.js';

/** The cookie by which a client comes back to its worker. It tells nothing but the worker's slot. */
export interface StickyCookie {
  /** @default 'plumbstack-' and the pool's name: cookies do not know ports, so each pool needs one of its own */
  readonly name?: string;
  /** Sent over HTTPS alone. @default false */
  readonly secure?: boolean;
  /** Whether pages of other sites send it. `'none'` needs `secure`. @default 'lax' */
  readonly sameSite?: 'lax' | 'strict' | 'none';
  /**
   * How long a client stays on its worker, from its first request, in milliseconds; whole seconds count. Then it is given a
   * worker anew. @default as long as the client keeps the cookie, which browsers do until they are closed
   */
  readonly ttlMs?: number;
}

/**
 * Keeps a client on one worker: by a cookie, or by the client's address. A client whose worker leaves, or does not answer,
 * gets another one, and stays there.
 */
export type Sticky = 'cookie' | 'source' | false | { readonly cookie: StickyCookie };

// RFC 6265 takes any token. Of those, what is no punctuation to a proxy or a browser.
const cookieName = matching(
  /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/,
  'the name of a cookie: at most 64 letters, digits and . _ -, with no dot in front',
);
/** A year: https://www.rfc-editor.org/rfc/rfc6265bis has browsers keep none for much longer. */
const longestTtlMs = 365 * 24 * 3_600_000;

/** @param pool name of the pool, for the cookie's */
export function sticky(pool: string): Check<StickySpec> {
  return (value, path) => {
    if (!isRecord(value)) {
      const kind = oneOf('cookie', 'source', false)(value, path);
      return kind === 'cookie' ? cookieOf(pool, {}, path) : { type: kind || 'none' };
    }
    const { cookie } = options<{ cookie?: StickyCookie }>(value, path, {
      cookie: (given, at) =>
        options<StickyCookie>(given, at, {
          name: cookieName,
          secure: flag,
          sameSite: oneOf('lax', 'strict', 'none'),
          ttlMs: integer(1000, longestTtlMs),
        }),
    });
    if (cookie === undefined) refuse(`${path}.cookie`, 'an object of options', undefined);
    return cookieOf(pool, cookie, `${path}.cookie`);
  };
}

function cookieOf(
  pool: string,
  { name = `plumbstack-${pool}`, secure = false, sameSite = 'lax', ttlMs }: StickyCookie,
  path: string,
): StickySpec {
  // Browsers drop such a cookie without a word, and the client would go from worker to worker.
  if (!secure && sameSite === 'none') refuse(`${path}.secure`, 'true where sameSite is "none"', secure);
  if (!secure && /^__(?:secure|host)-/i.test(name))
    refuse(`${path}.secure`, `true for a cookie named ${name}`, secure);
  return { type: 'cookie', name, secure, sameSite, ...(ttlMs !== undefined && { ttlMs }) };
}
