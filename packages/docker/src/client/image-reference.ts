/** A reference to an image in the pieces that a pull needs. */
export interface ImageReference {
  /** Host of the registry, with its port; `docker.io` where the reference names none. */
  readonly registry: string;
  /** The reference without tag and digest. */
  readonly name: string;
  /** Tag or, before it, digest: without one the engine would pull every tag that there is. */
  readonly version: string;
}

/** https://pkg.go.dev/github.com/distribution/reference: the first part is a host if it looks like one. */
export function parseImageReference(reference: string): ImageReference {
  const [named = '', digest] = reference.split('@');
  const [, name = named, tag = 'latest'] = /^(.*):([^/:]+)$/.exec(named) ?? [];
  const [first = '', ...rest] = name.split('/');
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  return { registry: hasHost ? first : 'docker.io', name, version: digest ?? tag };
}
