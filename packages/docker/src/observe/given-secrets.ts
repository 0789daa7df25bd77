import { secretValue, type SecretForm } from '@plumbstack/core';
import type { CallOptions, DockerReader } from '../client/docker-client.js';
import { ofStack } from '../labels.js';
import { isOurs } from '../ours.js';
import { observedContainer, type ObservedContainer } from '../plan/observed-state.js';
import { readFolder } from './read-folder.js';
import { secretFile, secretFolder } from './read-secrets.js';

/**
 * Values of the secrets that a stack's containers have been given, read from where they lie in them, and of those that are kept:
 * who has no program of the stack, and so none of its values, knows them nevertheless. One whose files a program has removed
 * from every container, and that is not kept, nobody knows.
 */
export async function givenSecrets(
  client: DockerReader,
  stack: string,
  call: CallOptions,
): Promise<readonly Buffer[]> {
  const containers = (await client.listContainers(ofStack(stack), call))
    .filter(isOurs)
    .map(observedContainer);
  const kept = containers
    .filter(({ role }) => role === 'secret')
    .map(async ({ id }) => (await readFolder(client, id, secretFolder, call))?.get(secretFile) ?? []);
  return [...(await Promise.all(kept)).flat(), ...(await mountedValues(client, containers, call))];
}

/** Workers of one pool, and all that connect to one service, have the same: each value is read once. */
async function mountedValues(
  client: DockerReader,
  containers: readonly ObservedContainer[],
  call: CallOptions,
): Promise<readonly Buffer[]> {
  const values = new Map<string, Buffer>();
  for (const { id, target, fingerprint, form } of containers.flatMap(mountsOf)) {
    if (values.has(fingerprint)) continue;
    const [file] = (await client.readFiles(id, target, call))?.values() ?? [];
    const value = file && valueIn(file, form);
    if (value !== undefined) values.set(fingerprint, value);
  }
  return [...values.values()];
}

interface GivenSecret {
  readonly id: string;
  readonly target: string;
  readonly fingerprint: string;
  /** Where the file is not the value, byte by byte. */
  readonly form: SecretForm | undefined;
}

/** What a container's labels tell of its secrets: by the path of the file, the value's fingerprint, or that and the form. */
function mountsOf({ id, identity }: ObservedContainer): readonly GivenSecret[] {
  const { secrets = {} } = identity as {
    secrets?: Readonly<Record<string, string | (SecretForm & { readonly fingerprint: string })>>;
  };
  return Object.entries(secrets).map(([target, given]) =>
    typeof given === 'string'
      ? { id, target, fingerprint: given, form: undefined }
      : { id, target, fingerprint: given.fingerprint, form: given },
  );
}

function valueIn(file: Buffer, form: SecretForm | undefined): Buffer {
  const value = form && secretValue(form, file.toString());
  // Of a file that somebody has changed, all is a secret.
  return value === undefined ? file : Buffer.from(value);
}
