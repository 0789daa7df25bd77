import type { CallOptions, DockerReader } from '../client/docker-client.js';
import { label, ofStack, owner } from '../labels.js';
import { isOfStack } from '../not-ours.js';
import { isOurs } from '../ours.js';
import { observedContainer, type ObservedContainer, type ObservedState } from '../plan/observed-state.js';
import { readParts } from '../plan/record.js';
import { readConfig } from './read-config.js';

/** Reads what the engine has of a stack. The number of calls grows with the proxies only, not with the containers. */
export async function observeStack(
  client: DockerReader,
  stack: string,
  options: CallOptions,
): Promise<ObservedState> {
  const found = await observeObjects(client, stack, options);
  return { ...found, ...(await readConfigs(client, found.containers, options)) };
}

/** The same without what proxies remember: for who only wants to know what there is. */
export async function observeObjects(
  client: DockerReader,
  stack: string,
  options: CallOptions,
): Promise<ObservedState> {
  const [summaries, networks, volumes] = await Promise.all([
    client.listContainers(ofStack(stack), options),
    client.listNetworks(options),
    client.listVolumes(ofStack(stack), options),
  ]);
  const ours = summaries.filter(isOurs);
  const lease = ours.find(({ labels }) => labels[label.role] === 'lease');
  const containers = ours
    .filter((each) => each !== lease)
    .map(observedContainer)
    .filter(({ state }) => state !== 'removing');
  return {
    stack,
    networks: networks.filter(({ labels }) => isOfStack(labels, stack)),
    otherNetworks: networks.filter(({ labels }) => !isOfStack(labels, stack)),
    containers,
    settings: {},
    volumes: volumes.filter(
      ({ labels }) => labels[label.owner] === owner && labels[label.role] !== 'scratch',
    ),
    ...(lease !== undefined && { leaseHolder: lease.labels[label.holder] ?? 'unknown' }),
    configs: {},
  };
}

async function readConfigs(
  client: DockerReader,
  containers: readonly ObservedContainer[],
  options: CallOptions,
): Promise<Pick<ObservedState, 'configs' | 'unreadable'>> {
  const proxies = new Map(
    containers.flatMap((each) =>
      each.role === 'balancer' || each.role === 'router'
        ? [[each.resource, { id: each.id, parts: readParts[each.role] }] as const]
        : [],
    ),
  );
  const unreadable: Record<string, string> = {};
  const configs = await Promise.all(
    [...proxies].map(async ([resource, { id, parts }]) => {
      const found = await readConfig(client, id, parts, options);
      if (typeof found !== 'string') return [resource, found] as const;
      unreadable[resource] = found;
      return [resource, undefined] as const;
    }),
  );
  return {
    configs: Object.fromEntries(
      configs.flatMap(([resource, files]) => (files === undefined ? [] : [[resource, files]])),
    ),
    unreadable,
  };
}
