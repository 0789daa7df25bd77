import { line, matching, refuse, type Check } from './check.js';
import type { ResourceKind } from './spec.js';

/**
 * Names become DNS labels, container names and configuration, so they are DNS labels: RFC 1123, lower case. Whether
 * stack and resource fit together into a container's name is for `validate` to say.
 */
export const name: Check<string> = matching(
  /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/,
  'a name of 1 to 40 lower-case letters, digits and hyphens that starts with a letter and does not end with a hyphen',
);

/** A kind with its article: `an app`. */
export function oneOfKind(kind: ResourceKind): string {
  return `${kind === 'app' ? 'an' : 'a'} ${kind}`;
}

/** The name of a resource as its constructor got it. */
export function resourceName(kind: ResourceKind, value: unknown): string {
  return name(value, `the name of ${oneOfKind(kind)}`);
}

/** Names that would collide with what every container resolves by itself. */
export const reservedNames: readonly string[] = ['localhost', 'host', 'gateway', 'stack', 'lease'];

/** The path of a resource in messages, plans and events: `stack/resource`. */
export function resourcePath(stack: string, resource: string): string {
  return `${stack}/${resource}`;
}

const labels =
  '(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$';

/** A host name: RFC 1123, labels of up to 63 characters, 253 in all. */
export const plainHostName: Check<string> = matching(
  new RegExp(`^${labels}`, 'i'),
  'a host name such as "example.org"',
);

/** A host name as a visitor types it, or all names below one: `example.org`, `*.example.org`. */
export const hostName: Check<string> = matching(
  new RegExp(`^(?:\\*\\.)?${labels}`, 'i'),
  'a host name such as "example.org" or "*.example.org"',
);

/** Whether a host falls under a name. A wildcard stands for one label, as in a certificate. */
export function hostCovers(name: string, host: string): boolean {
  if (name === host) return true;
  const dot = host.indexOf('.');
  return name.startsWith('*.') && dot > 0 && !host.startsWith('*') && host.slice(dot) === name.slice(1);
}

/** An environment variable's name: POSIX, IEEE Std 1003.1 chapter 8. */
export const environmentName: Check<string> = matching(
  /^[A-Za-z_][A-Za-z0-9_]*$/,
  'the name of an environment variable: letters, digits and underscores, not starting with a digit',
);

/** An HTTP field name: the letters, digits and hyphens of RFC 9110's tokens that every proxy passes on. */
export const headerName: Check<string> = matching(/^[A-Za-z0-9-]+$/, 'the name of an HTTP header');

/** An HTTP field value: visible ASCII and spaces, RFC 9110, section 5.5. Nothing else can end a line or a string. */
export const headerValue: Check<string> = matching(
  /^(?=.{1,4000}$)[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/,
  'the value of an HTTP header: visible ASCII, no space at either end, at most 4000 characters',
);

/**
 * For authors of runtimes: headers, in lower case, that frame a message or belong to one connection. A second one would
 * break or split answers. RFC 9110, 7.6.1.
 */
export const framingHeaders: readonly string[] = [
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'keep-alive',
  'proxy-connection',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** A header that a router may add to an answer. */
export const responseHeaderName: Check<string> = (value, path) => {
  const name = headerName(value, path);
  if (framingHeaders.includes(name.toLowerCase())) {
    refuse(path, 'a header that does not say how the answer itself is sent', name);
  }
  return name;
};

/** A label's key that is the user's to choose. */
export const labelName: Check<string> = (value, path) => {
  const name = line(value, path);
  if (name.startsWith('io.plumbstack.'))
    refuse(path, 'outside io.plumbstack.*, which plumbstack keeps for itself', name);
  return name;
};
