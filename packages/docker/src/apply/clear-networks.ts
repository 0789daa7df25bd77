import type { NetworkSummary } from '../client/docker-client.js';
import type { DockerSpec } from '../compile/docker-spec.js';
import { isIPv4Subnet, overlap, parseSubnet } from '../compile/ipv4.js';
import { isOfStack } from '../not-ours.js';
import { probeName } from '../object-names.js';
import { isIn } from '../plan/container-networks.js';
import { networkOf, type ObservedState } from '../plan/observed-state.js';
import { NewNetworks } from './networks.js';
import { removeContainer } from './remove-container.js';
import type { RunContext } from './run-context.js';
import { removeNetworks } from './strangers.js';

/** How long a container that has no successor may take to stop. */
const clearGraceMs = 10_000;

/** Networks of the stack that others are to be made in the place of: with another subnet, or in the way of one. */
export function networksInTheWay(
  { networks }: Pick<DockerSpec, 'networks'>,
  observed: ObservedState,
): readonly NetworkSummary[] {
  const wanted = new Map(networks.map(({ creation: { name, subnet } }) => [name, subnet]));
  const seen = new Map(observed.networks.map(({ name, subnets }) => [name, subnets[0]]));
  const coming = [...wanted].filter(([name, subnet]) => seen.get(name) !== subnet);
  const isInTheWay = (subnet: string): boolean =>
    isIPv4Subnet(subnet) && coming.some(([, other]) => overlap(parseSubnet(subnet), parseSubnet(other)));
  return observed.networks.filter(({ name, subnets }) => {
    const subnet = wanted.get(name);
    return subnet === undefined ? subnets.some(isInTheWay) : subnets[0] !== subnet;
  });
}

/**
 * Makes the networks that others are to go for, under other names and for a moment: what the engine refuses is known before
 * anything is removed. Those that overlap the ones that go cannot be tried; of theirs, the engine's own list has told.
 *
 * @param making told of them: whose subnets are refused
 */
export async function tryNetworks(
  { client, call, observed, stack }: RunContext,
  { networks }: DockerSpec,
  making: NewNetworks[],
): Promise<void> {
  const ours = observed.networks.flatMap(({ subnets }) => subnets.filter(isIPv4Subnet).map(parseSubnet));
  const probes = networks
    .filter(({ creation: { subnet } }) => !ours.some((each) => overlap(each, parseSubnet(subnet))))
    .map((each) => ({ ...each, creation: { ...each.creation, name: probeName(each.creation.name) } }));
  if (probes.length === 0) return;
  const made = new NewNetworks(client, { networks: probes }, { ...observed, networks: [] }, call);
  making.push(made);
  try {
    await made.all();
  } finally {
    await made.settled();
    const names = new Set(probes.map(({ creation }) => creation.name));
    const left = (await client.listNetworks()).filter(
      ({ name, labels }) => names.has(name) && isOfStack(labels, stack),
    );
    await Promise.all(left.map(({ id }) => client.removeNetwork(id)));
  }
}

/**
 * Makes room for networks with other addresses: containers cannot move, so they go with the old one. Says whether
 * anything was removed, and with it, what was seen is true no more.
 */
export async function clearNetworks(context: RunContext, desired: DockerSpec): Promise<boolean> {
  const { client, call, observed } = context;
  const leaving = networksInTheWay(desired, observed);
  await Promise.all(
    leaving.map(async (network) => {
      const { id, name } = network;
      await Promise.all(
        observed.containers.map(async (each) => {
          if (networkOf(observed, each.address) === name) await removeContainer(context, each, clearGraceMs);
          else if (isIn(each, name, observed)) await client.disconnectNetwork(id, each.id, call);
        }),
      );
      await removeNetworks(context, [network]);
    }),
  );
  return leaving.length > 0;
}
