import { isPlumbstackError } from '@plumbstack/core';
import type { CallOptions, DockerReader } from '../client/docker-client.js';
import { configFolder } from '../compile/proxy-container.js';

/**
 * Parts of a proxy's configuration folder, by path in it; nothing where none of them is there, and why where they cannot be
 * read: one damaged proxy keeps nobody from anything else.
 */
export async function readConfig(
  client: DockerReader,
  container: string,
  parts: readonly string[],
  call: CallOptions,
): Promise<ReadonlyMap<string, Buffer> | string | undefined> {
  try {
    const found = await Promise.all(
      parts.map(async (part) => client.readFiles(container, `${configFolder}/${part}`, call)),
    );
    if (found.every((each) => each === undefined)) return undefined;
    return new Map(found.flatMap((files) => [...(files ?? [])]));
  } catch (error) {
    if (isPlumbstackError(error, 'ENGINE_FAILED')) return error.text;
    throw error;
  }
}
