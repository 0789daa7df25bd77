import { resourcePath, type Step, type StepReason } from '@plumbstack/core';
import { own } from '../compile/own.js';
import type { ObservedContainer, ObservedState } from './observed-state.js';

/** Keeps where nothing differs, creates where there is nothing. */
export function step(
  stack: string,
  kind: Step['kind'],
  resource: string,
  reasons: readonly StepReason[] | undefined,
): Step {
  const path = resource === '' ? stack : resourcePath(stack, resource);
  if (reasons === undefined)
    return { action: 'create', kind, resource: path, reasons: [{ path: kind, to: 'created' }] };
  return { action: reasons.length === 0 ? 'keep' : 'update', kind, resource: path, reasons };
}

export function reason(path: string, from: unknown, to: unknown): StepReason {
  return { path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

export function prefixed(prefix: string, reasons: readonly StepReason[]): readonly StepReason[] {
  return reasons.map((each) => ({ ...each, path: `${prefix}.${each.path}` }));
}

/** Containers that nothing needs. */
export function extras(containers: readonly ObservedContainer[]): readonly StepReason[] {
  return containers.map(({ name }) => ({ path: 'container', from: name, to: 'removed' }));
}

/** Files of a proxy that differ from what they should be. */
export function fileReasons(
  paths: readonly string[],
  resource: string,
  { configs, unreadable }: Pick<ObservedState, 'configs' | 'unreadable'>,
): readonly StepReason[] {
  const seen = own(configs, resource);
  const why = own(unreadable ?? {}, resource);
  const missing = why === undefined ? 'missing' : `cannot be read (${why})`;
  return paths.map((path) => ({
    path: `file ${path}`,
    from: seen?.has(path) === true ? 'another content' : missing,
    to: 'as described',
  }));
}
