import { resolve } from 'node:path';
import type {
  AppSpec,
  ImageSpec,
  PoolSpec,
  ResourceSpec,
  RouterSpec,
  ServiceSpec,
  StackSpec,
} from '@plumbstack/core';
import {
  compileStack,
  contentDigest,
  contentOf,
  digestOf,
  keptSecrets,
  planAddresses,
  publishedBy,
  withFronts,
  type AddressSpace,
  type DockerSpec,
  type Inputs,
  type PoolUnit,
  type RouterUnit,
  type TakenAddresses,
  type Unit,
} from '@plumbstack/docker/internal';

/** What a secret's value begins with here, so that it is found wherever it should not be. */
export const secretMarker = 'MARKER-of-a-secret-';

/** As that of an account's key. */
export const acmeThumbprint = 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs';

/** A stack from which nothing is on the engine yet. */
export const nothingTaken: TakenAddresses = { subnets: {}, addresses: {}, slots: {}, guests: {} };

/** Where networks may be: nobody else has any. */
export const emptySpace: AddressSpace = { pool: '10.208.0.0/12', others: [] };

/** What `readInputs` would find: every image is there, every file can be read, every secret has a value. */
export function inputsOf(spec: StackSpec): Inputs {
  const absolute = (path: string): string => resolve('/base', spec.baseDir ?? '.', path);
  return {
    absolute,
    images: Object.fromEntries(
      spec.resources.filter(hasImage).map(({ name, image }) => [name, imageOf(image)]),
    ),
    files: Object.fromEntries(
      sourcesIn(spec).map((path) => [absolute(path), contentOf(Buffer.from(`what ${path} holds`))]),
    ),
    secrets: Object.fromEntries(
      [...spec.resources.filter(({ kind }) => kind === 'secret'), ...keptSecrets(spec)].map(({ name }) => [
        name,
        secretInput(`${secretMarker}${name}`),
      ]),
    ),
    passwords: Object.fromEntries(
      spec.resources.flatMap(({ kind, name }) => (kind === 'secret' ? [[name, `$6$salt$${name}`]] : [])),
    ),
    acmeThumbprint,
    ports: Object.fromEntries(freePortsIn(spec).map((key) => [key, keptPort(key)])),
  };
}

export function secretInput(value: string): Inputs['secrets'][string] {
  return { value: Buffer.from(value), fingerprint: contentDigest(value).slice(0, 16) };
}

type Imaged = AppSpec | ServiceSpec | PoolSpec | RouterSpec;
const hasImage = (resource: ResourceSpec): resource is Imaged => 'image' in resource;

export function imageOf(image: ImageSpec): Inputs['images'][string] {
  const reference =
    image.type === 'pull' ? image.reference : `plumbstack/built:${digestOf(image).slice(0, 12)}`;
  return {
    reference,
    id: `sha256:${contentDigest(reference)}`,
    action: 'none',
    user: '',
    hasHealthcheck: false,
    entrypoint: ['/entrypoint'],
    command: ['serve'],
  };
}

function sourcesIn({ resources }: StackSpec): readonly string[] {
  return resources.flatMap((each) => {
    if (each.kind === 'router') {
      const pages = [each, ...each.routes].flatMap(({ maintenance }) => maintenance?.page ?? []);
      return [...Object.values(each.errorPages), ...pages];
    }
    return 'files' in each ? each.files.flatMap(({ source }) => source ?? []) : [];
  });
}

function freePortsIn({ resources }: StackSpec): readonly string[] {
  return resources.flatMap((each) => publishedBy(each).flatMap(({ port, key }) => (port === 0 ? [key] : [])));
}

/** As a resource keeps the free port that it once got. */
function keptPort(key: string): number {
  return 32_768 + (Number.parseInt(contentDigest(key).slice(0, 8), 16) % 28_000);
}

/** Compiles a spec whose addresses are free to choose, with the fronts of its pools, as every verb does. */
export function compiled(
  declared: StackSpec,
  inputs: Partial<Inputs> = {},
  taken = nothingTaken,
): DockerSpec {
  const spec = withFronts(declared);
  const addresses = planAddresses(spec, taken, emptySpace);
  return compileStack(spec, addresses, { ...inputsOf(spec), ...inputs });
}

export function unitOf(desired: DockerSpec, resource: string): Unit {
  const unit = desired.units.find((each) => each.resource === resource);
  if (unit === undefined) throw new RangeError(`no unit ${resource}`);
  return unit;
}

export function poolOf(desired: DockerSpec, resource: string): PoolUnit {
  const unit = unitOf(desired, resource);
  if (unit.kind !== 'pool') throw new RangeError(`${resource} is ${unit.kind}`);
  return unit;
}

export function routerOf(desired: DockerSpec, resource: string): RouterUnit {
  const unit = unitOf(desired, resource);
  if (unit.kind !== 'router') throw new RangeError(`${resource} is ${unit.kind}`);
  return unit;
}

/** The same stack with pools that a test can hold a thousand of, in a network that has room for all of it. */
export function modest(spec: StackSpec): StackSpec {
  return {
    ...spec,
    subnet: '10.77.0.0/16',
    resources: spec.resources.map((each) =>
      each.kind === 'pool'
        ? {
            ...each,
            replicas: each.replicas % 20,
            update: { ...each.update, parallelism: 1 + (each.update.parallelism % 20) },
          }
        : each,
    ),
  };
}
