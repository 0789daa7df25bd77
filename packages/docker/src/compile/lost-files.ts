import {
  PlumbstackError,
  resourcePath,
  type ContainerSpec,
  type MountSpec,
  type Problem,
} from '@plumbstack/core';

/** Folder of a path in a container. */
export const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

/**
 * Refuses files and secrets that the container would not see. The engine takes files before the start, and a tmpfs is empty
 * at the start. Below a read-only root they go into volumes, which the root folder itself cannot be. Throws `INVALID_STACK`.
 */
export function refuseLostFiles(stack: string, spec: ContainerSpec): void {
  const places = [
    ...spec.files.map(({ target }, index) => ({ path: `${spec.name}.files[${index}].target`, target })),
    ...spec.secrets.map(({ target }, index) => ({ path: `${spec.name}.secrets[${index}].target`, target })),
  ];
  const problems = places.flatMap(({ path, target }): readonly Problem[] => {
    const message = reasonAgainst(target, spec);
    return message === undefined ? [] : [{ path, message, hint: 'Put it into another folder.' }];
  });
  if (problems.length === 0) return;
  const lines = problems.map(({ path, message }) => `\n  - ${path} ${message}`);
  throw new PlumbstackError('INVALID_STACK', `the container would not see its files:${lines.join('')}`, {
    resource: resourcePath(stack, spec.name),
    details: { problems },
    hint: 'Put them into other folders.',
  });
}

function reasonAgainst(target: string, { mounts, readOnly }: ContainerSpec): string | undefined {
  const folder = folderOf(target);
  if (readOnly && folder === '/') return `is ${target}, in a root folder that is read-only`;
  const nearest = mounts
    .filter((each) => holds(each, target))
    .sort((a, b) => b.target.length - a.target.length)[0];
  // Below a read-only root, a deeper folder is a volume of its own.
  const isLost = nearest?.type === 'tmpfs' && (!readOnly || nearest.target === folder);
  return isLost
    ? `is ${target}, in the tmpfs at ${nearest.target}, which is empty at every start`
    : undefined;
}

function holds(mount: MountSpec, path: string): boolean {
  return path === mount.target || path.startsWith(`${mount.target}/`);
}
