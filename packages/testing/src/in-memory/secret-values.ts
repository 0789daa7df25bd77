import { resourcePath, Secret, type SecretSource, type Stack } from '@plumbstack/core';
import type { EngineState, GivenSecrets, SecretRecord } from './engine-state.js';

/** Reads a secret's value from where the program says it is. */
export type ReadSecret = (source: Extract<SecretSource, { type: 'file' | 'env' }>) => string;

/** Values by secret; `undefined` for those that the engine makes, or whose value stayed in another process. */
export type SecretValues = ReadonlyMap<string, string | undefined>;

/** Touches neither disk nor environment: what stands there is the same on every machine. */
export const standIn: ReadSecret = (source) =>
  source.type === 'file' ? `file:${source.path}` : `env:${source.variable}`;

export function secretValues(stack: Stack, read: ReadSecret): SecretValues {
  const secrets = stack.resources.filter((each): each is Secret => each.kind === 'secret');
  return new Map(
    secrets.map((each) => {
      const { source } = each.toSpec();
      const fromElsewhere = source.type === 'file' || source.type === 'env';
      return [each.name, fromElsewhere ? read(source) : Secret.plainValue(each)];
    }),
  );
}

/** As many random bytes, as lower-case hex. */
export function generateSecret(bytes: number): string {
  const random = globalThis.crypto.getRandomValues(new Uint8Array(bytes));
  return [...random].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

export function secretsOfStack(state: EngineState, stack: string): readonly SecretRecord[] {
  return [...state.secrets.values()].filter((each) => each.stack === stack);
}

/** What is given these secrets now gets these values. */
export function givenSecrets(state: EngineState, stack: string, names: readonly string[]): GivenSecrets {
  return Object.fromEntries(
    names.map((name) => [name, state.secrets.get(resourcePath(stack, name))?.value ?? '']),
  );
}
