import { isPlumbstackError, PlumbstackError } from '@plumbstack/core';
import { isMissing } from '../client/docker-failure.js';

/** One error for a run: the failure itself where it is alone, else one that lists all. */
export function runFailure(stack: string, failures: readonly unknown[]): unknown {
  const [only] = failures;
  if (failures.length === 1) return only;
  return new PlumbstackError('RUN_FAILED', `${failures.length} resources failed:\n${listed(failures)}`, {
    resource: stack,
    details: { errors: failures },
    hint: 'What did not depend on them is up. Mend them and run again.',
  });
}

/** Whether all that failed did for want of something that was seen or made before: somebody has removed it meanwhile. */
export function isForWant(error: unknown): boolean {
  // A call of an aborted run may arrive when the next one is at work: what it makes, stops or removes, that one has looked for.
  if (isPlumbstackError(error) && error.details['meddled'] !== undefined) return true;
  if (!isPlumbstackError(error, 'RUN_FAILED')) return isMissing(error);
  const { errors } = error.details;
  return Array.isArray(errors) && errors.every(isForWant);
}

/** One error for an update that failed, and whose way back failed too. */
export function noWayBack(update: unknown, wayBack: unknown): PlumbstackError {
  const errors = [update, wayBack];
  return new PlumbstackError(
    'RUN_FAILED',
    `its new version failed, and the one before does not answer again:\n${listed(errors)}`,
    { details: { errors }, hint: 'Nothing answers for it now. Mend what they say and run again.' },
  );
}

/** One error for a pool's update that failed, and whose way back failed too: workers of both versions may serve. */
export function betweenVersions(update: unknown, wayBack: unknown): PlumbstackError {
  const errors = [update, wayBack];
  return new PlumbstackError(
    'RUN_FAILED',
    `its new version failed, and so did a worker of the one before:\n${listed(errors)}`,
    { details: { errors }, hint: 'What runs goes on to serve. Mend what they say and run again.' },
  );
}

function listed(errors: readonly unknown[]): string {
  return errors.map((each) => `  - ${each instanceof Error ? each.message : String(each)}`).join('\n');
}
