import type { CallOptions, DockerReader } from '../client/docker-client.js';
import { configFolder } from '../compile/proxy-container.js';
import { readFolder } from './read-folder.js';
import { label, ofStack, owner } from '../labels.js';
import { isOfStack } from '../not-ours.js';
import { observedContainer, type ObservedState } from '../plan/observed-state.js';

/** Reads what the engine has of a stack. The number of calls grows with the proxies only, not with the containers. */
export async function observeStack(
  client: DockerReader,
  stack: string,
  options: CallOptions,
): Promise<ObservedState> {
  const [summaries, networks, volumes] = await Promise.all([
    client.listContainers(ofStack(stack), options),
    client.listNetworks(options),
    client.listVolumes(ofStack(stack), options),
  ]);
  const ours = summaries.filter(({ labels }) => labels[label.owner] === owner);
  const lease = ours.find(({ labels }) => labels[label.role] === 'lease');
  const containers = ours
    .filter((each) => each !== lease)
    .map(observedContainer)
    .filter(({ state }) => state !== 'removing');
  const proxies = new Map(
    containers
      .filter(({ role }) => role === 'balancer' || role === 'router')
      .map(({ resource, id }) => [resource, id]),
  );
  const configs = await Promise.all(
    [...proxies].map(
      async ([resource, id]) => [resource, await readFolder(client, id, configFolder, options)] as const,
    ),
  );
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
    configs: Object.fromEntries(
      configs.flatMap(([resource, files]) => (files === undefined ? [] : [[resource, files]])),
    ),
  };
}
