import { X509Certificate } from 'node:crypto';

const dayMs = 86_400_000;

/**
 * Why a certificate that we have made needs a successor; nothing while it does not. A third of its time before the end, but no
 * more than 30 days: enough for whoever runs the program once a month.
 */
export function renewalReason(pem: string, names: readonly string[], now: Date): string | undefined {
  const certificate = read(pem);
  if (certificate === undefined) return 'unreadable';
  const { validFrom, validTo, subjectAltName = '' } = certificate;
  const [from, to] = [new Date(validFrom).getTime(), new Date(validTo).getTime()];
  const margin = Math.min(30 * dayMs, (to - from) / 3);
  if (now.getTime() > to - margin) return `valid to ${new Date(to).toISOString().slice(0, 10)}`;
  const has = namesIn(subjectAltName);
  const missing = names.filter((name) => !has.has(name));
  return missing.length > 0 ? `not for ${missing.join(', ')}` : undefined;
}

export function isSelfSigned(pem: string): boolean {
  const certificate = read(pem);
  return certificate?.checkIssued(certificate) ?? true;
}

function read(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** `DNS:a.org, IP Address:127.0.0.1` as names. An IPv6 address is written in full there. */
function namesIn(subjectAltName: string): ReadonlySet<string> {
  const names = subjectAltName.split(', ').map((each) => each.replace(/^(?:DNS|IP Address):/, ''));
  return new Set(names.map((each) => (each === '0:0:0:0:0:0:0:1' ? '::1' : each)));
}
