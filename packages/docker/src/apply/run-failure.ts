import { PlumbstackError } from '@plumbstack/core';

/** One error for a run: the failure itself where it is alone, else one that lists all. */
export function runFailure(stack: string, failures: readonly unknown[]): unknown {
  const [only] = failures;
  if (failures.length === 1) return only;
  const messages = failures.map((each) => (each instanceof Error ? each.message : String(each)));
  return new PlumbstackError(
    'RUN_FAILED',
    `${failures.length} resources failed:\n${messages.map((each) => `  - ${each}`).join('\n')}`,
    {
      resource: stack,
      details: { errors: failures },
      hint: 'What did not depend on them is up. Mend them and run again.',
    },
  );
}
