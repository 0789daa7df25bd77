import { posix } from 'node:path';
import type { PutFile } from '@plumbstack/docker/client';

/** A file's content and who may read it. */
export type StoredFile = Omit<PutFile, 'path' | 'content'> & { readonly content: Buffer };

/** Files of one volume, or of a container's own layer, by their path from its root, as `folder/file`. */
export type Files = Map<string, StoredFile>;

/** Where a path of a container leads: into one of its volumes, or into its own layer. */
export interface Located {
  readonly files: Files;
  /** From the root of what it leads into; empty for the root itself. */
  readonly path: string;
}

/** What every image has: enough to look for a user, and for a shell. */
export const imageFiles: Files = new Map(
  Object.entries({
    'bin/bash': '',
    'bin/sh': '',
    'etc/group': 'root:x:0:\nnobody:x:65534:\n',
    'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  }).map(([path, text]) => [path, { content: Buffer.from(text), mode: 0o755, uid: 0, gid: 0 }]),
);

/** @param mounts what is mounted, by its absolute path in the container */
export function locate(layer: Files, mounts: ReadonlyMap<string, Files>, path: string): Located {
  const absolute = posix.resolve('/', path);
  let found: Located = { files: layer, path: absolute.slice(1) };
  let length = 0;
  for (const [target, files] of mounts) {
    const root = posix.resolve('/', target);
    if (root.length <= length || (absolute !== root && !absolute.startsWith(`${root}/`))) continue;
    length = root.length;
    found = { files, path: absolute.slice(root.length + 1) };
  }
  return found;
}

/** Files at or below a path, by their path from the folder that the path is in, as an engine's archive names them. */
export function filesAt({ files, path }: Located, name: string): ReadonlyMap<string, StoredFile> {
  const own = files.get(path);
  if (path !== '' && own !== undefined) return new Map([[name, own]]);
  const prefix = path === '' ? '' : `${path}/`;
  return new Map(
    [...files].flatMap(([each, file]) =>
      each.startsWith(prefix) ? [[posix.join(name, each.slice(prefix.length)), file] as const] : [],
    ),
  );
}

export function putFile({ files, path }: Located, file: PutFile): void {
  const { path: name, content, type, ...rest } = file;
  // A folder is there as soon as something is in it.
  if (type === 'folder') return;
  files.set(posix.join(path, posix.normalize(name)), { ...rest, content: Buffer.from(content) });
}
