import type { Problem } from './problem.js';
import type { ContainerSpec, MountSpec } from './spec.js';

interface Place {
  readonly option: string;
  readonly target: string;
}

/**
 * Files, secrets and mounts that cannot all be where they are wanted. A file is put into the container before it starts, and
 * belongs to it alone: it goes with it.
 */
export function misplacedFiles(container: ContainerSpec): readonly Problem[] {
  const mounts = places('mounts', container.mounts);
  const files = [...places('files', container.files), ...places('secrets', container.secrets)];
  const all = [...mounts, ...files];
  const problems = all.flatMap((place, index) => {
    const first = all.slice(0, index).find(({ target }) => followed(target) === followed(place.target));
    if (first !== undefined)
      return [
        problem(
          container,
          place,
          `which ${first.option} fills too`,
          'Give each its own place in the container.',
        ),
      ];
    const reason = index < mounts.length ? undefined : reasonAgainst(place.target, container);
    return reason === undefined ? [] : [problem(container, place, reason, 'Put it into another folder.')];
  });
  return problems;
}

function places(option: string, list: readonly { readonly target: string }[]): readonly Place[] {
  return list.map(({ target }, index) => ({ option: `${option}[${index}].target`, target }));
}

function problem({ name }: ContainerSpec, { option, target }: Place, reason: string, hint: string): Problem {
  return { path: `${name}.${option}`, message: `is ${target}, ${reason}`, hint };
}

function reasonAgainst(target: string, { mounts, readOnly }: ContainerSpec): string | undefined {
  const folder = target.slice(0, target.lastIndexOf('/')) || '/';
  // Below a read-only root they go into volumes of their own, which the root folder itself cannot be.
  if (readOnly && folder === '/') return 'in a root folder that is read-only';
  const nearest = mounts
    .filter((each) => holds(each, target))
    .sort((a, b) => followed(b.target).length - followed(a.target).length)[0];
  switch (nearest?.type) {
    case 'bind':
      return `in the bind mount at ${nearest.target}: it would be written into ${nearest.source} on the machine, and stay there`;
    case 'volume':
      return `in the volume ${nearest.volume} at ${nearest.target}: it would be written among its data, and stay there`;
    case 'tmpfs':
      // Below a read-only root, a deeper folder is a volume of its own.
      return readOnly && nearest.target !== folder
        ? undefined
        : `in the tmpfs at ${nearest.target}, which is empty at every start`;
    case undefined:
      return undefined;
  }
}

function holds(mount: MountSpec, path: string): boolean {
  return followed(path).startsWith(`${followed(mount.target)}/`);
}

/** A path without the link that images have for compatibility: FHS 3.0, section 5.13. */
function followed(path: string): string {
  return path.replace(/^\/var\/run(?=\/|$)/, '/run');
}
