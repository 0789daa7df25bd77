import type { DockerSpec } from '../compile/docker-spec.js';
import { foreignNetworks, workerPlace, type Place } from '../plan/container-networks.js';
import type { ObservedContainer } from '../plan/observed-state.js';
import { containersOf, roleOf } from '../plan/serving.js';
import { endingProcesses } from './proxy-commands.js';
import type { RunContext } from './run-context.js';
import { untilEnded } from './until-ended.js';

/** How long a router may take to answer the requests that it has, before it is taken off the network of a target. */
const lastAnswersMs = 30_000;

/** Takes every container off the networks that it is no longer to be in; last, when nothing uses them any more. */
export async function leaveNetworks(context: RunContext, { units }: DockerSpec): Promise<void> {
  const { client, call, observed } = context;
  const leave = async (container: ObservedContainer, place: Place): Promise<void> => {
    const names = foreignNetworks(container, place, observed);
    if (names.length === 0) return;
    if (container.role === 'router' && container.state === 'running')
      await untilEnded(context, container.id, endingProcesses, lastAnswersMs);
    await Promise.all(names.map((name) => client.disconnectNetwork(name, container.id, call)));
  };
  await Promise.all(
    units.flatMap((unit) => [
      ...containersOf(observed, unit.resource, roleOf(unit.kind)).map((each) => leave(each, unit)),
      ...(unit.kind === 'pool'
        ? containersOf(observed, unit.resource, 'worker').map((each) => leave(each, workerPlace(unit)))
        : []),
    ]),
  );
}
