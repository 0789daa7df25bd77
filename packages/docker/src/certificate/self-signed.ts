import { createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import {
  bits,
  context,
  extension,
  identifier,
  pem,
  sequence,
  set,
  subjectAltName,
  time,
  unsigned,
  utf8,
  type Der,
} from './der.js';

/** A year and a month, the longest that browsers ever took; they look at certificates of one's own, too. */
const validDays = 397;
const dayMs = 86_400_000;

/** ecdsa-with-SHA256: RFC 5758, section 3.2 */
export const signatureAlgorithm = sequence(identifier('1.2.840.10045.4.3.2'));

export function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

export function keyPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Signs what a certificate or a request says: its three parts, as both have them. */
export function signed(content: Der, key: KeyObject): Der {
  return sequence(content, signatureAlgorithm, bits(sign('sha256', content, key)));
}

/**
 * A certificate and its key for these names, in one PEM file. It is for servers alone and can sign no other: whoever trusts
 * it trusts this router.
 */
export function selfSigned(names: readonly string[], now: Date): string {
  const key = newKey();
  const [subject = 'localhost'] = names;
  // It is by the names below that clients know it; this one is for people.
  const name = sequence(set(sequence(identifier('2.5.4.3'), utf8(subject.slice(0, 64)))));
  const content = sequence(
    context(0, unsigned(Buffer.of(2))),
    unsigned(randomBytes(16)),
    signatureAlgorithm,
    name,
    // A clock may be a little behind.
    sequence(time(new Date(now.getTime() - dayMs)), time(new Date(now.getTime() + (validDays - 1) * dayMs))),
    name,
    publicKeyOf(key),
    context(
      3,
      sequence(
        subjectAltName(names),
        extension('2.5.29.19', sequence(), true),
        extension('2.5.29.37', sequence(identifier('1.3.6.1.5.5.7.3.1'))),
      ),
    ),
  );
  return `${pem('CERTIFICATE', signed(content, key))}${keyPem(key)}`;
}

/** The public half of a key, as certificates hold it. */
export function publicKeyOf(key: KeyObject): Der {
  return createPublicKey(key).export({ type: 'spki', format: 'der' });
}
