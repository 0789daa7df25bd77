import { createHash, createPublicKey } from 'node:crypto';

/** The thumbprint of an account's key, by which an authority knows the key again: RFC 7638. It tells nothing of the key. */
export function thumbprint(accountKey: Buffer | string): string {
  const { crv, kty, x, y } = createPublicKey(accountKey).export({ format: 'jwk' });
  // These members, in this order: section 3.2.
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
}
