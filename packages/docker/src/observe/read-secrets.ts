import { scrypt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { PlumbstackError, resourcePath, type SecretSpec, type StackSpec } from '@plumbstack/core';
import type { CallOptions, DockerReader } from '../client/docker-client.js';
import type { SecretInput } from '../compile/inputs.js';
import { secretVolumeName } from '../object-names.js';
import type { ObservedState } from '../plan/observed-state.js';

import { readFolder } from './read-folder.js';

/** Values of secrets made from `{ value }`, by name: they are not in the spec. */
export type SecretValues = ReadonlyMap<string, string>;

/** File in a generated secret's volume. */
export const secretFile = 'value';

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
  const entries = secrets.map(async (secret) => {
    const value = await readValue(client, spec, secret, absolute, values, observed, call);
    const input: SecretInput =
      value === undefined
        ? { fingerprint: 'new' }
        : { value, fingerprint: await fingerprintOf(spec.name, value) };
    return [secret.name, input] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

async function readValue(
  client: DockerReader,
  spec: StackSpec,
  { name, source }: SecretSpec,
  absolute: (path: string) => string,
  values: SecretValues,
  observed: ObservedState,
  call: CallOptions,
): Promise<Buffer | undefined> {
  const resource = resourcePath(spec.name, name);
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
    case 'value': {
      const value = values.get(name);
      if (value !== undefined) return Buffer.from(value);
      throw new PlumbstackError(
        'NOT_FOUND',
        'the value of this secret stayed in the program that declared it.',
        {
          resource,
          hint: 'A spec never holds it. Use { file }, { env } or { generateBytes } for a stack that is read back from a spec.',
        },
      );
    }
    case 'generate': {
      // A container that never runs holds the volume, so that it can be read at any time and with any image.
      const volume = secretVolumeName(spec.name, name);
      const keeper = observed.containers.find((each) => each.role === 'secret' && each.resource === name);
      if (keeper === undefined || !observed.volumes.some((each) => each.name === volume)) return undefined;
      return (await readFolder(client, keeper.id, '/secret', call))?.get(secretFile);
    }
  }
}

const derive = promisify(scrypt) as (password: Buffer, salt: string, length: number) => Promise<Buffer>;

/**
 * A fingerprint stands in labels and plans, where anybody may read it: scrypt makes guessing a weak value from it
 * expensive, and 8 bytes are enough to see a change. https://www.rfc-editor.org/rfc/rfc7914
 */
async function fingerprintOf(stack: string, value: Buffer): Promise<string> {
  return (await derive(value, `plumbstack:${stack}`, 8)).toString('hex');
}
