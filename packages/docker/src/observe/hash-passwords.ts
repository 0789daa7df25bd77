import type { StackSpec } from '@plumbstack/core';
import { encrypt } from 'unixcrypt';
import type { SecretInput } from '../compile/inputs.js';
import { Remembered } from './remembered.js';

/** A hash takes some 10 ms of this process, at each look. */
const known = new Remembered<string>(1000);

/**
 * Hashes of the passwords that routers ask for. The salt is the secret's fingerprint, which differs from stack to stack
 * and from value to value: the same password has the same hash with every run, so that nothing seems to have changed.
 */
export function hashPasswords(
  { resources }: StackSpec,
  secrets: Readonly<Record<string, SecretInput>>,
): Record<string, string> {
  const used = resources.flatMap((each) =>
    each.kind === 'router'
      ? each.routes
          .flatMap(({ auth }) => Object.values(auth?.users ?? {}))
          .filter((user) => typeof user === 'object')
      : [],
  );
  return Object.fromEntries(
    [...new Set(used.map(({ secret }) => secret))].flatMap((name) => {
      const { value, fingerprint } = secrets[name] ?? {};
      if (value === undefined || fingerprint === undefined) return [];
      // An editor ends a file with a line end, and nobody means it to be part of the password.
      const password = value.toString().replace(/\r?\n$/, '');
      const hash = known.of(fingerprint, password, () => encrypt(password, `$6$${fingerprint}`));
      return [[name, hash] as const];
    }),
  );
}
