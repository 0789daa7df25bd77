import { readFile } from 'node:fs/promises';
import { PlumbstackError } from '@plumbstack/core';
import { unpackFiles } from '../client/config-archive.js';
import type { CallOptions, DockerClient, PutFile } from '../client/docker-client.js';
import { bytesDigest } from '../client/file-digests.js';
import { unlessGone } from '../client/gone.js';
import type { Content, TemplateFile } from '../compile/content.js';
import { configFolder } from '../compile/proxy-container.js';
import { contentsFolder, recordFile } from '../plan/record.js';

/** Reads what a file holds. */
export type LoadContent = (content: Content) => Promise<string | Buffer>;

/** From memory, or from this machine's disk. */
export const loadContent: LoadContent = async ({ bytes, path, digest }) => {
  if (bytes !== undefined) return bytes;
  if (path === undefined) throw lost(digest);
  const found = await readFile(path);
  if ((await bytesDigest(found)) === digest) return found;
  throw new PlumbstackError('PLAN_STALE', `the file ${path} has changed since this run began.`, {
    details: { path },
    hint: 'Run again, when nobody writes to it.',
  });
};

/** The same, and what lies beside a pool's record; each is read once for all workers of a run. */
export function contentsOfPool(
  client: Pick<DockerClient, 'readArchive' | 'readFiles' | 'putFiles'>,
  balancer: () => Promise<string>,
  call: CallOptions,
): LoadContent {
  const known = new Map<string, Promise<string | Buffer>>();
  let stored: Promise<ReadonlyMap<string, Buffer>> | undefined;
  const load: LoadContent = async (content) => {
    if (content.bytes !== undefined || content.path !== undefined) return loadContent(content);
    const container = await balancer();
    stored ??= readContents(client, container, call);
    const found = (await stored).get(`${contentsFolder}/${content.digest}`);
    if (found !== undefined && (await bytesDigest(found)) === content.digest) return found;
    await forgetContents(client, container, call);
    throw lost(content.digest);
  };
  return (content) => {
    const found = known.get(content.digest) ?? load(content);
    known.set(content.digest, found);
    return found;
  };
}

/** As many bytes as there are: who asks needs all of them. */
async function readContents(
  client: Pick<DockerClient, 'readArchive'>,
  container: string,
  call: CallOptions,
): Promise<ReadonlyMap<string, Buffer>> {
  const archive = client.readArchive(container, `${configFolder}/${contentsFolder}`, call);
  return (await unlessGone(unpackFiles(archive, Number.MAX_SAFE_INTEGER))) ?? new Map();
}

/** The record says no longer that they are there: the next `up` sees it, and puts them again. */
async function forgetContents(
  client: Pick<DockerClient, 'readFiles' | 'putFiles'>,
  container: string,
  call: CallOptions,
): Promise<void> {
  const found = await client.readFiles(container, `${configFolder}/${recordFile}`, call);
  const record = found?.get(recordFile);
  if (record === undefined) return;
  const data = { ...(JSON.parse(record.toString()) as object), contents: [] };
  const file = { path: recordFile, content: JSON.stringify(data), mode: 0o400, uid: 0, gid: 0 };
  await client.putFiles(container, configFolder, [file], call);
}

function lost(digest: string): PlumbstackError {
  return new PlumbstackError(
    'NOT_FOUND',
    "what a file of its workers holds is missing beside the pool's record.",
    { details: { digest }, hint: 'Run up: it puts it there again.' },
  );
}

export async function loadFiles(
  files: readonly TemplateFile[],
  load: LoadContent,
): Promise<readonly PutFile[]> {
  const loaded: PutFile[] = [];
  for (const { content, ...file } of files) loaded.push({ ...file, content: await load(content) });
  return loaded;
}
