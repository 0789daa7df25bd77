import { randomBytes } from 'node:crypto';
import type { StackSpec } from '@plumbstack/core';
import { keyPem, newKey, selfSigned } from '../certificate/self-signed.js';
import type { Inputs } from '../compile/inputs.js';
import { keptSecrets, type KeptSecret } from '../compile/kept-secrets.js';
import { baseLabels, label } from '../labels.js';
import { secretVolumeName } from '../object-names.js';
import { readFolder } from '../observe/read-folder.js';
import { authorityFile, keptIn, rotationFile, secretFile, secretFolder } from '../observe/read-secrets.js';
import type { RunContext } from './run-context.js';
import { ensureEmptyImage, emptyImage } from './empty-image.js';
import { ensureVolume } from './ensure-volume.js';

export type SecretContext = Pick<RunContext, 'client' | 'stack' | 'call' | 'observed'>;

/**
 * Makes secrets that do not exist yet, anew where their rotation is another than the value's, and certificates that end soon;
 * for those that an authority is to issue, what stands in until it has. Each lies in a volume of its own; a container that
 * never runs keeps it readable. A volume that a `down` has left is taken up again, with the value it has, and so is a keeper
 * that an interrupted run has left without one.
 */
export async function prepareSecrets(
  context: SecretContext,
  spec: StackSpec,
  { secrets }: Inputs,
): Promise<void> {
  for (const secret of keptSecrets(spec)) {
    const { value, due } = secrets[secret.name] ?? {};
    // What an authority has issued serves until it issues another.
    const isDue = due !== undefined && secret.type !== 'acme';
    if (value === undefined || isDue) await makeSecret(context, secret, isDue);
  }
}

async function makeSecret(context: SecretContext, secret: KeptSecret, isDue: boolean): Promise<void> {
  const { client, call } = context;
  const keeper = keeperOf(context, secret.name) ?? (await createKeeper(context, secret.name));
  const found = keptIn(await readFolder(client, keeper, secretFolder, call));
  const rotation = secret.type === 'random' ? secret.rotation : 0;
  if (found?.rotation === rotation && !isDue) return;
  await putValue(context, keeper, { value: newValue(secret), rotation });
}

function newValue(secret: KeptSecret): string {
  switch (secret.type) {
    case 'random':
      return randomBytes(secret.bytes).toString('hex');
    case 'self-signed':
    case 'acme':
      return selfSigned(secret.hosts, new Date());
    case 'account-key':
      return keyPem(newKey());
  }
}

/** Keeps what an authority has issued, in the place of what is there. */
export async function keepIssued(
  context: SecretContext,
  name: string,
  issued: { readonly value: string; readonly authority: string },
): Promise<void> {
  const keeper = keeperOf(context, name) ?? (await createKeeper(context, name));
  await putValue(context, keeper, { ...issued, rotation: 0 });
}

async function putValue(
  { client, call }: SecretContext,
  keeper: string,
  kept: { readonly value: string; readonly rotation: number; readonly authority?: string },
): Promise<void> {
  const { value, rotation, authority = '' } = kept;
  const files = [
    { path: secretFile, content: value },
    { path: rotationFile, content: String(rotation) },
    { path: authorityFile, content: authority },
  ];
  await client.putFiles(
    keeper,
    secretFolder,
    files.map((each) => ({ ...each, mode: 0o400 })),
    call,
  );
}

function keeperOf({ observed }: SecretContext, name: string): string | undefined {
  return observed.containers.find((each) => each.role === 'secret' && each.resource === name)?.id;
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
