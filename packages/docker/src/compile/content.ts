import type { PutFile } from '../client/docker-client.js';
import { contentDigest } from './spec-hash.js';

/**
 * What a file holds, known by its digest from the beginning and read when it is put somewhere. Where neither the bytes nor a
 * path is given, they lie beside the record that names it.
 */
export interface Content {
  /** SHA-256, as 64 hexadecimal digits. */
  readonly digest: string;
  readonly bytes?: string | Buffer;
  /** Absolute path of a file on this machine. */
  readonly path?: string;
}

/** A file of a container or a proxy, whose content need not be in memory. */
export interface TemplateFile extends Omit<PutFile, 'content'> {
  readonly content: Content;
}

export function contentOf(bytes: string | Buffer): Content {
  return { digest: contentDigest(bytes), bytes };
}

export const noContent: Content = contentOf('');

/** Each content once, however many files hold it. */
export function distinct(contents: readonly Content[]): readonly Content[] {
  const byDigest = new Map<string, Content>();
  for (const each of contents) {
    const known = byDigest.get(each.digest);
    // Bytes that are at hand are better than a name of where they might be.
    if (known === undefined || (known.bytes === undefined && known.path === undefined))
      byDigest.set(each.digest, each);
  }
  return [...byDigest.values()];
}
