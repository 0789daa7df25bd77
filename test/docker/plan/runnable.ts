import type { CertificateSpec, ResourceSpec, StackSpec } from '@plumbstack/core';
import { modest } from '../compile/compiled';

/** The same stack without what it takes a disk, a network, or time to bring up. */
export function runnable(spec: StackSpec): StackSpec {
  const made = (given: CertificateSpec): CertificateSpec =>
    given.type === 'acme' ? { type: 'self-signed' } : given;
  const without = <T extends { readonly maintenance?: { readonly page?: string } }>(given: T): T => {
    const { page: _, ...maintenance } = given.maintenance ?? {};
    return given.maintenance === undefined ? given : { ...given, maintenance };
  };
  const resources = modest(spec).resources.map((each): ResourceSpec => {
    if (each.kind === 'volume') return each;
    if (each.kind === 'secret')
      return each.source.type === 'value' ? { ...each, source: { type: 'env', variable: 'VALUE' } } : each;
    const reference = each.image.type === 'pull' ? each.image.reference : 'built';
    const pulled = { image: { type: 'pull', reference, policy: 'missing' } } as const;
    if (each.kind === 'pool') return { ...each, ...pulled };
    if (each.kind !== 'router') {
      const files = each.files.map(({ source: _, content = 'a file', ...rest }) => ({ ...rest, content }));
      return { ...each, ...pulled, files, startTimeoutMs: 60_000 };
    }
    const { tls, routes } = each;
    const hosts = Object.entries(tls?.hosts ?? {}).map(([host, one]) => [host, made(one)] as const);
    return {
      ...without(each),
      ...pulled,
      ...(tls && {
        tls: { ...tls, certificate: made(tls.certificate), hosts: Object.fromEntries(hosts) },
      }),
      errorPages: {},
      routes: routes.map(without),
    };
  });
  return { ...modest(spec), resources };
}
