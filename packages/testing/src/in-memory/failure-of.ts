import { isPlumbstackError, type PlumbstackErrorCode } from '@plumbstack/core';

/** A failure as events tell it. */
export function failureOf(error: unknown): {
  readonly code: PlumbstackErrorCode | 'UNKNOWN';
  readonly message: string;
} {
  if (isPlumbstackError(error)) return { code: error.code, message: error.message };
  return { code: 'UNKNOWN', message: error instanceof Error ? error.message : String(error) };
}
