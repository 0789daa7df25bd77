import type { ContainerTemplate } from '../compile/docker-spec.js';
import { missingNetworks, type Place } from '../plan/container-networks.js';
import type { ObservedContainer } from '../plan/observed-state.js';
import { settingChanges, settingsOf } from '../plan/settings.js';
import { joinAsGuest } from './attachments.js';
import { startContainer } from './create-container.js';
import type { RunContext } from './run-context.js';

export interface Mending {
  readonly container: ObservedContainer;
  readonly template: ContainerTemplate;
  readonly name: string;
  readonly place: Place;
  readonly aliases: readonly string[];
}

/** Makes right in place what was made right and has changed since: settings, network, state, name. */
export async function mendContainer(
  context: RunContext,
  { container, template, name, place, aliases }: Mending,
): Promise<void> {
  const { client, call, observed } = context;
  const { id, state, address } = container;
  if (settingChanges(container, template, observed).length > 0) {
    await client.updateContainer(id, settingsOf(template), call);
  }
  const missing = missingNetworks(container, place, observed);
  // Its home first: what is connected to others only has its ports published there meanwhile.
  if (missing.includes(place.home)) {
    const attachment = { aliases, ...(address !== undefined && { address }) };
    await client.connectNetwork(place.home, id, attachment, call);
  }
  const guests = place.guests.filter(({ network }) => missing.includes(network));
  await joinAsGuest(context, id, guests, address);
  if (container.name !== name) await client.renameContainer(id, name, call);
  if (state === 'paused') await client.unpauseContainer(id, call);
  if (state === 'exited') await startContainer(context, container.resource, id, name);
  // The engine would wait longer and longer before its next attempt.
  if (state === 'restarting') await client.restartContainer(id, 0, call);
}
