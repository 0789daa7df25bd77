import { encrypt } from 'unixcrypt';

/**
 * A hash of a password for a route's `auth.users`, for a program that must not have the password itself: SHA-512 crypt
 * with a random salt, as `openssl passwd -6` makes it. Call it once and keep what it gives: with every call it is another.
 */
export function hashPassword(password: string): string {
  return encrypt(password);
}
