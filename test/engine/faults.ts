import fc from 'fast-check';
import { PlumbstackError } from '@plumbstack/core';
import type { CallInterceptor } from '@plumbstack/testing';

/** What goes wrong at one call to the engine. */
export type FaultKind =
  /** The engine refuses. */
  | 'refused'
  /** It happens, and the answer is lost. */
  | 'lost'
  /** The engine takes the call and never answers; the client's deadline ends it. */
  | 'silent'
  /** The caller gives the verb up. */
  | 'abort'
  /** The caller's process dies: nothing that it does arrives any more. */
  | 'killed';

export interface Fault {
  /** Counted from the beginning of the verb. */
  readonly call: number;
  readonly kind: FaultKind;
}

export const faults: fc.Arbitrary<Fault> = fc.record({
  call: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 250 })),
  kind: fc.constantFrom<FaultKind>('refused', 'lost', 'silent', 'abort', 'killed'),
});

const callTimeoutMs = 30_000;

export interface Struck {
  /** Whether the fault was met. */
  readonly happened: boolean;
  readonly intercept: CallInterceptor;
}

/**
 * Lets one fault happen, and calls answer in an order of their own.
 * @param shuffle milliseconds that the next call takes
 */
export function striking(
  fault: Fault | undefined,
  controller: AbortController,
  shuffle: () => number,
): Struck {
  let calls = 0;
  let isDead = false;
  let happened = false;
  const never = new Promise<never>(() => undefined);
  const intercept: CallInterceptor = async (_, proceed) => {
    calls += 1;
    if (isDead) return never;
    await later(shuffle());
    if (fault === undefined || calls !== fault.call || happened) return proceed();
    happened = true;
    switch (fault.kind) {
      case 'refused':
        throw new PlumbstackError('ENGINE_FAILED', 'the engine was told to refuse.', {
          details: { status: 500 },
        });
      case 'lost':
        await proceed();
        throw unreachable();
      case 'silent':
        await later(callTimeoutMs);
        throw unreachable();
      case 'abort':
        controller.abort(new Error('given up'));
        return proceed();
      case 'killed':
        isDead = true;
        return never;
    }
  };
  return {
    get happened() {
      return happened;
    },
    intercept,
  };
}

function unreachable(): PlumbstackError {
  return new PlumbstackError('ENGINE_UNREACHABLE', 'the engine was told not to answer.');
}

function later(ms: number): Promise<void> {
  return new Promise((resolve) => {
    if (ms === 0) resolve();
    else setTimeout(resolve, ms);
  });
}
