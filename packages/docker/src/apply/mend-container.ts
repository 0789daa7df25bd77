import type { ContainerTemplate } from '../compile/docker-spec.js';
import { networkName } from '../object-names.js';
import { isConnected } from '../plan/container-changes.js';
import type { ObservedContainer } from '../plan/observed-state.js';
import { settingChanges, settingsOf } from '../plan/settings.js';
import { startContainer } from './create-container.js';
import type { RunContext } from './run-context.js';

export interface Mending {
  readonly container: ObservedContainer;
  readonly template: ContainerTemplate;
  readonly name: string;
  readonly aliases: readonly string[];
}

/** Makes right in place what was made right and has changed since: settings, network, state, name. */
export async function mendContainer(
  context: RunContext,
  { container, template, name, aliases }: Mending,
): Promise<void> {
  const { client, call, observed, stack } = context;
  const { id, state, address } = container;
  if (settingChanges(container, template, observed).length > 0) {
    await client.updateContainer(id, settingsOf(template), call);
  }
  if (!isConnected(container, observed)) {
    await client.connectNetwork(
      networkName(stack),
      id,
      { aliases, ...(address !== undefined && { address }) },
      call,
    );
  }
  if (container.name !== name) await client.renameContainer(id, name, call);
  if (state === 'paused') await client.unpauseContainer(id, call);
  if (state === 'exited') await startContainer(context, container.resource, id, name);
  // The engine would wait longer and longer before its next attempt.
  if (state === 'restarting') await client.restartContainer(id, 0, call);
}
