import {
  isPlumbstackError,
  type Plan,
  type PlumbstackError,
  type PlumbstackErrorCode,
} from '@plumbstack/core';
import { FileChanges } from './file-changes.js';
import { placesOf, refuseNothing, type WatchedPaths } from './watched-places.js';

export interface Watching {
  readonly stack: string;
  readonly signal: AbortSignal;
  readonly debounceMs: number;
  readonly pollMs: number | undefined;
  readonly paths: () => Promise<WatchedPaths>;
  readonly plan: () => Promise<Plan>;
  readonly up: () => Promise<unknown>;
  readonly onChanged: (paths: readonly string[]) => void;
  readonly onError: (error: PlumbstackError) => void;
}

/** What a file may be the cause of, so that saving it once more mends it. */
const mendable: readonly PlumbstackErrorCode[] = [
  'IMAGE_BUILD_FAILED',
  'START_FAILED',
  'UNHEALTHY',
  'CONFIG_REJECTED',
  'RUN_FAILED',
];

const mostPaths = 50;

/**
 * Brings a stack up, and again whenever something that it is made of was saved. What is to be done is the plan's to say, here as
 * everywhere: a change that makes no difference leads to nothing. Resolves when the signal aborts.
 */
export async function watchStack(watching: Watching): Promise<void> {
  const { signal, debounceMs, pollMs, onChanged, onError } = watching;
  using changes = new FileChanges();
  /** What the last attempt has failed with: nothing is tried twice. */
  let failed: string | undefined;
  let isFirst = true;
  try {
    for (let paths: readonly string[] = []; ; paths = await changes.next(signal, debounceMs, pollMs)) {
      // Watched before it is looked at: what is saved meanwhile is told.
      const watched = await watching.paths();
      refuseNothing(watching.stack, watched);
      changes.watch(await placesOf(watched));
      const wanted = isFirst ? undefined : await wantedNow(watching);
      if (wanted === 'nothing' || (wanted !== undefined && wanted === failed)) continue;
      if (!isFirst) onChanged(paths.slice(0, mostPaths));
      failed = wanted;
      try {
        await watching.up();
        failed = undefined;
      } catch (error) {
        if (signal.aborted || !isPlumbstackError(error) || (isFirst && !mendable.includes(error.code)))
          throw error;
        onError(error);
      }
      isFirst = false;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** What `up` would do, or why it could not. */
async function wantedNow({ plan }: Watching): Promise<string> {
  try {
    const { isEmpty, fingerprint } = await plan();
    return isEmpty ? 'nothing' : fingerprint;
  } catch (error) {
    if (!isPlumbstackError(error)) throw error;
    return error.message;
  }
}
