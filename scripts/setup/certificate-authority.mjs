// @ts-check
import { ensureOptional } from './optional-package.mjs';

/**
 * Pebble, a certificate authority for tests: https://github.com/letsencrypt/pebble
 * @param {{ log: (line: string) => void }} options
 */
export async function ensureCertificateAuthority({ log }) {
  await ensureOptional({ what: 'certificate authority', commands: ['pebble'], debian: ['pebble'], log });
}
