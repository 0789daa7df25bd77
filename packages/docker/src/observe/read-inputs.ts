import { resolve } from 'node:path';
import {
  aboutResource,
  PlumbstackError,
  resourcePath,
  type ImageSpec,
  type PullPolicy,
  type ResourceSpec,
  type StackSpec,
} from '@plumbstack/core';
import { thumbprint } from '../acme/thumbprint.js';
import { contextContents, type BuildSource } from '../client/build-context.js';
import type { CallOptions, DockerReader, ImageDetails } from '../client/docker-client.js';
import type { FileDigests } from '../client/file-digests.js';
import type { ResolvedImage } from '../compile/docker-spec.js';
import type { Inputs } from '../compile/inputs.js';
import { accountKey } from '../compile/kept-secrets.js';
import { label } from '../labels.js';
import { notOurs } from '../not-ours.js';
import { builtImageTag } from '../object-names.js';
import type { ObservedState } from '../plan/observed-state.js';
import { choosePorts } from './choose-ports.js';
import { freePort } from './free-port.js';
import { readBound } from './read-bound.js';
import { readSources, readTexts } from './read-sources.js';
import { hashPasswords } from './hash-passwords.js';
import { readSecrets, type SecretValues } from './read-secrets.js';

export interface ReadInputsOptions extends CallOptions {
  /** Folder that relative paths start from where the stack names none. */
  readonly baseDir: string;
  readonly secretValues: SecretValues;
  /** Of the engine's description. */
  readonly proxies: Readonly<Record<string, string>>;
  /** Whether the engine runs on this machine, so that a free port here is a free port there. */
  readonly local: boolean;
  /** Whether paths of this machine may be looked at for the engine's. */
  readonly isHere: boolean;
  /** Of the files in build contexts, and of those that containers are given. */
  readonly digests: FileDigests;
  /** By resource, the images that this run has built, or found: it goes on with them. */
  readonly built: BuiltImages;
}

/** Reads everything from outside the spec that compiling needs. Changes nothing. */
export async function readInputs(
  client: DockerReader,
  spec: StackSpec,
  observed: ObservedState,
  options: ReadInputsOptions,
): Promise<Inputs> {
  const { baseDir, signal } = options;
  const call: CallOptions = signal === undefined ? {} : { signal };
  const absolute = (path: string): string => resolve(baseDir, spec.baseDir ?? '.', path);
  const [images, files, texts, bound, secrets, ports] = await Promise.all([
    readImages(client, spec, absolute, options, call),
    readSources(spec, absolute, options.digests),
    readTexts(spec, options.digests),
    readBound(client, spec, absolute, { isHere: options.isHere, digests: options.digests, ...call }),
    readSecrets(client, spec, absolute, options.secretValues, observed, call),
    choosePorts(spec, observed, (host) => freePort(host, options.local)),
  ]);
  const account = secrets[accountKey]?.value;
  return {
    images,
    files,
    texts,
    bound,
    secrets,
    passwords: hashPasswords(spec, secrets),
    ...(account !== undefined && { acmeThumbprint: thumbprint(account) }),
    ports,
    proxies: options.proxies,
    absolute,
  };
}

type Imaged = Extract<ResourceSpec, { image: ImageSpec }>;
const hasImage = (resource: ResourceSpec): resource is Imaged => 'image' in resource;

async function readImages(
  client: DockerReader,
  spec: StackSpec,
  absolute: (path: string) => string,
  { digests, built }: Pick<ReadInputsOptions, 'digests' | 'built'>,
  call: CallOptions,
): Promise<Inputs['images']> {
  // Several resources often share an image: ask once.
  const known = new Map<string, Promise<ResolvedImage>>();
  const once = (key: string, read: () => Promise<ResolvedImage>): Promise<ResolvedImage> => {
    const found = known.get(key) ?? read();
    known.set(key, found);
    return found;
  };
  const entries = spec.resources.filter(hasImage).map(async ({ name, image }) => {
    if (image.type === 'pull') {
      const { reference, policy } = image;
      const read = (): Promise<ResolvedImage> =>
        once(`${JSON.stringify(policy)} ${reference}`, () => pulledImage(client, reference, policy, call));
      return [name, await about(resourcePath(spec.name, name), read)] as const;
    }
    const { reference, code } =
      built.get(name) ??
      (await about(resourcePath(spec.name, name), () =>
        described(spec.name, name, buildSource(image, absolute), digests),
      ));
    const found = await client.inspectImage(reference, call);
    refuseNamesake(spec.name, name, reference, found);
    return [name, { ...resolved(reference, found, 'build'), code }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

/** What a built image is called, and what it was made of. */
export type BuiltImage = Required<Pick<ResolvedImage, 'reference' | 'code'>>;
/** By resource. */
export type BuiltImages = ReadonlyMap<string, BuiltImage>;

async function described(
  stack: string,
  resource: string,
  source: BuildSource,
  digests: FileDigests,
): Promise<BuiltImage> {
  const { digest, code } = await contextContents(source, digests);
  return { reference: builtImageTag(stack, resource, digest), code };
}

/** The name of an image that is built here may be another stack's, and its removal that one's business. */
function refuseNamesake(
  stack: string,
  resource: string,
  name: string,
  found: ImageDetails | undefined,
): void {
  const { [label.builtForStack]: forStack, [label.builtForResource]: forResource } = found?.labels ?? {};
  if (found === undefined || forStack === undefined) return;
  if (forStack !== stack || forResource !== resource)
    throw notOurs({ kind: 'image', name, labels: found.labels }, resourcePath(stack, resource));
}

/** A build with its paths made absolute. */
export function buildSource(
  image: Extract<ImageSpec, { type: 'build' }>,
  absolute: (path: string) => string,
): BuildSource {
  const { type: _, context, contexts, ...same } = image;
  return {
    ...same,
    ...(context !== undefined && { context: absolute(context) }),
    contexts: Object.fromEntries(
      Object.entries(contexts).map(([name, folder]) => [name, absolute(folder)] as const),
    ),
  };
}

async function pulledImage(
  client: DockerReader,
  reference: string,
  policy: PullPolicy,
  call: CallOptions,
): Promise<ResolvedImage> {
  const found = await client.inspectImage(reference, call);
  const image = resolved(reference, found, 'pull');
  if (found !== undefined && isDue(reference, policy, found)) return { ...image, action: 'pull' };
  if (policy === 'never' && image.id === undefined) {
    throw new PlumbstackError(
      'IMAGE_PULL_FAILED',
      `the engine does not have ${reference}, and its pull policy is never.`,
      {
        details: { image: reference },
        hint: `Load it into the engine (docker load, docker build), or let it be pulled: { reference: '${reference}', pull: 'missing' }.`,
      },
    );
  }
  return image;
}

/** Whether an image that is there is to be pulled again. What a digest names is always the same. */
function isDue(reference: string, policy: PullPolicy, { taggedAt }: ImageDetails): boolean {
  if (reference.includes('@')) return false;
  if (typeof policy !== 'object') return policy === 'always';
  // A pull under this policy tags the image as what it is called already: the engine itself notes no time of a pull.
  return taggedAt === undefined || Date.now() - taggedAt.getTime() >= policy.everyMs;
}

function resolved(
  reference: string,
  found: ImageDetails | undefined,
  whenMissing: 'pull' | 'build',
): ResolvedImage {
  if (found === undefined) {
    const unknown = { user: '', hasHealthcheck: false, entrypoint: [], command: [] };
    return { reference, action: whenMissing, ...unknown };
  }
  const { id, user, hasHealthcheck, entrypoint, command } = found;
  return { reference, id, action: 'none', user, hasHealthcheck, entrypoint, command };
}

/** Says which resource a failure is about. */
async function about<T>(resource: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw aboutResource(error, resource);
  }
}
