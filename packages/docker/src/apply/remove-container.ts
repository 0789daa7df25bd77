import type { ObservedContainer } from '../plan/observed-state.js';
import type { RunContext } from './run-context.js';

/** Stops a container as it wants to be stopped, then removes it. Being gone already is fine. */
export async function removeContainer(
  context: Pick<RunContext, 'client' | 'call'>,
  container: Pick<ObservedContainer, 'id' | 'state'>,
  graceMs: number,
): Promise<void> {
  const { client, call } = context;
  if (container.state === 'running' || container.state === 'restarting')
    await client.stopContainer(container.id, graceMs, call);
  await client.removeContainer(container.id, call);
}
