import type { NetworkAttachment } from '../client/docker-client.js';
import type { Attachment } from '../compile/address-plan.js';
import { own } from '../compile/own.js';
import type { AppUnit, PoolUnit } from '../compile/docker-spec.js';
import { isIn, type Place } from '../plan/container-networks.js';
import { containersOf, servingContainer } from '../plan/serving.js';
import type { RunContext } from './run-context.js';

/** A container's networks in the engine's shape, its home first: those that are there. */
export async function attachmentsOf(
  { networks }: Pick<RunContext, 'networks'>,
  { home, guests }: Place,
  address: string,
  aliases: readonly string[],
): Promise<Readonly<Record<string, NetworkAttachment>>> {
  const there = await Promise.all(
    guests.map(async (guest) =>
      (await networks.ready(guest.network)) ? [[guest.network, attachmentOf(guest, address)] as const] : [],
    ),
  );
  return { [home]: { address, aliases }, ...Object.fromEntries(there.flat()) };
}

/** @param home the container's address at home */
export function attachmentOf(
  { addresses, aliases }: Attachment,
  home: string | undefined,
): NetworkAttachment {
  const address = home === undefined ? undefined : own(addresses, home);
  return { aliases, ...(address !== undefined && { address }) };
}

/** Puts a running container into the networks that it is a guest of, each as soon as it is there. */
export async function joinAsGuest(
  { client, call, networks }: RunContext,
  container: string,
  guests: readonly Attachment[],
  address: string | undefined,
): Promise<void> {
  await Promise.all(
    guests.map(async (guest) => {
      if (await networks.ready(guest.network))
        await client.connectNetwork(guest.network, container, attachmentOf(guest, address), call);
    }),
  );
}

/** Puts the routers that run into the network of a target, before they are told to send requests there. */
export async function inviteRouters(
  context: RunContext,
  { resource, home }: Pick<AppUnit | PoolUnit, 'resource' | 'home'>,
): Promise<void> {
  const { client, call, observed } = context;
  await Promise.all(
    context.routers
      .filter(({ config, guests }) => config.targets.includes(resource) && guests.length > 0)
      .map(async (unit) => {
        const router = servingContainer(containersOf(observed, unit.resource, 'router'));
        if (router === undefined || isIn(router, home, observed)) return;
        await client.connectNetwork(home, router.id, { aliases: [] }, call);
      }),
  );
}
