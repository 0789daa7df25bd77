import { randomBytes } from 'node:crypto';
import type { StackSpec } from '@plumbstack/core';
import { selfSigned } from '../certificate/self-signed.js';
import type { Inputs } from '../compile/inputs.js';
import { keptSecrets, type KeptSecret } from '../compile/kept-secrets.js';
import { baseLabels, label } from '../labels.js';
import { secretVolumeName } from '../object-names.js';
import { readFolder } from '../observe/read-folder.js';
import { keptIn, rotationFile, secretFile, secretFolder } from '../observe/read-secrets.js';
import type { RunContext } from './run-context.js';
import { ensureEmptyImage, emptyImage } from './empty-image.js';
import { ensureVolume } from './ensure-volume.js';

type SecretContext = Pick<RunContext, 'client' | 'stack' | 'call' | 'observed'>;

/**
 * Makes secrets that do not exist yet, anew where their rotation is another than the value's, and certificates that end soon.
 * Each lies in a volume of its own; a container that never runs keeps it readable. A volume that a `down` has left is taken up
 * again, with the value it has, and so is a keeper that an
 * interrupted run has left without one.
 */
export async function prepareSecrets(
  context: SecretContext,
  spec: StackSpec,
  { secrets }: Inputs,
): Promise<void> {
  for (const secret of keptSecrets(spec)) {
    const { value, due } = secrets[secret.name] ?? {};
    if (value === undefined || due !== undefined) await makeSecret(context, secret, due !== undefined);
  }
}

async function makeSecret(context: SecretContext, secret: KeptSecret, isDue: boolean): Promise<void> {
  const { client, call, observed } = context;
  const kept = observed.containers.find((each) => each.role === 'secret' && each.resource === secret.name);
  const keeper = kept?.id ?? (await createKeeper(context, secret.name));
  const found = keptIn(await readFolder(client, keeper, secretFolder, call));
  const rotation = secret.type === 'random' ? secret.rotation : 0;
  if (found?.rotation === rotation && !isDue) return;
  const files = [
    { path: secretFile, content: newValue(secret), mode: 0o400 },
    { path: rotationFile, content: String(rotation), mode: 0o400 },
  ];
  await client.putFiles(keeper, secretFolder, files, call);
}

function newValue(secret: KeptSecret): string {
  switch (secret.type) {
    case 'random':
      return randomBytes(secret.bytes).toString('hex');
    case 'self-signed':
      return selfSigned(secret.hosts, new Date());
  }
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
