import { aboutResource, isPlumbstackError, type Step } from '@plumbstack/core';
import { declaredName } from '../object-names.js';
import type { RunContext } from './run-context.js';

export type StepOutcome = 'done' | { readonly failed: unknown };

/** Does what a step is about, and tells how it went. */
export async function runStep(
  { emit }: RunContext,
  { resource, action }: Step,
  work: () => Promise<void>,
): Promise<StepOutcome> {
  const start = performance.now();
  emit('step:started', { resource, action });
  try {
    await work();
    emit('step:finished', { resource, action, durationMs: Math.round(performance.now() - start) });
    return 'done';
  } catch (thrown) {
    const error = aboutResource(thrown, declaredName(resource));
    const code = isPlumbstackError(error) ? error.code : 'UNKNOWN';
    emit('step:failed', {
      resource,
      action,
      code,
      message: error instanceof Error ? error.message : String(error),
    });
    return { failed: error };
  }
}
