import { acme, type Acme } from './acme.js';
import { dictionary, flag, integer, isRecord, oneOf, options, refuse, type Check } from './check.js';
import { reference } from './container-options.js';
import { hostName } from './name.js';
import type { Secret } from './secret.js';
import type { AcmeSpec, CertificateSpec, HstsSpec, TlsSpec } from './spec.js';

/** A certificate of your own. */
export interface OwnCertificate {
  /** PEM: the certificate and its chain. */
  readonly certificate: Secret;
  /** PEM: its private key. */
  readonly key: Secret;
}

/**
 * A certificate for development: made for the router's hosts, `localhost` and the loopback addresses, kept like a generated
 * secret, and made anew a month before it ends. Browsers warn of it until they are told to trust it.
 */
export interface SelfSignedCertificate {
  readonly selfSigned: true;
}

/**
 * A certificate from an authority that speaks ACME, such as Let's Encrypt: got by the first `up`, and renewed by any later one
 * that comes within a month of its end, or within the last third of its time. Until there is one, the router has a
 * self-signed one. The authority asks every host on port 80, which must lead to the router's port for plain HTTP. Needs the
 * package `acme-client`.
 */
export interface AcmeCertificate {
  readonly acme: Acme;
}

export type Certificate = OwnCertificate | SelfSignedCertificate | AcmeCertificate;

/** Tells browsers to ask for HTTPS alone. What they have heard cannot be taken back before it ends. RFC 6797 */
export interface Hsts {
  readonly maxAgeSeconds: number;
  /** @default false */
  readonly includeSubDomains?: boolean;
  /** For the list that browsers are shipped with: https://hstspreload.org @default false */
  readonly preload?: boolean;
}

/** HTTPS with HTTP/2. */
export type Tls = Certificate & {
  /** Other certificates for some of the hosts, by host name or `*.host`; an exact name wins. @default {} */
  readonly hosts?: Readonly<Record<string, Certificate>>;
  /** Sends plain HTTP on to HTTPS; `false` serves both. @default true */
  readonly redirect?: boolean;
  /** @default nothing is said */
  readonly hsts?: Hsts;
  /** The oldest version of TLS that is spoken; the newest is 1.3. @default '1.2' */
  readonly minVersion?: '1.2' | '1.3';
};

const secretName: Check<string> = (value, path) => reference('secret')(value, path).name;
const onlyTrue: Check<true> = (value, path) =>
  value === true ? true : refuse(path, 'true, or left out', value);

/** What an options object for a certificate may hold; which of them go together is for {@link certificateOf} to say. */
interface CertificateOptions {
  readonly certificate?: string;
  readonly key?: string;
  readonly selfSigned?: true;
  readonly acme?: AcmeSpec;
}

const certificateChecks = { certificate: secretName, key: secretName, selfSigned: onlyTrue, acme };

function certificateOf(given: CertificateOptions, path: string): CertificateSpec {
  const { certificate, key, selfSigned, acme } = given;
  const ways = [certificate ?? key, selfSigned, acme].filter((each) => each !== undefined);
  if (ways.length > 1)
    refuse(path, 'a certificate with its key, self-signed, or from an authority by acme', 'several of these');
  if (selfSigned === true) return { type: 'self-signed' };
  if (acme !== undefined) return { type: 'acme', ...acme };
  return {
    type: 'own',
    certificate: certificate ?? refuse(`${path}.certificate`, 'a secret that holds PEM', undefined),
    key: key ?? refuse(`${path}.key`, 'a secret that holds PEM', undefined),
  };
}

const certificate: Check<CertificateSpec> = (value, path) =>
  certificateOf(options<CertificateOptions>(value, path, certificateChecks), path);

const hsts: Check<HstsSpec> = (value, path) => {
  const { maxAgeSeconds, includeSubDomains, preload } = options<Partial<HstsSpec>>(value, path, {
    maxAgeSeconds: integer(0, 315_360_000),
    includeSubDomains: flag,
    preload: flag,
  });
  if (maxAgeSeconds === undefined) refuse(`${path}.maxAgeSeconds`, 'seconds', maxAgeSeconds);
  return { maxAgeSeconds, includeSubDomains: includeSubDomains ?? false, preload: preload ?? false };
};

const lowerHost: Check<string> = (value, path) => hostName(value, path).toLowerCase();

export const tls: Check<TlsSpec> = (value, path) => {
  if (!isRecord(value)) refuse(path, 'an object of options', value);
  const {
    hosts,
    redirect,
    hsts: said,
    minVersion,
    ...given
  } = options<CertificateOptions & Partial<Omit<TlsSpec, 'certificate'>>>(value, path, {
    ...certificateChecks,
    hosts: dictionary(lowerHost, certificate),
    redirect: flag,
    hsts,
    minVersion: oneOf('1.2', '1.3'),
  });
  return {
    certificate: certificateOf(given, path),
    hosts: hosts ?? {},
    redirect: redirect ?? true,
    ...(said !== undefined && { hsts: said }),
    minVersion: minVersion ?? '1.2',
  };
};
