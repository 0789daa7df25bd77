import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { OpenFile } from './open-file.js';

/** How much of a file is read at once. */
const pieceBytes = 256 * 1024;
/** Files read together: Node has four threads for them, and one more waits for each. */
const together = 8;
/** Some 200 bytes each. */
const mostRemembered = 200_000;
/** Texts are remembered as they are; a program has them anyway, for as long as its stack. */
const mostTexts = 2000;

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
  readonly #texts = new Map<string, string>();

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

  /** That of a text, as UTF-8. A short one is not worth to be remembered. */
  async ofText(text: string): Promise<string> {
    if (text.length <= pieceBytes) return bytesDigest(text);
    const digest = this.#texts.get(text) ?? (await bytesDigest(text));
    if (this.#texts.size >= mostTexts) this.#texts.clear();
    this.#texts.set(text, digest);
    return digest;
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

/** SHA-256 of what is in memory, piece by piece: what else the program does, as showing signs of life, goes on meanwhile. */
export async function bytesDigest(bytes: string | Buffer): Promise<string> {
  const hash = createHash('sha256');
  for (let start = 0; start < bytes.length;) {
    const end = wholeEnd(bytes, start + pieceBytes);
    if (start > 0) await setImmediate();
    if (typeof bytes === 'string') hash.update(bytes.slice(start, end));
    else hash.update(bytes.subarray(start, end));
    start = end;
  }
  return hash.digest('hex');
}

/** Not between the two halves of a character. */
function wholeEnd(bytes: string | Buffer, end: number): number {
  return typeof bytes === 'string' && /[\uD800-\uDBFF]/.test(bytes.charAt(end - 1)) ? end + 1 : end;
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
