import { PlumbstackError, type ResourceReference } from '@plumbstack/core';
import type { EngineState, PoolRecord, ResourceRecord, StackRecord } from './engine-state.js';

/** The stack's record. Throws `NOT_FOUND` with the names of those that are up. */
export function findStack(state: EngineState, name: string): StackRecord {
  const found = state.stacks.get(name);
  if (found !== undefined) return found;
  const known = [...state.stacks.keys()];
  throw new PlumbstackError('NOT_FOUND', `no stack "${name}" is up.`, {
    details: { stack: name, known },
    hint: known.length === 0 ? 'No stack is up: bring one up first.' : `Up are: ${known.join(', ')}.`,
  });
}

/** The record of a stack's resource. Throws `NOT_FOUND` with the names of those it has. */
export function findResource(
  state: EngineState,
  stack: string,
  reference: ResourceReference,
  kind?: ResourceRecord['spec']['kind'],
): ResourceRecord {
  const name = nameOf(reference);
  const { resources } = findStack(state, stack);
  const found = resources.get(name);
  if (found !== undefined && (kind === undefined || found.spec.kind === kind)) return found;
  const known = [...resources.values()].filter(({ spec }) => kind === undefined || spec.kind === kind);
  const names = known.map((each) => each.name);
  const wanted = kind ?? 'running resource';
  throw new PlumbstackError('NOT_FOUND', `the stack has no ${wanted} of this name.`, {
    resource: `${stack}/${name}`,
    details: { known: names },
    hint: names.length === 0 ? `It has no ${wanted} at all.` : `It has: ${names.join(', ')}.`,
  });
}

/** The same for a pool. */
export function findPool(state: EngineState, stack: string, reference: ResourceReference): PoolRecord {
  return findResource(state, stack, reference, 'pool') as PoolRecord;
}

export function nameOf(reference: ResourceReference): string {
  return typeof reference === 'string' ? reference : reference.name;
}
