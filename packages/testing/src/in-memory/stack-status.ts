import type { ContainerStatus, ResourceStatus, StackStatus, StackSummary } from '@plumbstack/core';
import { isHealthy } from './containers.js';
import type { ContainerRecord, EngineState, StackRecord } from './engine-state.js';
import { endpointsOf } from './published.js';

/** What the engine holds of a stack, against what its last `up` wanted. */
export function stackStatus(state: EngineState, stack: StackRecord): StackStatus {
  const resources = stack.wanted.flatMap((each): ResourceStatus[] => {
    if (each.kind === 'volume' || each.kind === 'secret') return [];
    const record = stack.resources.get(each.name);
    const containers = state.containersOf(stack.name, each.name);
    const counted = each.kind === 'pool' ? containers.filter(({ role }) => role === 'worker') : containers;
    return [
      {
        resource: `${stack.name}/${each.name}`,
        kind: each.kind,
        desired: each.kind === 'pool' ? (record?.replicas ?? each.spec.replicas) : 1,
        running: counted.filter((one) => one.state === 'running').length,
        healthy: counted.filter(isHealthy).length,
        endpoints: record === undefined ? [] : endpointsOf(state, stack.name, record),
        containers: inOrder(containers).map(containerStatus),
      },
    ];
  });
  return { stack: stack.name, healthy: resources.every(isWhole), resources };
}

export function stackSummary(state: EngineState, { name, wanted }: StackRecord): StackSummary {
  const containers = state.containersOf(name);
  const running = containers.filter((each) => each.state === 'running').length;
  return { stack: name, resources: wanted.length, running, containers: containers.length };
}

export function containerStatus(container: ContainerRecord): ContainerStatus {
  const { name, id, role, state, health, image, startedAt, exitCode, oomKilled } = container;
  return {
    name,
    id,
    role,
    state,
    health,
    image,
    ...(startedAt !== undefined && { startedAt }),
    ...(exitCode !== undefined && { exitCode }),
    ...(oomKilled !== undefined && { oomKilled }),
  };
}

/** The proxy first, then workers by slot. */
function inOrder(containers: readonly ContainerRecord[]): readonly ContainerRecord[] {
  return [...containers].sort((a, b) => (a.slot ?? 0) - (b.slot ?? 0));
}

function isWhole({ desired, healthy, kind, containers }: ResourceStatus): boolean {
  const proxied =
    kind !== 'pool' || containers.some(({ role, state }) => role === 'proxy' && state === 'running');
  return desired === healthy && proxied;
}
