import type { ContainerDetails, ContainerSummary } from '@plumbstack/docker/client';
import { isRunning } from './engine-data.js';
import type { EngineObject } from './objects.js';

export function summaryOf(container: EngineObject): ContainerSummary & Pick<ContainerDetails, 'health'> {
  const { id, name, creation, imageId, state, health, createdAt, endpoints, ports } = container;
  return {
    ...{ id, name, image: creation.imageName ?? creation.image, imageId, state, health, createdAt, ports },
    labels: { ...creation.labels },
    networks: Object.fromEntries(
      [...endpoints].map(([network, { networkId, attachment, address }]) => [
        network,
        {
          networkId,
          ...(address !== undefined && { address }),
          ...(attachment.address !== undefined && { fixedAddress: attachment.address }),
        },
      ]),
    ),
  };
}

export function detailsOf(container: EngineObject): ContainerDetails {
  const { healthOutput, exitCode, oomKilled, error, startedAt, finishedAt } = container;
  const { restartCount, creation, settings } = container;
  const running = isRunning(container);
  return {
    ...summaryOf(container),
    ...{ running, exitCode, oomKilled, error, startedAt, finishedAt, restartCount, settings },
    healthOutput: [...healthOutput],
    pid: running ? 1 : 0,
    user: creation.user ?? '',
    portBindings: creation.ports,
  };
}
