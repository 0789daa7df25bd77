import type { CallOptions, DockerReader } from '../client/docker-client.js';

/** Files below a folder of a container, by their path in it; nothing where there is no such folder. */
export async function readFolder(
  client: DockerReader,
  container: string,
  folder: string,
  call: CallOptions,
): Promise<ReadonlyMap<string, Buffer> | undefined> {
  const files = await client.readFiles(container, folder, call);
  // An archive of a folder has the folder itself as its first part.
  return files && new Map([...files].map(([path, content]) => [path.slice(path.indexOf('/') + 1), content]));
}
