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

/** Stops what serves. Where it is not known whether the engine has, it is made sure of: it could stop after it was started again. */
export async function stopSurely(
  { client, call }: Pick<RunContext, 'client' | 'call'>,
  { id, state }: Pick<ObservedContainer, 'id' | 'state'>,
  graceMs: number,
): Promise<void> {
  try {
    await client.stopContainer(id, graceMs, call);
  } catch (error) {
    if (state === 'running') await client.stopContainer(id, graceMs).catch(() => undefined);
    throw error;
  }
}
