import { pollUntil } from './deadline.js';
import { isAway } from './patient-exec.js';
import type { RunContext } from './run-context.js';

/**
 * Waits until a proxy has no process of before a reload any more, but not longer than the deadline. One that has been
 * restarted has none.
 *
 * @param command ends with 0 while there is one
 */
export async function untilEnded(
  { client, call, signal }: Pick<RunContext, 'client' | 'call' | 'signal'>,
  container: string,
  command: readonly string[],
  timeoutMs: number,
): Promise<void> {
  const hasEnded = async (): Promise<true | undefined> => {
    try {
      return (await client.exec(container, command, call)).exitCode === 0 ? undefined : true;
    } catch (error) {
      if (isAway(error)) return true;
      throw error;
    }
  };
  await pollUntil(hasEnded, {
    signal,
    timeoutMs,
    intervalMs: 50,
    waitedFor: () => 'what a proxy began before its reload to end',
  });
}
