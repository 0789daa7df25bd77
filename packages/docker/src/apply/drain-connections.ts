import { engineStatus } from '../client/docker-failure.js';
import type { Unit } from '../compile/docker-spec.js';
import type { ObservedContainer } from '../plan/observed-state.js';
import { pollUntil } from './deadline.js';
import type { RunContext } from './run-context.js';

/** How long what leaves may take to finish what it has, where what stays is there already. */
export function drainTimeoutOf(unit: Unit): number {
  switch (unit.kind) {
    case 'app':
      return unit.drainTimeoutMs;
    case 'pool':
      return unit.spec.drainTimeoutMs;
    default:
      // These go before their successors come, and have their grace.
      return 0;
  }
}

/**
 * Waits until a container has no established connection on its port, but not longer than it may take. A reloaded nginx
 * closes its idle ones when its old processes end, or when they were idle for a second.
 */
export async function drainConnections(
  context: RunContext,
  { id, state }: ObservedContainer,
  port: number,
  timeoutMs: number,
): Promise<void> {
  if (state !== 'running') return;
  await pollUntil(async () => ((await openConnections(context, id, port)) === 0 ? true : undefined), {
    signal: context.signal,
    timeoutMs,
    intervalMs: 50,
  });
}

/** 0 also where it cannot be counted: an image without `cat` has its stop grace to finish in. */
async function openConnections({ client, call }: RunContext, id: string, port: number): Promise<number> {
  try {
    const { exitCode, stdout } = await client.exec(id, ['cat', '/proc/net/tcp', '/proc/net/tcp6'], call);
    return exitCode > 1 ? 0 : countEstablished(stdout, port);
  } catch (error) {
    // It ended by itself: nothing is left to wait for.
    const status = engineStatus(error);
    if (status === 404 || status === 409) return 0;
    throw error;
  }
}

/** Columns of /proc/net/tcp: proc(5). State 01 is ESTABLISHED. */
export function countEstablished(table: string, port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return table.split('\n').filter((line) => {
    const [, local, , state] = line.trim().split(/\s+/);
    return state === '01' && local?.endsWith(suffix) === true;
  }).length;
}
