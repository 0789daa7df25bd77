import { PlumbstackError } from '@plumbstack/core';
import type { CallOptions, DockerReader } from '../client/docker-client.js';
import type { ObservedContainer } from '../plan/observed-state.js';

/** Which PostgreSQL wrote a folder: its first line is the major version. */
const versionFile = 'PG_VERSION';
/** Where images and people put a database below a volume's root. */
const usual: readonly string[] = ['', 'data', 'pgdata'];
/** Where images from 18 on put it, and whoever is told to keep to that before. */
const byVersion: readonly string[] = Array.from({ length: 12 }, (_, index) => `${index + 12}/docker`);

/** A database in a volume: its folder from the volume's root, and the major version that wrote it. */
interface Cluster {
  readonly path: string;
  readonly version: string;
}

/**
 * Refuses to bring a database where no server finds it: in another folder than the one that is there, or written by another major
 * version. The server would make an empty one beside it, or not start. Throws `INVALID_OPTION`.
 */
export async function refuseOtherPostgres(
  client: Pick<DockerReader, 'readFiles'>,
  container: string,
  { there, coming, volume }: { readonly there: string; readonly coming: string; readonly volume: string },
  users: readonly ObservedContainer[],
  call: CallOptions,
): Promise<void> {
  const expected = [...new Set(users.flatMap((each) => dataFolderOf(each, volume)))];
  // One after the other: each has an engine mount the container's volumes.
  const find = async (root: string, places: readonly string[]): Promise<readonly Cluster[]> => {
    for (const path of new Set(places)) {
      const file = [root, path, versionFile].filter((part) => part !== '').join('/');
      const content = (await client.readFiles(container, file, call))?.get(versionFile);
      if (content !== undefined) return [{ path, version: content.toString().trim() }];
    }
    return [];
  };
  const now = await find(there, [...expected, ...usual, ...(expected.length === 0 ? byVersion : [])]);
  if (now.length === 0 && expected.length === 0) return;
  const comes = await find(coming, [...now.map(({ path }) => path), ...expected, ...usual, ...byVersion]);
  if (comes.length === 0) return;
  const isFound = comes.some(({ path, version }) =>
    now.length > 0
      ? now.some((each) => each.path === path && each.version === version)
      : expected.includes(path),
  );
  if (!isFound) throw otherPostgres(comes, now, expected);
}

/** Where a container's server looks for its database, from the root of a volume that is mounted in it. */
function dataFolderOf({ identity }: ObservedContainer, volume: string): readonly string[] {
  const { env, mounts = [] } = identity as {
    readonly env?: Readonly<Record<string, unknown>>;
    readonly mounts?: readonly { readonly name?: string; readonly target: string }[];
  };
  const data = env?.['PGDATA'];
  const mount = mounts.find(({ name }) => name === volume);
  if (typeof data !== 'string' || mount === undefined) return [];
  const isBelow = data === mount.target || data.startsWith(`${mount.target}/`);
  return isBelow ? [data.slice(mount.target.length + 1)] : [];
}

function otherPostgres(
  comes: readonly Cluster[],
  now: readonly Cluster[],
  expected: readonly string[],
): PlumbstackError {
  const listed = (clusters: readonly Cluster[]): string =>
    clusters.map(({ path, version }) => `PostgreSQL ${version} in ${shown(path)}`).join(', ');
  const wanted = now.length > 0 ? listed(now) : `a database in ${expected.map(shown).join(', ')}`;
  return new PlumbstackError(
    'INVALID_OPTION',
    `the archive has the data of ${listed(comes)}, and the server looks for ${wanted}.`,
    {
      details: { archive: comes, volume: now.length > 0 ? now : expected },
      hint: 'Nothing was changed. Bring up the version that wrote it, with its data in the same folder, or bring the data over with pg_dump.',
    },
  );
}

function shown(path: string): string {
  return path === '' ? 'the root folder' : path;
}
