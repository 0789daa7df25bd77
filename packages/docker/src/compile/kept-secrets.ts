import type { RouterSpec, StackSpec } from '@plumbstack/core';

/** A secret that is made here and kept on the engine, in a volume of its own. */
export type KeptSecret = { readonly name: string } & (
  | { readonly type: 'random'; readonly bytes: number; readonly rotation: number }
  | { readonly type: 'self-signed'; readonly hosts: readonly string[] }
);

/** All of a stack: the secrets that it declares as generated, and the certificates that its routers are to have. */
export function keptSecrets({ resources }: StackSpec): readonly KeptSecret[] {
  return resources.flatMap((each): readonly KeptSecret[] => {
    if (each.kind === 'router') return certificates(each);
    if (each.kind !== 'secret' || each.source.type !== 'generate') return [];
    const { bytes, rotation } = each.source;
    return [{ name: each.name, type: 'random', bytes, rotation }];
  });
}

/** Where everybody looks from who develops. */
const local = ['localhost', '127.0.0.1', '::1'];

function certificates(spec: RouterSpec): readonly KeptSecret[] {
  const { name, serverName, routes, tls } = spec;
  if (tls === undefined) return [];
  const served = [...serverName, ...routes.flatMap(({ host }) => host ?? [])];
  const all: readonly KeptSecret[] = [
    ...(tls.certificate.type === 'self-signed'
      ? [
          {
            name: certificateName(name),
            type: 'self-signed' as const,
            hosts: [...new Set([...served, ...local])],
          },
        ]
      : []),
    ...Object.entries(tls.hosts).flatMap(([host, { type }]) =>
      type === 'self-signed' ? [{ name: certificateName(name, host), type, hosts: [host] }] : [],
    ),
  ];
  return all;
}

/** The name of a certificate that a router has from here. A dot is in no resource's own name. */
export function certificateName(router: string, host?: string): string {
  return host === undefined ? `${router}.tls` : `${router}.tls.${host.replace('*', '_')}`;
}
