import { createHash } from 'node:crypto';
import { OpenFile } from './open-file.js';

/** How much of a file is read at once. */
const pieceBytes = 256 * 1024;
/** Files read together: Node has four threads for them, and one more waits for each. */
const together = 8;
/** Some 200 bytes each. */
const mostRemembered = 200_000;

export interface StampedFile {
  readonly path: string;
  readonly size: number;
  /** Another one after every change; nothing where that is not sure. */
  readonly stamp?: string | undefined;
}

/**
 * SHA-256 of files. What has been read once is not read again while its stamp is the same: one run looks at a context
 * three times. It remembers while the process lives, and nothing is kept on a disk.
 */
export class FileDigests {
  readonly #known = new Map<string, { readonly stamp: string; readonly digest: string }>();

  /** One digest for each file, in the same order. */
  async of(files: readonly StampedFile[]): Promise<readonly string[]> {
    const digests: string[] = [];
    let next = 0;
    const worker = async (): Promise<void> => {
      const piece = Buffer.allocUnsafe(pieceBytes);
      while (next < files.length) {
        const at = next++;
        digests[at] = await this.#digest(files[at] as StampedFile, piece);
      }
    };
    await Promise.all(Array.from({ length: Math.min(together, files.length) }, worker));
    return digests;
  }

  async #digest({ path, size, stamp }: StampedFile, piece: Buffer): Promise<string> {
    const known = this.#known.get(path);
    if (known !== undefined && known.stamp === stamp) return known.digest;
    const digest = await readDigest(path, size, piece);
    if (this.#known.size >= mostRemembered) this.#known.clear();
    if (stamp === undefined) this.#known.delete(path);
    else this.#known.set(path, { stamp, digest });
    return digest;
  }
}

async function readDigest(path: string, size: number, piece: Buffer): Promise<string> {
  using file = await OpenFile.open(path);
  const hash = createHash('sha256');
  for (let total = 0; total < size;) {
    const length = await file.read(piece.subarray(0, size - total));
    if (length === 0) break; // It became shorter; the next look sees another stamp.
    hash.update(piece.subarray(0, length));
    total += length;
  }
  return hash.digest('hex');
}
