import { statSync, watch, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import { pauseFor } from '../apply/deadline.js';
import type { WatchedPlaces } from './watched-places.js';

/** A file that is written without an end must not keep all others waiting. */
const mostPauses = 20;
/** How often to look where the operating system does not tell, as when it has no more watches to give. */
const untoldMs = 1000;

/**
 * Tells that something in some folders has changed. Each folder is watched by itself, as the operating system tells of one: so
 * no folder that an ignore file names is looked into, however large it is. A library that watches whole trees would have to be
 * told the rules of ignore files, which differ from those that such libraries know.
 */
export class FileChanges implements Disposable {
  readonly #watchers = new Map<string, { readonly watcher: FSWatcher; readonly folder: string }>();
  readonly #changed = new Set<string>();
  /** How often something has changed. */
  #count = 0;
  #places: WatchedPlaces = new Map();
  #isTold = true;
  #wake: (() => void) | undefined;

  /** Watches these places, and no others. What has changed before is still told. */
  watch(places: WatchedPlaces): void {
    this.#places = places;
    for (const path of this.#watchers.keys()) if (!places.has(path)) this.#close(path);
    this.#isTold = [...places.keys()].map((path) => this.#open(path)).every(Boolean);
  }

  /**
   * Waits for a change, and until nothing more has changed for a while; one from before the call counts. Resolves to the paths:
   * none where the time to look again has come. Rejects with the signal's reason.
   *
   * @param pollMs looks again after this time whatever is told
   */
  async next(signal: AbortSignal, quietMs: number, pollMs: number | undefined): Promise<readonly string[]> {
    if (this.#changed.size === 0) await this.#woken(signal, pollMs ?? (this.#isTold ? undefined : untoldMs));
    for (let pauses = 0, before = 0; this.#count > before && pauses < mostPauses; pauses++) {
      before = this.#count;
      await pauseFor(quietMs, signal);
    }
    this.#count = 0;
    const paths = [...this.#changed].sort();
    this.#changed.clear();
    return paths;
  }

  [Symbol.dispose](): void {
    this.watch(new Map());
  }

  /** Whether the operating system tells of this folder from now on. */
  #open(path: string): boolean {
    try {
      const { dev, ino } = statSync(path);
      const folder = `${dev} ${ino}`;
      // A folder that was made anew is another one.
      if (this.#watchers.get(path)?.folder === folder) return true;
      this.#close(path);
      const watcher = watch(path, (_, name) => this.#note(path, name));
      watcher.on('error', () => {
        this.#close(path);
        this.#note(path, null);
      });
      this.#watchers.set(path, { watcher, folder });
      return true;
    } catch (error) {
      // What is gone shows in the folder above it.
      return (error as NodeJS.ErrnoException).code === 'ENOENT';
    }
  }

  #close(path: string): void {
    this.#watchers.get(path)?.watcher.close();
    this.#watchers.delete(path);
  }

  #note(folder: string, name: string | null): void {
    const wanted = this.#places.get(folder);
    if (wanted === undefined || (wanted !== 'all' && name !== null && !wanted.has(name))) return;
    this.#count++;
    this.#changed.add(name === null ? folder : join(folder, name));
    this.#wake?.();
  }

  async #woken(signal: AbortSignal, ms: number | undefined): Promise<void> {
    signal.throwIfAborted();
    let timer: NodeJS.Timeout | undefined;
    let abort: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#wake = resolve;
        if (ms !== undefined) timer = setTimeout(resolve, ms);
        abort = () => reject(signal.reason as Error);
        signal.addEventListener('abort', abort, { once: true });
      });
    } finally {
      clearTimeout(timer);
      if (abort !== undefined) signal.removeEventListener('abort', abort);
      this.#wake = undefined;
    }
  }
}
