import {
  certifiedHosts,
  servedHosts,
  type AcmeSpec,
  type CertificateSpec,
  type RouterSpec,
  type StackSpec,
} from '@plumbstack/core';

/** A secret that is made here, or asked for, and kept on the engine, in a volume of its own. */
export type KeptSecret = { readonly name: string } & (
  | { readonly type: 'random'; readonly bytes: number; readonly rotation: number }
  | { readonly type: 'self-signed'; readonly hosts: readonly string[] }
  | { readonly type: 'acme'; readonly hosts: readonly string[]; readonly authority: AcmeSpec }
  | { readonly type: 'account-key' }
);

/** All of a stack: the secrets that it declares as generated, and what its routers' certificates take. */
export function keptSecrets({ resources }: StackSpec): readonly KeptSecret[] {
  const kept = resources.flatMap((each): readonly KeptSecret[] => {
    if (each.kind === 'router') return certificates(each);
    if (each.kind !== 'secret' || each.source.type !== 'generate') return [];
    const { bytes, rotation } = each.source;
    return [{ name: each.name, type: 'random', bytes, rotation }];
  });
  return kept.some(({ type }) => type === 'acme')
    ? [...kept, { name: accountKey, type: 'account-key' }]
    : kept;
}

/** Where everybody looks from who develops. */
const local = ['localhost', '127.0.0.1', '::1'];

function certificates(router: RouterSpec): readonly KeptSecret[] {
  const { name, tls } = router;
  if (tls === undefined) return [];
  const own = keptCertificate(
    tls.certificate,
    certificateName(name),
    // An authority is asked for no host that another certificate is shown for.
    tls.certificate.type === 'acme'
      ? certifiedHosts(router)
      : [...new Set([...servedHosts(router), ...local])],
  );
  const others = Object.entries(tls.hosts).flatMap(([host, each]) =>
    keptCertificate(each, certificateName(name, host), [host]),
  );
  return [...own, ...others];
}

function keptCertificate(
  spec: CertificateSpec,
  name: string,
  hosts: readonly string[],
): readonly KeptSecret[] {
  switch (spec.type) {
    case 'own':
      return [];
    case 'self-signed':
      return [{ name, type: 'self-signed', hosts }];
    case 'acme': {
      const { type, ...authority } = spec;
      return [{ name, type, hosts, authority }];
    }
  }
}

/** The name of a certificate that a router has from here. A dot is in no resource's own name. */
export function certificateName(router: string, host?: string): string {
  return host === undefined ? `${router}.tls` : `${router}.tls.${host.replace('*', '_')}`;
}

/** The name of the key that a stack is known by at the authorities that it asks. */
export const accountKey = 'acme.account';

/** Whether any of a router's certificates is asked for. */
export function asksAuthority({ tls }: RouterSpec): boolean {
  if (tls === undefined) return false;
  return [tls.certificate, ...Object.values(tls.hosts)].some(({ type }) => type === 'acme');
}
