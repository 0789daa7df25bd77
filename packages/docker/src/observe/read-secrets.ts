import { scrypt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { PlumbstackError, resourcePath, type SecretSource, type StackSpec } from '@plumbstack/core';
import type { CallOptions, DockerReader } from '../client/docker-client.js';
import { renewalReason } from '../certificate/renewal.js';
import type { SecretInput } from '../compile/inputs.js';
import { keptSecrets, type KeptSecret } from '../compile/kept-secrets.js';
import { secretVolumeName } from '../object-names.js';
import type { ObservedState } from '../plan/observed-state.js';

import { readFolder } from './read-folder.js';
import { Remembered } from './remembered.js';

/** Values that are known beside the spec, by name: of `{ value }`, and of what the program reads in a way of its own. */
export type SecretValues = ReadonlyMap<string, string>;

const hexDigitsPerByte = 2;

/** File in a generated secret's volume. */
export const secretFile = 'value';
/** File beside it. */
export const rotationFile = 'rotation';
/** File beside that of a certificate: the directory of the authority that issued it; empty for one that was made here. */
export const authorityFile = 'authority';
/** Where the volume of a generated secret is mounted in its keeper. */
export const secretFolder = '/secret';

/** Values and fingerprints of a stack's secrets. */
export async function readSecrets(
  client: DockerReader,
  spec: StackSpec,
  absolute: (path: string) => string,
  values: SecretValues,
  observed: ObservedState,
  call: CallOptions,
): Promise<Record<string, SecretInput>> {
  const secrets = spec.resources.filter((each) => each.kind === 'secret');
  const inputOf = async (value: Buffer): Promise<SecretInput> => ({
    value,
    fingerprint: await fingerprintOf(spec.name, value),
  });
  const entries = secrets.map(async (secret): Promise<readonly [string, SecretInput]> => {
    const { source, name } = secret;
    if (source.type === 'generate') {
      const kept = await readKept(client, spec.name, name, observed, call);
      if (kept === undefined) return [name, { fingerprint: 'new' }];
      const { value, rotation } = kept;
      const isCurrent = value !== undefined && rotation === source.rotation;
      if (isCurrent) refuseOtherLength(spec.name, name, value, source.bytes);
      return [name, isCurrent ? { ...(await inputOf(value)), rotation } : { fingerprint: 'new', rotation }];
    }
    return [name, await inputOf(await readValue(spec, name, source, absolute, values))];
  });
  const certificates = keptSecrets(spec)
    .filter((each) => each.type !== 'random')
    .map(async (secret): Promise<readonly [string, SecretInput]> => {
      const { name } = secret;
      const kept = await readKept(client, spec.name, name, observed, call);
      if (kept?.value === undefined) return [name, { fingerprint: 'new' }];
      const due = successorReason(secret, kept.value, kept.authority);
      return [name, { ...(await inputOf(kept.value)), rotation: 0, ...(due !== undefined && { due }) }];
    });
  return Object.fromEntries(await Promise.all([...entries, ...certificates]));
}

/** A value changes with its rotation alone: what was given it may not be able to go on with another. */
function refuseOtherLength(stack: string, name: string, value: Buffer, bytes: number): void {
  const made = value.length / hexDigitsPerByte;
  if (made === bytes) return;
  throw new PlumbstackError('INVALID_OPTION', `generateBytes is ${bytes}, and its value has ${made}.`, {
    resource: resourcePath(stack, name),
    details: { path: `${name}.generateBytes`, made },
    hint: `Say ${made} to keep the value, or give it another rotation too to make a new one.`,
  });
}

/** Why what is kept for a router needs a successor. */
function successorReason(
  secret: Exclude<KeptSecret, { type: 'random' }>,
  value: Buffer,
  authority: string,
): string | undefined {
  if (secret.type === 'account-key') return undefined;
  const wanted = secret.type === 'acme' ? secret.authority.directory : '';
  if (authority !== wanted) return authority === '' ? 'self-signed' : `from ${authority}`;
  return renewalReason(value.toString(), secret.hosts, new Date());
}

async function readValue(
  spec: StackSpec,
  name: string,
  source: Exclude<SecretSource, { type: 'generate' }>,
  absolute: (path: string) => string,
  values: SecretValues,
): Promise<Buffer> {
  const resource = resourcePath(spec.name, name);
  const given = values.get(name);
  if (given !== undefined) return Buffer.from(given);
  switch (source.type) {
    case 'file': {
      const path = absolute(source.path);
      try {
        return await readFile(path);
      } catch (cause) {
        throw new PlumbstackError('NOT_FOUND', `the secret's file ${path} cannot be read.`, {
          resource,
          details: { path },
          hint: 'Create it, or correct the path: it is relative to the baseDir of the stack.',
          cause,
        });
      }
    }
    case 'env': {
      const value = process.env[source.variable];
      if (value !== undefined) return Buffer.from(value);
      throw new PlumbstackError('NOT_FOUND', `the environment has no variable ${source.variable}.`, {
        resource,
        details: { variable: source.variable },
        hint: `Set it where the program is started: ${source.variable}=... node main.js.`,
      });
    }
    case 'value':
      throw new PlumbstackError(
        'NOT_FOUND',
        'the value of this secret stayed in the program that declared it.',
        {
          resource,
          hint: 'A spec never holds it. Use { file }, { env } or { generateBytes } for a stack that is read back from a spec.',
        },
      );
  }
}

interface Kept {
  readonly value?: Buffer;
  readonly rotation: number;
  readonly authority: string;
}

/** A generated secret as it is on the engine. A container that never runs holds its volume, to be read at any time. */
async function readKept(
  client: DockerReader,
  stack: string,
  name: string,
  observed: ObservedState,
  call: CallOptions,
): Promise<Kept | undefined> {
  const volume = secretVolumeName(stack, name);
  const keeper = observed.containers.find((each) => each.role === 'secret' && each.resource === name);
  if (keeper === undefined || !observed.volumes.some((each) => each.name === volume)) return undefined;
  return keptIn(await readFolder(client, keeper.id, secretFolder, call));
}

/** What a generated secret's folder says. A value without a rotation was made before there was one. */
export function keptIn(files: ReadonlyMap<string, Buffer> | undefined): Kept | undefined {
  const value = files?.get(secretFile);
  if (value === undefined) return undefined;
  return {
    value,
    rotation: Number(files?.get(rotationFile)?.toString() ?? 0),
    authority: files?.get(authorityFile)?.toString() ?? '',
  };
}

/** As many as a program has secrets, and more: what is known need not be derived again at every look. */
const known = new Remembered<Promise<string>>(1000);

/**
 * A fingerprint stands in labels and plans, where anybody may read it: scrypt makes guessing a weak value from it
 * expensive, and 8 bytes are enough to see a change. https://www.rfc-editor.org/rfc/rfc7914
 */
function fingerprintOf(stack: string, value: Buffer): Promise<string> {
  return known.of(stack, value, () => derived(`plumbstack:${stack}`, value));
}

function derived(salt: string, value: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    scrypt(value, salt, 8, (error, key) => (error === null ? resolve(key.toString('hex')) : reject(error)));
  });
}
