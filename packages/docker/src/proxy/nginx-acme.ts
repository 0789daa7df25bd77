import {
  block,
  capture,
  directive,
  noted,
  pattern,
  refuseConfig,
  text,
  type NginxNode,
} from './config-text.js';
import type { NginxModel } from './proxy-model.js';

/**
 * Answers the question by which an ACME authority finds out whose a host is: RFC 8555, section 8.3. Every token has the same
 * answer but for the token itself, so nothing has to be put here while a certificate is asked for. That tells nobody
 * anything: the authority believes it only of whoever holds the account's key.
 */
export function acmeAnswer({ acmeThumbprint }: NginxModel): readonly NginxNode[] {
  if (acmeThumbprint === undefined) return [];
  if (!/^[A-Za-z0-9_-]{43}$/.test(acmeThumbprint))
    refuseConfig('a SHA-256 digest in base64url', 'the thumbprint of an account key');
  return [
    noted(
      'A certificate authority asks here; before every route, password and redirect',
      block(
        'location',
        ['~', pattern`^/\.well-known/acme-challenge/([A-Za-z0-9_-]+)$`],
        [
          directive('default_type', 'text/plain'),
          directive('return', 200, text(capture(1), '.', acmeThumbprint)),
        ],
      ),
    ),
  ];
}
