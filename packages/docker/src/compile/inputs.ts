import type { PublishSpec, ResourceSpec } from '@plumbstack/core';
import type { Content } from './content.js';
import type { ResolvedImage } from './docker-spec.js';

/** Everything from outside the spec that a compilation needs, read beforehand: compiling itself looks nothing up. */
export interface Inputs {
  /** By resource. A pool's and a router's are those of their proxies. */
  readonly images: Readonly<Record<string, ResolvedImage>>;
  /** Content of files that the program names by path, by absolute path. */
  readonly files: Readonly<Record<string, Content>>;
  /** The same of those that it gives as text, by the text. @default each is looked at where it is needed */
  readonly texts?: ReadonlyMap<string, Content>;
  /** What containers see of the engine's machine, by absolute path, as far as it is followed. @default nothing is known */
  readonly bound?: Readonly<Record<string, BoundSource>>;
  /** By name; certificates that routers have from here are among them. */
  readonly secrets: Readonly<Record<string, SecretInput>>;
  /** Hashes of the passwords that secrets hold, by the secret's name; of those that routers ask for, and exist. */
  readonly passwords: Readonly<Record<string, string>>;
  /** What answers an authority's questions at a router: the thumbprint of the stack's account key, once there is one. */
  readonly acmeThumbprint?: string;
  /** Host ports chosen where the spec says 0, by the key that {@link publishedBy} gives them. */
  readonly ports: Readonly<Record<string, number>>;
  /** What tells programs in containers which proxies lead out; a container's own environment goes before it. @default none */
  readonly proxies?: Readonly<Record<string, string>>;
  /** Makes a path of the program absolute. */
  readonly absolute: (path: string) => string;
}

/** A folder or file of this machine that a container sees. */
export interface BoundSource {
  /** Which one it is: another text for another one at the same path. */
  readonly folder: string;
  /** Of what is in it, where that is followed. */
  readonly digest?: string;
  /** Beginnings of the digests of its files by path; of its folders and files where those are many. */
  readonly code?: Readonly<Record<string, string>>;
}

export interface SecretInput {
  /** Unset while a generated secret does not exist yet. */
  readonly value?: Buffer;
  /** Tells two values apart without telling the value. */
  readonly fingerprint: string;
  /** Of a generated one that is kept: the rotation that its value was made with, which may not be the one described. */
  readonly rotation?: number;
  /** Why a certificate that is kept needs a successor. */
  readonly due?: string;
}

export interface Published extends PublishSpec {
  /** Tells it from all others of the stack, also where several lead to one port of the container. */
  readonly key: string;
}

/** What a resource's own container publishes, in the order in which it is bound. */
export function publishedBy(resource: ResourceSpec): readonly Published[] {
  const published = [
    ...('publish' in resource ? resource.publish : []),
    ...(resource.kind === 'pool' ? resource.stats : []),
  ];
  return published.map((each, index) => ({ ...each, key: `${resource.name}[${index}]` }));
}
