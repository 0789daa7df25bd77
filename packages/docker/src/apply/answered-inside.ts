import { PlumbstackError, type HealthSpec } from '@plumbstack/core';
import { engineStatus } from '../client/docker-failure.js';
import { answersCommand } from '../proxy/index.js';
import type { RunContext } from './run-context.js';

/** Exit codes by which a shell, and the engine, say that there is no such program. */
const noSuchProgram = [126, 127];

/**
 * Asks from inside the stack's network what keeps an address from answering, by bash in the first of these containers that
 * runs and has it: both proxies do. Nothing where it answers.
 */
export async function complaintInside(
  { client, call }: Pick<RunContext, 'client' | 'call'>,
  vantages: readonly string[],
  address: string,
  port: number,
  health: Exclude<HealthSpec, { type: 'command' }>,
): Promise<string | undefined> {
  for (const container of vantages) {
    try {
      const command = answersCommand(`${address}:${port}`, health);
      const { exitCode, stderr } = await client.exec(container, command, call);
      if (exitCode === 0) return undefined;
      if (!noSuchProgram.includes(exitCode)) return reasonIn(stderr);
    } catch (error) {
      // Not running yet, or not any more: the next one may.
      const status = engineStatus(error);
      if (status !== 404 && status !== 409) throw error;
      if (container === vantages.at(-1)) return 'nothing here runs that could look';
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

/** bash puts its own name, a line and an address before what the kernel says. */
function reasonIn(stderr: string): string {
  const last = stderr.trim().split('\n').at(-1) ?? '';
  const kernel = /^bash: .*: ([^:]+)$/.exec(last)?.[1];
  return kernel?.toLowerCase() ?? last.replace(/(\.\d*?)0+ s$/, '$1 s').replace('. s', ' s');
}
