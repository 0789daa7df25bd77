import { PlumbstackError } from '@plumbstack/core';

/** What an authority says where it refuses: RFC 7807, with the kinds of RFC 8555, section 6.7. */
export interface Problem {
  readonly type?: string;
  readonly detail?: string;
  readonly subproblems?: readonly (Problem & { readonly identifier?: { readonly value?: string } })[];
}

interface About {
  readonly directory: string;
  readonly hosts: readonly string[];
}

const kinds = 'urn:ietf:params:acme:error:';

/** What the authority said, for which host, and what to do. */
export function authorityProblem(about: About, problem: Problem): PlumbstackError {
  const kind = kindOf(problem);
  const detail = said(problem);
  const named = (problem.subproblems ?? []).flatMap(({ identifier }) => identifier?.value ?? []);
  const hosts = named.length > 0 ? named : about.hosts;
  return notIssued(
    { ...about, hosts },
    `refuses a certificate for ${hosts.join(', ')}${kind === '' ? '' : ` (${kind})`}: ${detail}`,
    { hint: `${adviceFor(kind, hosts)} ${meanwhile}`, details: { kind, detail } },
  );
}

/** Nobody answers where the authority should be. */
export function unreachable(about: About, why: unknown): PlumbstackError {
  const words =
    why instanceof Error ? why.message || String((why as NodeJS.ErrnoException).code) : String(why);
  return notIssued(about, `cannot be asked for a certificate for ${about.hosts.join(', ')}: ${words}`, {
    hint: `The machine that runs this program must reach ${about.directory}, and believe its certificate: for an authority of your own, name its certificates in ca. ${meanwhile}`,
    ...(why instanceof Error && { cause: why }),
  });
}

/** What answers does not speak as RFC 8555 has it. */
export function misunderstood(about: About, error: unknown): PlumbstackError {
  const words = error instanceof Error ? error.message : String(error);
  return notIssued(about, `says of ${about.hosts.join(', ')} what is not understood: ${words}`, {
    hint: `See that ${about.directory} is the directory of an ACME authority. ${meanwhile}`,
    cause: error,
  });
}

/** It answers, but does not come to an end. */
export function undecided(about: About, waitedMs: number): PlumbstackError {
  return notIssued(
    about,
    `has not decided about ${about.hosts.join(', ')} after ${Math.round(waitedMs / 1000)} s`,
    { hint: `Bring the stack up again later: it goes on with a new order. ${meanwhile}` },
  );
}

/** It offers no way of proving a host that a router can go. */
export function noHttpChallenge(about: About): PlumbstackError {
  return notIssued(about, `does not ask ${about.hosts.join(', ')} over HTTP`, {
    hint: `It must offer the challenge http-01. Get this certificate in another way, and give it as certificate and key. ${meanwhile}`,
  });
}

const meanwhile = 'The router goes on with the certificate that it has; up tries again.';

function notIssued(
  { directory, hosts }: About,
  text: string,
  { hint, details, cause }: { readonly hint: string; readonly details?: object; readonly cause?: unknown },
): PlumbstackError {
  return new PlumbstackError(
    'CERTIFICATE_NOT_ISSUED',
    `the authority at ${new URL(directory).host} ${text}.`,
    {
      details: { hosts, directory, ...details },
      hint,
      ...(cause !== undefined && { cause }),
    },
  );
}

function kindOf({ type = '' }: Problem): string {
  return String(type).startsWith(kinds) ? String(type).slice(kinds.length) : '';
}

/** Its words on one line, cut short, without what would move a terminal's cursor. */
function said({ detail, subproblems = [] }: Problem): string {
  const all = [detail, ...subproblems.map((each) => each.detail)].filter((each) => each !== undefined);
  return all
    .join('; ')
    .replace(/[^\x20-\x7e\xa0-\uffff]+/g, ' ')
    .trim()
    .replace(/\.$/, '')
    .slice(0, 1000);
}

function adviceFor(kind: string, hosts: readonly string[]): string {
  const [host = ''] = hosts;
  switch (kind) {
    case 'connection':
    case 'unauthorized':
    case 'incorrectResponse':
    case 'tls':
      return `It asks for http://${host}/.well-known/acme-challenge/ on port 80: the name must lead to the machine of the router, and that port to the router's port for plain HTTP.`;
    case 'dns':
      return `Let the name ${host} lead to the machine of the router (an A record).`;
    case 'caa':
      return `A CAA record of ${host} names other authorities. Add this one to it.`;
    case 'rateLimited':
      return "It issues only so many in a time. Wait; for trials, set directory to the authority's staging one.";
    case 'rejectedIdentifier':
    case 'unsupportedIdentifier':
      return 'It issues none for such a name. Take the host out of serverName and the routes, or give it a certificate of its own in tls.hosts.';
    case 'invalidContact':
    case 'unsupportedContact':
      return 'Correct email, or leave it out.';
    case 'externalAccountRequired':
      return 'It wants an account that is made at its web site first, which plumbstack cannot use. Choose another authority.';
    case 'accountDoesNotExist':
    case 'userActionRequired':
      return 'The account that this stack has there cannot be used. Look at what the authority has written to its email address.';
    default:
      return 'Mend what it says.';
  }
}
