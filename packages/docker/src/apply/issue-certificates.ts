import { aboutResource, type StackSpec } from '@plumbstack/core';
import { issueCertificate } from '../acme/issue-certificate.js';
import { loadAcmeClient } from '../acme/load-client.js';
import type { Inputs } from '../compile/inputs.js';
import { accountKey, keptSecrets, type KeptSecret } from '../compile/kept-secrets.js';
import type { Diff } from '../plan/diff.js';
import { loadContent } from './load-content.js';
import { keepIssued } from './prepare-secrets.js';
import { pathOf, type RunContext } from './run-context.js';
import { runStep } from './run-step.js';

/** Says what an authority cannot be asked without before anything is changed. Throws `NOT_FOUND`. */
export async function readyToAsk(spec: StackSpec, { secrets }: Inputs): Promise<void> {
  const isDue = ({ name, type }: KeptSecret): boolean =>
    type === 'acme' && (secrets[name]?.value === undefined || secrets[name].due !== undefined);
  if (keptSecrets(spec).some(isDue)) await loadAcmeClient();
}

/**
 * Has authorities issue the certificates that are due, while the routers already answer their questions. What is issued is
 * kept; routers are yet to be given it. Says how many there were, and what failed.
 */
export async function issueCertificates(
  context: RunContext,
  spec: StackSpec,
  { secrets, files, absolute }: Inputs,
  { plan }: Diff,
): Promise<{ readonly issued: number; readonly failures: readonly unknown[] }> {
  const account = secrets[accountKey]?.value;
  if (account === undefined) return { issued: 0, failures: [] };
  const failures: unknown[] = [];
  let issued = 0;
  for (const secret of keptSecrets(spec)) {
    const path = pathOf(context, secret.name);
    const step = plan.steps.find((each) => each.resource === path && each.kind === 'secret');
    if (secret.type !== 'acme' || secrets[secret.name]?.due === undefined || step === undefined) continue;
    const { name, authority, hosts } = secret;
    const file = authority.ca === undefined ? undefined : files[absolute(authority.ca)];
    const outcome = await runStep(context, step, async () => {
      const ca = file && Buffer.from(await loadContent(file));
      const value = await issueCertificate({
        authority,
        hosts,
        accountKey: account.toString(),
        signal: context.signal,
        ...(ca !== undefined && { ca }),
      });
      await keepIssued(context, name, { value, authority: authority.directory });
    });
    context.signal.throwIfAborted();
    if (outcome === 'done') issued++;
    else failures.push(aboutResource(outcome.failed, path));
  }
  return { issued, failures };
}
