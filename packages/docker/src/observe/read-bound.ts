import { realpath, stat } from 'node:fs/promises';
import {
  isPlumbstackError,
  PlumbstackError,
  aboutResource,
  resourcePath,
  type StackSpec,
} from '@plumbstack/core';
import { folderContents, type ContextContents } from '../client/build-context.js';
import type { CallOptions, DockerReader } from '../client/docker-client.js';
import type { FileDigests } from '../client/file-digests.js';
import type { BoundSource } from '../compile/inputs.js';

/** A folder or file of the engine's machine that a container sees. */
interface Bound {
  readonly resource: string;
  /** The option that names it. */
  readonly option: string;
  /** Absolute path. */
  readonly path: string;
  /** What of it is a part of its container: nothing, which folder it is, or what is in it too. */
  readonly follows: 'nothing' | 'folder' | 'content';
}

export interface ReadBoundOptions extends CallOptions {
  /** Whether the engine runs on this machine. */
  readonly isHere: boolean;
  readonly digests: FileDigests;
}

/**
 * Looks at what containers see of their machine, by absolute path. Of an engine elsewhere nothing can be told.
 *
 * @throws `NOT_FOUND` for what is surely not there, `INVALID_OPTION` for what is to be followed and cannot be read from here
 */
export async function readBound(
  client: DockerReader,
  spec: StackSpec,
  absolute: (path: string) => string,
  { isHere, digests, ...call }: ReadBoundOptions,
): Promise<Readonly<Record<string, BoundSource>>> {
  const all = boundBy(spec, absolute);
  if (!isHere) {
    const followed = all.find(({ follows }) => follows === 'content');
    if (followed !== undefined) throw elsewhere(followed, spec.name);
    return {};
  }
  const byPath = new Map<string, readonly Bound[]>();
  for (const each of all) byPath.set(each.path, [...(byPath.get(each.path) ?? []), each]);
  const read = await Promise.all(
    [...byPath].map(async ([path, uses]) => ({
      ...{ path, uses },
      found: await look(path, uses, spec.name, digests),
    })),
  );
  const missing = read.flatMap(({ uses, found }) => (found === undefined ? uses : []));
  await refuseMissing(client, spec.name, missing, call);
  return Object.fromEntries(
    read.flatMap(({ path, found }) =>
      found?.folder === undefined ? [] : [[path, { ...found, folder: found.folder }]],
    ),
  );
}

function boundBy({ resources }: StackSpec, absolute: (path: string) => string): readonly Bound[] {
  return resources.flatMap((each): readonly Bound[] => {
    const { name: resource } = each;
    if (each.kind === 'router') {
      const { root } = each;
      return root === undefined
        ? []
        : [{ resource, option: `${resource}.root`, path: absolute(root), follows: 'folder' }];
    }
    if (each.kind !== 'app' && each.kind !== 'service') return [];
    return each.mounts.flatMap((mount, index): readonly Bound[] =>
      mount.type !== 'bind'
        ? []
        : [
            {
              resource,
              option: `${resource}.mounts[${index}].bind`,
              path: absolute(mount.source),
              follows: mount.restartOn === undefined ? 'nothing' : 'content',
            },
          ],
    );
  });
}

function elsewhere({ resource, option, path }: Bound, stack: string): PlumbstackError {
  return new PlumbstackError(
    'INVALID_OPTION',
    `${option}: what is in ${path} cannot be followed, as the engine runs on another machine.`,
    {
      resource: resourcePath(stack, resource),
      details: { path: option, source: path },
      hint: 'Make it a part of the image, by build or by a recipe such as plumber(...), or leave out restartOn.',
    },
  );
}

/** Nothing where nothing is there. */
async function look(
  path: string,
  uses: readonly Bound[],
  stack: string,
  digests: FileDigests,
): Promise<Partial<BoundSource> | undefined> {
  const folder = await whichFolder(path).catch(({ code }: NodeJS.ErrnoException) =>
    ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(code ?? '') ? gone : hidden,
  );
  if (folder === gone) return undefined;
  const known = folder === hidden ? {} : { folder };
  const follower = uses.find(({ follows }) => follows === 'content');
  return follower === undefined ? known : { ...known, ...(await contentsOf(path, follower, stack, digests)) };
}

const gone = Symbol('nothing is there');
/** Who runs the program may not look there, but the engine may. */
const hidden = Symbol('it may be there');

/** Another one for another folder at the same path: what a mount shows is the one that was there when it was made. */
async function whichFolder(path: string): Promise<string> {
  const [real, info] = await Promise.all([realpath(path), stat(path, { bigint: true })]);
  // A number that is free is given again at once, so the time of birth counts too; 0 where the file system keeps none.
  return `${real} (inode ${info.ino}, made ${new Date(Number(info.birthtimeMs)).toISOString()})`;
}

async function contentsOf(
  path: string,
  { option, resource }: Bound,
  stack: string,
  digests: FileDigests,
): Promise<ContextContents> {
  try {
    return await folderContents(path, digests);
  } catch (cause) {
    const about = resourcePath(stack, resource);
    if (isPlumbstackError(cause) && cause.code !== 'IMAGE_BUILD_FAILED') throw aboutResource(cause, about);
    throw new PlumbstackError('INVALID_OPTION', `${option}: ${path} cannot be read.`, {
      resource: about,
      details: { path: option, source: path },
      hint: 'Make it readable for who runs the program, name in its .dockerignore what is not, or leave out restartOn.',
      cause,
    });
  }
}

/**
 * Refuses what is missing on the engine's machine. A socket may lead to an engine that has other files, as that of a virtual
 * machine, so the engine is asked whether it has ours; of another one it is known when the container is made.
 */
async function refuseMissing(
  client: DockerReader,
  stack: string,
  missing: readonly Bound[],
  call: CallOptions,
): Promise<void> {
  const [first] = missing;
  if (first === undefined) return;
  const followed = missing.filter(({ follows }) => follows === 'content');
  const sure = followed.length > 0 || (await client.sharesFiles(call)) ? missing : [];
  if (sure.length === 0) return;
  const paths = [...new Set(sure.map(({ option, path }) => `${option}: ${path}`))];
  throw new PlumbstackError(
    'NOT_FOUND',
    `what containers are to see of this machine is not there: ${paths.join(', ')}.`,
    {
      resource: resourcePath(stack, first.resource),
      details: {
        path: first.path,
        option: first.option,
        missing: [...new Set(sure.map(({ path }) => path))],
      },
      hint: "Make the folder, or correct the path: a relative one starts from the stack's baseDir, or from the working directory where it has none.",
    },
  );
}
