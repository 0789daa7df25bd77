import { engineStatus } from '../client/docker-failure.js';
import { machineNetwork, routedSubnets, routingTable } from '../client/machine-subnets.js';
import { routesName } from '../object-names.js';
import { pollUntil } from './deadline.js';
import { emptyImage } from './empty-image.js';
import type { RunContext } from './run-context.js';
import { temporaryContainer } from './temporary-container.js';

/** How long a container may take to print a file. */
const printingMs = 30_000;

/**
 * Networks that the machine of an engine elsewhere reaches itself: its routing table, printed by a container on the
 * machine's own network. None where no image has what prints it, or the engine lets no container there, as one with user
 * namespaces does not: then nothing is known, as nothing is known to `docker network create`.
 *
 * @param images that are there; the first that can print the table does
 */
export async function machineRoutes(
  context: Pick<RunContext, 'client' | 'stack' | 'call' | 'signal'>,
  images: readonly string[],
): Promise<readonly string[]> {
  for (const image of new Set(images)) {
    const table = await printedTable(context, image).catch((error: unknown) => {
      context.signal.throwIfAborted();
      if (engineStatus(error) !== undefined) return undefined;
      throw error;
    });
    if (table !== undefined) return routedSubnets(table);
  }
  return [];
}

async function printedTable(
  context: Parameters<typeof machineRoutes>[0],
  image: string,
): Promise<string | undefined> {
  const { client, call, signal, stack } = context;
  await using container = await temporaryContainer(context, 'the routes of its machine', {
    ...emptyImage.creation,
    ...{ name: routesName(stack), image, entrypoint: ['cat'], command: [routingTable] },
    ...{ user: '65534:65534', readOnlyRoot: true, securityOptions: ['no-new-privileges'] },
    networks: { [machineNetwork]: { aliases: [] } },
  });
  await client.startContainer(container.id, call);
  const ended = await pollUntil(
    async () => {
      const details = await client.inspectContainer(container.id, call);
      return details === undefined || details.running ? undefined : details;
    },
    { signal, timeoutMs: printingMs, intervalMs: 25 },
  );
  if (ended?.exitCode !== 0) return undefined;
  let table = '';
  for await (const { text } of client.logs(container.id, call)) table += `${text}\n`;
  return table;
}
