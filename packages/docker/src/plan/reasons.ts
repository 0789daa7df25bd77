import { resourcePath, type Step, type StepReason } from '@plumbstack/core';
import type { ObservedContainer } from './observed-state.js';

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

/** Files that differ from what they should be. */
export function fileReasons(
  paths: readonly string[],
  seen: ReadonlyMap<string, Buffer> | undefined,
): readonly StepReason[] {
  return paths.map((path) => ({
    path: `file ${path}`,
    from: seen?.has(path) === true ? 'another content' : 'missing',
    to: 'as described',
  }));
}
