import {
  argument,
  containerPath,
  flag,
  integer,
  line,
  oneOf,
  options,
  refuse,
  words,
  type Check,
} from './check.js';
import { isResource } from './resource.js';
import type { FileSpec, MountSpec } from './spec.js';
import type { Volume } from './volume.js';

/** A folder or file of the engine's machine, seen in the container. */
export interface BindMount {
  /** Path on the machine; a relative one starts from the stack's `baseDir`. */
  readonly bind: string;
  readonly target: string;
  /** @default false; true with `restartOn` */
  readonly readOnly?: boolean;
  /**
   * For code: `'change'` makes what is in the folder a part of the container. A plan names the files that differ, and `up` replaces the
   * container, of a pool worker after worker. The folder is read for every plan, without what its `.dockerignore` names, up to 500 MB;
   * so it must be on the machine that runs the program, and the engine too. A rollback does not bring back what was in it.
   * @default what is in it is data: it is never read
   */
  readonly restartOn?: 'change';
  /**
   * With `restartOn`: a command, as an array, that is run in the container that is there when what is in the folder has changed, before
   * that container is stopped for its successor. Where it fails, the container goes on and `up` rejects with what the command wrote.
   * @default none: the successor is seen not to come up, and the one of before starts again
   */
  readonly check?: readonly string[];
}
/** A volume of the stack. */
export interface VolumeMount {
  readonly volume: Volume;
  readonly target: string;
  /** @default false */
  readonly readOnly?: boolean;
}
/** Memory that is gone with the container. */
export interface TmpfsMount {
  readonly tmpfs: true;
  readonly target: string;
  /** @default half of the machine's memory, the kernel's own limit */
  readonly sizeBytes?: number;
}
export type Mount = BindMount | VolumeMount | TmpfsMount;

/**
 * A file put into the container before it starts. Its content is part of the container's identity. It belongs to the container
 * alone: `validate` refuses one below a bind mount or a volume, where it would be written through and stay.
 */
export interface File {
  /** Absolute path in the container. */
  readonly target: string;
  /** The text itself. Exactly one of `content` and `source`. */
  readonly content?: string;
  /** Path of a file on the machine that runs the program. */
  readonly source?: string;
  /** Permission bits. @default 0o644 */
  readonly mode?: number;
}

const volumeReference: Check<Volume> = (value, path) => {
  if (!isResource(value, 'volume')) refuse(path, 'a volume made by stack.volume(...)', value);
  return value as Volume;
};

export const mount: Check<MountSpec> = (value, path) => {
  const given = options<Partial<BindMount & VolumeMount & TmpfsMount>>(value, path, {
    bind: line,
    volume: volumeReference,
    tmpfs: oneOf(true),
    target: containerPath,
    readOnly: flag,
    sizeBytes: integer(4096),
    restartOn: oneOf('change'),
    check: words,
  });
  const {
    bind,
    volume,
    tmpfs,
    target,
    sizeBytes,
    restartOn,
    check,
    readOnly = restartOn !== undefined,
  } = given;
  const kinds = [bind, volume, tmpfs].filter((each) => each !== undefined).length;
  if (kinds !== 1) refuse(path, 'exactly one of { bind }, { volume } and { tmpfs: true }', value);
  if (tmpfs === undefined && sizeBytes !== undefined)
    refuse(`${path}.sizeBytes`, 'left out without tmpfs', sizeBytes);
  if (tmpfs !== undefined && given.readOnly !== undefined)
    refuse(`${path}.readOnly`, 'left out with tmpfs', readOnly);
  if (target === undefined) refuse(`${path}.target`, 'an absolute path in the container', target);
  if (restartOn !== undefined && bind === undefined)
    refuse(`${path}.restartOn`, 'left out without bind', restartOn);
  if (restartOn === undefined && check !== undefined)
    refuse(`${path}.check`, 'left out without restartOn', check);
  if (restartOn !== undefined && !readOnly)
    refuse(`${path}.readOnly`, 'true with restartOn: what the container writes would replace it', readOnly);
  if (bind !== undefined)
    return {
      ...{ type: 'bind', source: bind, target, readOnly },
      ...(restartOn !== undefined && { restartOn }),
      ...(check !== undefined && { check }),
    };
  if (volume !== undefined) return { type: 'volume', volume: volume.name, target, readOnly };
  return { type: 'tmpfs', target, ...(sizeBytes !== undefined && { sizeBytes }) };
};

export const file: Check<FileSpec> = (value, path) => {
  const given = options<File>(value, path, {
    target: containerPath,
    content: argument,
    source: line,
    mode: integer(0, 0o7777),
  });
  const { target, content, source, mode = 0o644 } = given;
  if (target === undefined) refuse(`${path}.target`, 'an absolute path in the container', target);
  if ((content === undefined) === (source === undefined))
    refuse(path, 'exactly one of content and source', value);
  return { target, mode, ...(content !== undefined && { content }), ...(source !== undefined && { source }) };
};
