import type { EngineLogLine } from '../client/docker-client.js';
import { nanosecondsOf } from '../client/nanoseconds.js';

/** How far one output was read: the last moment, how many lines had it, and how many of those come again now. */
interface Position {
  readonly at: bigint;
  readonly count: number;
  readonly again: number;
}

/** An engine reads both outputs by themselves: what one wrote may be noted a moment later with an earlier time. */
const disorderNs = 5_000_000_000n;

/**
 * How far a container's log has been read. An engine gives lines from a moment on, that moment's own again: so many of that
 * moment as were read are left out, and no more, for several lines may carry one moment. Only within one output do the
 * moments grow, so each has a position of its own.
 */
export class LogCursor {
  readonly #positions = new Map<EngineLogLine['stream'], Position>();

  /** Where to read on, as nanoseconds since 1970; nothing before the first line. */
  get from(): bigint | undefined {
    const all = [...this.#positions.values()].map(({ at }) => at).sort((a, b) => (a < b ? -1 : 1));
    const [first, last] = [all[0], all.at(-1)];
    if (first === undefined || last === undefined) return undefined;
    const earliest = last - disorderNs;
    // One that has said nothing yet may have begun, and one that has long been silent is not asked for from there on.
    return all.length < 2 || first < earliest ? earliest : first;
  }

  /** The log is read from {@link from} on once more. */
  rewind(): void {
    for (const [stream, { at, count }] of this.#positions)
      this.#positions.set(stream, { at, count, again: count });
  }

  /** Whether a line was not read before. */
  isNew({ stream, at: time }: EngineLogLine): boolean {
    const { at, count, again } = this.#positions.get(stream) ?? { at: undefined, count: 0, again: 0 };
    const now = nanosecondsOf(time) ?? at ?? 0n;
    if (at !== undefined && again > 0 && now <= at) {
      if (now === at) this.#positions.set(stream, { at, count, again: again - 1 });
      return false;
    }
    // A clock that was set back is no reason to lose what is said meanwhile.
    this.#positions.set(stream, { at: now, count: now === at ? count + 1 : 1, again: 0 });
    return true;
  }
}
