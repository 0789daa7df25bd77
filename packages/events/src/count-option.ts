import { PlumbstackError } from '@plumbstack/core';

/** Checks an option that counts something; gives `fallback` where it is left out. */
export function countOption(
  path: string,
  value: number | undefined,
  { fallback, min = 0 }: { readonly fallback: number; readonly min?: number },
): number {
  if (value === undefined) return fallback;
  if (Number.isSafeInteger(value) && value >= min) return value;
  const wanted = `a whole number of at least ${min}`;
  throw new PlumbstackError('INVALID_OPTION', `${path} must be ${wanted}, not ${describe(value)}.`, {
    details: { path, wanted },
  });
}

function describe(value: unknown): string {
  return `${typeof value === 'number' ? value : JSON.stringify(value)} (${typeof value})`;
}
