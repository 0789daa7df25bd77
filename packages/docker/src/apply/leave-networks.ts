import type { DockerSpec, Unit } from '../compile/docker-spec.js';
import { label } from '../labels.js';
import { foreignNetworks, workerPlace, type Place } from '../plan/container-networks.js';
import {
  networkNamed,
  notedDrainTimeout,
  type ObservedContainer,
  type ObservedState,
} from '../plan/observed-state.js';
import { readRecord, type PoolRecord } from '../plan/record.js';
import { containersOf, roleOf } from '../plan/serving.js';
import { drainTimeoutOf } from './drain-connections.js';
import { endingProcesses } from '../proxy/index.js';
import type { RunContext } from './run-context.js';
import { untilEnded } from './until-ended.js';

/** Takes every container off the networks that it is no longer to be in; last, when nothing uses them any more. */
export async function leaveNetworks(context: RunContext, { units }: DockerSpec): Promise<void> {
  const { client, call, observed } = context;
  const lastAnswersMs = (names: readonly string[]): number =>
    Math.max(...names.map((name) => drainTimeoutIn(name, units, observed)));
  const leave = async (container: ObservedContainer, place: Place): Promise<void> => {
    const names = foreignNetworks(container, place, observed);
    if (names.length === 0) return;
    if (container.role === 'router' && container.state === 'running')
      await untilEnded(context, container.id, endingProcesses, lastAnswersMs(names));
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

/** How long a router may take to finish what it has with whoever is at home in a network, before it is taken off it. */
function drainTimeoutIn(network: string, units: readonly Unit[], observed: ObservedState): number {
  const resource = networkNamed(observed, network)?.labels[label.resource] ?? '';
  const unit = units.find((each) => each.resource === resource);
  if (unit !== undefined) return drainTimeoutOf(unit);
  const pool = readRecord<PoolRecord>(observed, resource)?.unit;
  return pool?.spec.drainTimeoutMs ?? notedDrainTimeout(observed, resource);
}
