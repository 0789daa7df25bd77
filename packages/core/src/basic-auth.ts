import { dictionary, isRecord, matching, options, refuse, refuseUnseen, type Check } from './check.js';
import { reference } from './container-options.js';
import { isResource } from './resource.js';
import { headerValue } from './name.js';
import type { Secret } from './secret.js';
import type { BasicAuthSpec } from './spec.js';

/** HTTP basic authentication. */
export interface BasicAuth {
  /** @default 'restricted' */
  readonly realm?: string;
  /**
   * By user: a secret that holds the password, or a hash of it, as `hashPassword`, `htpasswd` and `openssl passwd -6`
   * make it. Never the password itself. Of hashes, `$5$` and `$6$` (SHA crypt), `$2a$` and `$2y$` (bcrypt), `$y$`
   * (yescrypt), `$1$`, `$apr1$` and `{SSHA}` are taken. nginx checks it with every request: one that takes long to check,
   * as bcrypt's, makes all of its visitors wait.
   */
  readonly users: Readonly<Record<string, string | Secret>>;
}

// crypt(3) formats that nginx passes to the C library, and its own {SSHA}: no plain text.
const hash = /^(?:\$(?:1|5|6|apr1|2[aby]|y)\$[./A-Za-z0-9$=,]+|\{SSHA\}[A-Za-z0-9+/=]+)$/;
const userName = matching(/^[A-Za-z0-9._@-]{1,64}$/, 'a user name of letters, digits and . _ @ -');

const password: Check<string | { readonly secret: string }> = (value, path) => {
  if (isResource(value)) return { secret: reference('secret')(value, path).name };
  if (typeof value !== 'string' || !hash.test(value)) {
    refuseUnseen(path, 'a secret, or a password hash such as "$6$..." from `openssl passwd -6`');
  }
  return value;
};

export const basicAuth: Check<BasicAuthSpec> = (value, path) => {
  const { realm, users } = options<Partial<BasicAuthSpec>>(value, path, {
    realm: headerValue,
    users: dictionary(userName, password),
  });
  if (!isRecord(users) || Object.keys(users).length === 0)
    refuse(`${path}.users`, 'at least one user', users);
  return { realm: realm ?? 'restricted', users };
};
