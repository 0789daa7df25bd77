import { label, owner, type Role } from './labels.js';
import {
  containerName,
  formerContainerName,
  leavingContainerName,
  leaseName,
  nextContainerName,
  secretVolumeName,
} from './object-names.js';

/** A container, or what an event tells of one. */
export interface Labelled {
  readonly labels: Readonly<Record<string, string>>;
  readonly name?: string | undefined;
  /** Unset where it is not told. */
  readonly imageId?: string;
}

/**
 * Whether a container has our labels because we made it. An image that somebody makes of one of our containers (`docker commit`)
 * has its labels, and so has every container of that image, and of images built on it: those are somebody else's.
 */
export function isOurs({ labels, name, imageId }: Labelled): boolean {
  if (labels[label.owner] !== owner) return false;
  const made = imageOf(labels[label.identity]);
  // What it says that it was made from is what its first owner was made from.
  if (imageId !== undefined && made !== undefined) return plain(made) === plain(imageId);
  return name === undefined || hasOwnName(name, labels);
}

/** The id of the image that a container of ours was made from. */
function imageOf(identity = '{}'): string | undefined {
  try {
    const { image } = JSON.parse(identity) as { readonly image?: { readonly id?: unknown } | null };
    return typeof image?.id === 'string' && image.id !== 'unknown' ? image.id : undefined;
  } catch {
    // Somebody tampered with it.
    return undefined;
  }
}

/** Engines write an id with its algorithm, or without. */
function plain(id: string): string {
  return id.replace(/^sha256:/, '');
}

function hasOwnName(name: string, labels: Readonly<Record<string, string>>): boolean {
  const [stack, resource] = [labels[label.stack] ?? '', labels[label.resource] ?? ''];
  switch (labels[label.role] as Role | undefined) {
    case 'lease':
      return name === leaseName(stack);
    case 'secret':
      return name === secretVolumeName(stack, resource);
    case 'worker':
      return /^\d+$/.test(name.slice(containerName(stack, resource).length + 1));
    default:
      return [containerName, nextContainerName, leavingContainerName, formerContainerName].some(
        (nameOf) => nameOf(stack, resource) === name,
      );
  }
}
