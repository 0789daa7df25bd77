import type { CallOptions, ContainerCreation, DockerClient } from '../client/docker-client.js';

/** An image without content, for containers that never run: they hold a name, or a volume that has to be read. */
const reference = 'plumbstack/empty:1';

export const emptyImage = {
  reference,
  /** Everything but name, labels and mounts. */
  creation: {
    image: reference,
    command: ['/never-runs'],
    env: {},
    mounts: [],
    ports: [],
    restart: 'no',
    init: false,
    readOnlyRoot: false,
    capAdd: [],
    capDrop: ['ALL'],
    securityOptions: [],
    extraHosts: {},
    limits: {},
    networks: {},
  } satisfies Omit<ContainerCreation, 'name' | 'labels'>,
} as const;

export async function ensureEmptyImage(client: DockerClient, call: CallOptions): Promise<void> {
  if ((await client.inspectImage(reference, call)) === undefined)
    await client.importEmptyImage(reference, call);
}
