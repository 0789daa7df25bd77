import type { StepReason } from '@plumbstack/core';
import { own } from '../compile/own.js';
import { canonicalJson } from '../compile/spec-hash.js';

type Data = Readonly<Record<string, unknown>>;
const isData = (value: unknown): value is Data =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Every leaf that differs, by its path. Lists are leaves: an argument list is changed as a whole. */
export function differences(from: unknown, to: unknown, path = ''): readonly StepReason[] {
  // In a list, JSON writes null for what is not there; in a dictionary, the two are not the same.
  if ((from === undefined) === (to === undefined) && canonicalJson(from) === canonicalJson(to)) return [];
  if (!isData(from) || !isData(to))
    return [{ path, ...(from !== undefined && { from }), ...(to !== undefined && { to }) }];
  const keys = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return keys.flatMap((key) =>
    differences(own(from, key), own(to, key), path === '' ? key : `${path}.${key}`),
  );
}
