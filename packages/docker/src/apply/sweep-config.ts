import { isPlumbstackError } from '@plumbstack/core';
import { engineStatus } from '../client/docker-failure.js';
import { configFolder } from '../compile/proxy-container.js';
import { sweepCommand } from '../proxy/index.js';
import type { RunContext } from './run-context.js';

/**
 * Takes what nothing names any more out of a proxy's configuration volume. That it could not is no failure: it is in nobody's
 * way, and the next change tries again.
 *
 * @param named files that stay, by path in the folder
 * @param leaving those of the version before
 */
export async function sweepConfig(
  { client, call, signal }: Pick<RunContext, 'client' | 'call' | 'signal'>,
  container: string,
  named: readonly string[],
  leaving: readonly string[] = [],
): Promise<void> {
  try {
    await client.exec(container, sweepCommand(configFolder, named, leaving), { ...call, user: '0' });
  } catch (error) {
    signal.throwIfAborted();
    if (!isPlumbstackError(error) || engineStatus(error) === undefined) throw error;
  }
}
