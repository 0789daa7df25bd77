import type { AcmeSpec } from '@plumbstack/core';
import type { Authorization, Client, Order } from 'acme-client';
import { pollUntil } from '../apply/deadline.js';
import { keyPem, newKey } from '../certificate/self-signed.js';
import { converse } from './conversation.js';
import { loadAcmeClient } from './load-client.js';
import { authorityProblem, noHttpChallenge, undecided, type Problem } from './refusal.js';

export interface CertificateRequest {
  readonly authority: AcmeSpec;
  /** PEM of the certificates that the authority's own is checked against; Node's when unset. */
  readonly ca?: Buffer;
  readonly hosts: readonly string[];
  /** PEM of the key that the account goes by. */
  readonly accountKey: string;
  readonly signal: AbortSignal;
}

/** How long an authority may take over its look at the hosts, and over the certificate. */
const decisionMs = 120_000;

/**
 * Asks an authority for a certificate: RFC 8555, section 7. Its questions at the hosts must be answered while this goes on.
 * Resolves to the chain and its key in one PEM file. Throws `CERTIFICATE_NOT_ISSUED`.
 */
export async function issueCertificate({
  authority,
  ca,
  hosts,
  accountKey,
  signal,
}: CertificateRequest): Promise<string> {
  const { Client, crypto } = await loadAcmeClient();
  const { directory, email } = authority;
  return converse({ signal, directory, hosts, ...(ca !== undefined && { ca }) }, async () => {
    const client = new Client({ directoryUrl: directory, accountKey });
    // One that exists is found by its key, and told the address of now.
    await client.createAccount({
      termsOfServiceAgreed: true,
      contact: email === undefined ? [] : [`mailto:${email}`],
    });
    const order = await client.createOrder({
      identifiers: hosts.map((value) => ({ type: 'dns', value })),
    });
    await proveHosts(client, order, { directory, hosts, signal });
    // A key of its own: who gets hold of one that served before cannot read what comes later.
    const key = keyPem(newKey());
    const [, csr] = await crypto.createCsr({ altNames: [...hosts] }, key);
    await client.finalizeOrder(order, csr);
    const issued = await issuedOrder(client, order, { directory, hosts, signal });
    const chain = await client.getCertificate(issued);
    return `${chain.trimEnd()}\n${key}`;
  });
}

interface Asked {
  readonly directory: string;
  readonly hosts: readonly string[];
  readonly signal: AbortSignal;
}

/** Has the authority ask every host that it does not believe yet. */
async function proveHosts(client: Client, order: Order, { directory, signal }: Asked): Promise<void> {
  const about = (authorizations: readonly Authorization[]): Pick<Asked, 'directory' | 'hosts'> => ({
    directory,
    hosts: authorizations.map(({ identifier }) => identifier.value),
  });
  for (const each of await client.getAuthorizations(order)) {
    if (each.status !== 'pending') continue;
    const challenge = each.challenges.find(({ type }) => type === 'http-01');
    if (challenge === undefined) throw noHttpChallenge(about([each]));
    await client.completeChallenge(challenge);
  }
  let open: readonly Authorization[] = [];
  const all = await pollUntil(
    async () => {
      const seen = await client.getAuthorizations(order);
      open = seen.filter(({ status }) => status === 'pending');
      return open.length === 0 ? seen : undefined;
    },
    {
      ...{ signal, timeoutMs: decisionMs, intervalMs: 500 },
      waitedFor: () =>
        `the certificate authority to believe ${open.map(({ identifier }) => identifier.value).join(', ')}`,
    },
  );
  if (all === undefined) throw undecided(about(open), decisionMs);
  const [refused] = all.filter(({ status }) => status !== 'valid');
  if (refused === undefined) return;
  const problems = refused.challenges.flatMap(({ error }) => (error as Problem | undefined) ?? []);
  throw authorityProblem(about([refused]), problems[0] ?? { detail: `it is ${refused.status}` });
}

async function issuedOrder(client: Client, order: Order, { signal, ...about }: Asked): Promise<Order> {
  const issued = await pollUntil(
    async () => {
      const seen = await client.getOrder(order);
      return seen.status === 'processing' || seen.status === 'ready' ? undefined : seen;
    },
    {
      ...{ signal, timeoutMs: decisionMs, intervalMs: 500 },
      waitedFor: () => `the certificate authority to issue for ${about.hosts.join(', ')}`,
    },
  );
  if (issued === undefined) throw undecided(about, decisionMs);
  if (issued.status === 'valid') return issued;
  throw authorityProblem(
    about,
    (issued.error as Problem | undefined) ?? { detail: `it is ${issued.status}` },
  );
}
