import { line, matching, options, refuse, type Check } from './check.js';
import type { AcmeSpec } from './spec.js';

/** What a certificate authority is asked with: RFC 8555. Its key and the certificates are kept with the stack. */
export interface Acme {
  /** Agreement to the authority's terms of service. Let's Encrypt's: https://letsencrypt.org/repository/ */
  readonly termsAgreed: true;
  /** Where the authority writes to, if it does. @default it is told no address */
  readonly email?: string;
  /**
   * The authority's directory. Let's Encrypt's for trials is `https://acme-staging-v02.api.letsencrypt.org/directory`; what it
   * issues is trusted by nobody. Another directory than the one that a certificate came from gets another certificate.
   * @default 'https://acme-v02.api.letsencrypt.org/directory'
   */
  readonly directory?: string;
  /**
   * PEM file, on the machine that runs the program, with the certificates that an authority of your own is known by.
   * @default those that Node trusts
   */
  readonly ca?: string;
}

const letsEncrypt = 'https://acme-v02.api.letsencrypt.org/directory';

const agreed: Check<true> = (value, path) =>
  value === true ? true : refuse(path, "true, once you agree to the authority's terms of service", value);

/** One address without parameters, as a `mailto:` of RFC 8555, section 7.3 may hold. */
const email: Check<string> = matching(
  /^(?=.{3,254}$)[A-Za-z0-9._+'-]+@(?:[A-Za-z0-9-]+\.)*[A-Za-z0-9-]+$/,
  'an email address',
);

const directory: Check<string> = matching(
  /^https:\/\/[A-Za-z0-9.[\]:-]+(?:\/[\x21\x24-\x7e]*)?$/,
  'the https URL of an ACME directory',
);

export const acme: Check<AcmeSpec> = (value, path) => {
  const { termsAgreed, ...given } = options<Partial<AcmeSpec>>(value, path, {
    termsAgreed: agreed,
    email,
    directory,
    ca: line,
  });
  // Left out, it is the same as not agreed.
  agreed(termsAgreed, `${path}.termsAgreed`);
  return { termsAgreed: true, directory: letsEncrypt, ...given };
};
