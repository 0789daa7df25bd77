import { randomBytes } from 'node:crypto';
import type { StackSpec } from '@plumbstack/core';
import { baseLabels, label } from '../labels.js';
import { secretVolumeName } from '../object-names.js';
import { readFolder } from '../observe/read-folder.js';
import { secretFile } from '../observe/read-secrets.js';
import type { RunContext } from './run-context.js';
import { ensureEmptyImage, emptyImage } from './empty-image.js';

/** Where the volume of a generated secret is mounted in its keeper. */
const secretFolder = '/secret';

type SecretContext = Pick<RunContext, 'client' | 'stack' | 'call' | 'observed'>;

/**
 * Generates secrets that do not exist yet. Each lies in a volume of its own; a container that never runs keeps it
 * readable. A volume that a `down` has left is taken up again, with the value it has.
 */
export async function prepareSecrets(context: SecretContext, spec: StackSpec): Promise<void> {
  for (const { name, ...secret } of spec.resources) {
    if (secret.kind !== 'secret' || secret.source.type !== 'generate') continue;
    const kept = context.observed.containers.some((each) => each.role === 'secret' && each.resource === name);
    if (!kept) await generate(context, name, secret.source.bytes);
  }
}

async function generate({ client, call, stack }: SecretContext, name: string, bytes: number): Promise<void> {
  const volume = secretVolumeName(stack, name);
  const labels = baseLabels(stack, name, 'secret');
  await ensureEmptyImage(client, call);
  await client.createVolume({ name: volume, labels }, call);
  const keeper = await client.createContainer(
    {
      ...emptyImage.creation,
      name: volume,
      labels: { ...labels, [label.digest]: '' },
      mounts: [{ type: 'volume', name: volume, target: secretFolder, readOnly: false }],
    },
    call,
  );
  const found = await readFolder(client, keeper, secretFolder, call);
  if (found?.has(secretFile) === true) return;
  await client.putFiles(
    keeper,
    secretFolder,
    [{ path: secretFile, content: randomBytes(bytes).toString('hex'), mode: 0o400 }],
    call,
  );
}
