import { randomBytes } from 'node:crypto';
import type { SecretSource, StackSpec } from '@plumbstack/core';
import type { Inputs } from '../compile/inputs.js';
import { baseLabels, label } from '../labels.js';
import { secretVolumeName } from '../object-names.js';
import { readFolder } from '../observe/read-folder.js';
import { keptIn, rotationFile, secretFile, secretFolder } from '../observe/read-secrets.js';
import type { RunContext } from './run-context.js';
import { ensureEmptyImage, emptyImage } from './empty-image.js';
import { ensureVolume } from './ensure-volume.js';

type SecretContext = Pick<RunContext, 'client' | 'stack' | 'call' | 'observed'>;

/**
 * Generates secrets that do not exist yet. Each lies in a volume of its own; a container that never runs keeps it
 * readable. One whose rotation is another than the value's gets a new value. A volume that a `down` has left is taken up again, with the value it has, and so is a keeper that an
 * interrupted run has left without one.
 */
export async function prepareSecrets(
  context: SecretContext,
  spec: StackSpec,
  { secrets }: Inputs,
): Promise<void> {
  for (const { name, ...secret } of spec.resources) {
    if (secret.kind !== 'secret' || secret.source.type !== 'generate') continue;
    if (secrets[name]?.value === undefined) await generate(context, name, secret.source);
  }
}

async function generate(
  context: SecretContext,
  name: string,
  { bytes, rotation }: Extract<SecretSource, { type: 'generate' }>,
): Promise<void> {
  const { client, call, observed } = context;
  const kept = observed.containers.find((each) => each.role === 'secret' && each.resource === name);
  const keeper = kept?.id ?? (await createKeeper(context, name));
  const found = keptIn(await readFolder(client, keeper, secretFolder, call));
  if (found?.rotation === rotation) return;
  const files = [
    { path: secretFile, content: randomBytes(bytes).toString('hex'), mode: 0o400 },
    { path: rotationFile, content: String(rotation), mode: 0o400 },
  ];
  await client.putFiles(keeper, secretFolder, files, call);
}

async function createKeeper(context: SecretContext, name: string): Promise<string> {
  const { client, call, stack } = context;
  const volume = secretVolumeName(stack, name);
  const labels = baseLabels(stack, name, 'secret');
  await ensureEmptyImage(client, call);
  await ensureVolume(context, name, { name: volume, labels });
  return client.createContainer(
    {
      ...emptyImage.creation,
      name: volume,
      labels: { ...labels, [label.digest]: '' },
      mounts: [{ type: 'volume', name: volume, target: secretFolder, readOnly: false }],
    },
    call,
  );
}
