import { PlumbstackError, type HealthSpec } from '@plumbstack/core';
import { engineStatus } from '../client/docker-failure.js';
import { answersCommand } from '../proxy/index.js';
import type { RunContext } from './run-context.js';

/** Exit codes by which a shell, and the engine, say that there is no such program. */
const noSuchProgram = [126, 127];

/**
 * Asks from inside the stack's network whether an address answers: by bash in the first of these containers that runs and
 * has it. Both proxies do.
 */
export async function answeredInside(
  { client, call }: Pick<RunContext, 'client' | 'call'>,
  vantages: readonly string[],
  address: string,
  port: number,
  health: Exclude<HealthSpec, { type: 'command' }>,
): Promise<boolean> {
  for (const container of vantages) {
    try {
      const { exitCode } = await client.exec(container, answersCommand(`${address}:${port}`, health), call);
      if (!noSuchProgram.includes(exitCode)) return exitCode === 0;
    } catch (error) {
      // Not running yet, or not any more: the next one may.
      const status = engineStatus(error);
      if (status !== 404 && status !== 409) throw error;
      if (container === vantages.at(-1)) return false;
    }
  }
  throw new PlumbstackError(
    'UNHEALTHY',
    'nothing here can look whether it answers: this process cannot reach it, and its image has no bash.',
    {
      hint: 'Give it a health check that its own image can run: health: { command: [...] }.',
    },
  );
}
