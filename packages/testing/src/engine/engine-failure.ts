import { PlumbstackError, type PlumbstackErrorCode } from '@plumbstack/core';

/** An engine's refusal, as a client of a real one tells it: the HTTP status and the engine's own words. */
export function engineFailure(
  status: number,
  reason: string,
  { code = status === 404 ? 'NOT_FOUND' : 'ENGINE_FAILED', ...facts }: RefusalFacts = {},
): PlumbstackError {
  return new PlumbstackError(code, `the in-memory engine: ${reason}`, {
    details: { status, reason, ...facts },
  });
}

interface RefusalFacts {
  readonly code?: PlumbstackErrorCode;
  readonly host?: string;
  readonly port?: number;
}
