import { PlumbstackError } from '@plumbstack/core';
import type { CallOptions, DockerClient, DockerReader, NetworkSummary } from '../client/docker-client.js';
import { isNetworkInUse } from '../client/docker-failure.js';
import { isContainerOf } from '../not-ours.js';
import { isAttached } from '../plan/container-networks.js';

interface Removal {
  readonly client: DockerClient;
  readonly stack: string;
  readonly call: CallOptions;
}

/**
 * Refuses, before anything is destroyed, to remove networks that somebody else's container runs in: the engine would refuse
 * it at the end. Who put it there may take it out; we never do.
 */
export async function refuseStrangers(
  { client, stack, call }: Omit<Removal, 'client'> & { readonly client: DockerReader },
  networks: readonly NetworkSummary[],
): Promise<void> {
  if (networks.length === 0) return;
  const containers = await client.listContainers(undefined, call);
  const found = containers
    .filter((each) => !isContainerOf(each, stack) && running.has(each.state))
    .flatMap((each) =>
      networks
        .filter((network) => isAttached(each, network))
        .map(({ name: network }) => ({ container: each.name, network })),
    );
  if (found.length > 0) throw strangers(stack, found);
}

/** Removes networks of the stack. One that somebody has joined meanwhile is told by their names. */
export async function removeNetworks(removal: Removal, networks: readonly NetworkSummary[]): Promise<void> {
  const { client, call } = removal;
  await Promise.all(
    networks.map(async (each) => {
      try {
        await client.removeNetwork(each.id, call);
      } catch (error) {
        if (isNetworkInUse(error)) await refuseStrangers(removal, [each]);
        throw error;
      }
    }),
  );
}

/** What does not run holds no place in a network. */
const running: ReadonlySet<string> = new Set(['running', 'paused', 'restarting']);

function strangers(
  stack: string,
  found: readonly { readonly container: string; readonly network: string }[],
): PlumbstackError {
  const each = found.map(({ container, network }) => `the container ${container} is in ${network}`);
  const commands = found.map(({ container, network }) => `docker network disconnect ${network} ${container}`);
  return new PlumbstackError(
    'NOT_OURS',
    `networks of the stack cannot be removed while containers that are none of its own run in them: ${each.join(', ')}.`,
    {
      resource: stack,
      details: { containers: found },
      hint: `Take them out, or stop them, and run again: ${commands.join('; ')}.`,
    },
  );
}
