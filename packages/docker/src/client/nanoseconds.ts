const rfc3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/;

/** Nanoseconds since 1970 of an engine's time, which has up to nine digits behind the point; nothing where it is no time. */
export function nanosecondsOf(time: string): bigint | undefined {
  const [, seconds, fraction = '', zone] = rfc3339.exec(time) ?? [];
  if (seconds === undefined || zone === undefined) return undefined;
  return BigInt(Date.parse(`${seconds}${zone}`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0'));
}
