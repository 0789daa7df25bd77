import assert from 'node:assert/strict';
import { isPlumbstackError, type PlumbstackError, type Problem, type Stack } from '@plumbstack/core';

/** The `INVALID_OPTION` that a call throws. */
export function refusalOf(call: () => unknown): PlumbstackError {
  const error = thrownBy(call);
  assert.ok(isPlumbstackError(error, 'INVALID_OPTION'), `INVALID_OPTION is wanted, not ${String(error)}`);
  return error;
}

/** The path that a refusal names. */
export function refusedPath(call: () => unknown): unknown {
  return refusalOf(call).details['path'];
}

/** The problems that `validate` tells, all of them. */
export function problemsOf(stack: Stack): readonly Problem[] {
  const error = thrownBy(() => stack.validate());
  assert.ok(isPlumbstackError(error, 'INVALID_STACK'), `INVALID_STACK is wanted, not ${String(error)}`);
  return error.details['problems'] as readonly Problem[];
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return assert.fail('nothing was thrown');
}
