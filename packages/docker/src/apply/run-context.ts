import { resourcePath } from '@plumbstack/core';
import type { LifecycleEventMap, LifecycleEventName } from '@plumbstack/events';
import type { CallOptions, ContainerDetails, DockerClient } from '../client/docker-client.js';
import type { RouterUnit } from '../compile/docker-spec.js';
import { isContainerOf } from '../not-ours.js';
import { declaredName } from '../object-names.js';
import type { ObservedState } from '../plan/observed-state.js';
import type { Networks } from './networks.js';
import type { Reach } from './reach.js';

/** What every executor of one run shares. */
export interface RunContext {
  readonly client: DockerClient;
  readonly stack: string;
  readonly observed: ObservedState;
  readonly networks: Networks;
  /** How this process reaches the stack's addresses. */
  readonly reach: () => Reach;
  readonly signal: AbortSignal;
  /** The signal in the form that engine calls take. */
  readonly call: CallOptions;
  readonly emit: Emit;
  /** Resolves to what takes the values of secrets out of a text that a program has written. */
  readonly censor: () => Promise<(text: string) => string>;
  /** Address and port that each app and pool is reached at; routers are rendered from it, and updates change it. */
  readonly active: Record<string, string>;
  readonly routers: readonly RouterUnit[];
  /** Runs one change of a router's or pool's configuration after the other. */
  readonly inTurn: <T>(resource: string, task: () => Promise<T>) => Promise<T>;
}

export type Emit = <N extends LifecycleEventName>(name: N, payload: LifecycleEventMap[N]) => void;

/** What a resource is called in plans, and in the events that tell how far one is. */
export function pathOf(context: Pick<RunContext, 'stack'>, resource: string): string {
  return resourcePath(context.stack, resource);
}

/** What the program calls it: what is told of containers, and what fails. */
export function declaredPathOf(context: Pick<RunContext, 'stack'>, resource: string): string {
  return resourcePath(context.stack, declaredName(resource));
}

/** A resource's container by its name; nothing where that is somebody else's. */
export async function containerOf(
  { client, call, stack }: Pick<RunContext, 'client' | 'call' | 'stack'>,
  resource: string,
  name: string,
): Promise<ContainerDetails | undefined> {
  const found = await client.inspectContainer(name, call);
  return found !== undefined && isContainerOf(found, stack, resource) ? found : undefined;
}

/** One task after the other, by key. */
export function takeTurns(): RunContext['inTurn'] {
  const last = new Map<string, Promise<unknown>>();
  return async (key, task) => {
    const before = last.get(key) ?? Promise.resolve();
    // A failure belongs to its own task; the next one starts all the same.
    const mine = before.then(task, task);
    last.set(
      key,
      mine.catch(() => undefined),
    );
    return mine;
  };
}
