import type { CallOptions, ContainerDetails, DockerReader } from '../client/docker-client.js';
import { ofStack } from '../labels.js';
import { identityOf } from './known-container.js';

const atOnce = 8;

/** Everything that runs or ran for a stack, looked at closely: an engine's list does not tell when it started and ended. */
export async function inspectStack(
  client: Pick<DockerReader, 'listContainers' | 'inspectContainer'>,
  stack: string,
  options: CallOptions,
): Promise<readonly ContainerDetails[]> {
  const listed = await client.listContainers(ofStack(stack), options);
  const ids = listed.filter((each) => identityOf(each) !== undefined).map(({ id }) => id);
  const details: (ContainerDetails | undefined)[] = [];
  const work = async (): Promise<void> => {
    for (let id = ids.shift(); id !== undefined; id = ids.shift())
      details.push(await client.inspectContainer(id, options));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return details.filter((each) => each !== undefined);
}
