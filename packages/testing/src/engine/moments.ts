import type { Moment } from '@plumbstack/docker/client';

/** What an engine writes for what never was. */
export const never = '0001-01-01T00:00:00Z';

/** The engine's clock in nanoseconds since 1970: no two moments are the same, whatever the clock that it goes by shows. */
export class EngineClock {
  readonly #now: () => Date;
  #last = 0n;

  constructor(now: () => Date) {
    this.#now = now;
  }

  tick(): bigint {
    const now = BigInt(this.#now().getTime()) * 1_000_000n;
    this.#last = now > this.#last ? now : this.#last + 1n;
    return this.#last;
  }

  /** RFC 3339 with nanoseconds. */
  stamp(): string {
    return timestamp(this.tick());
  }
}

export function timestamp(nanoseconds: bigint): string {
  const seconds = new Date(Number(nanoseconds / 1_000_000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(nanoseconds % 1_000_000_000n).padStart(9, '0')}Z`;
}

export function nanosecondsIn(moment: Moment): bigint {
  return moment instanceof Date ? BigInt(moment.getTime()) * 1_000_000n : BigInt(moment);
}
