import type { StepReason } from '@plumbstack/core';

/** What stands where a value must not. */
export const masked = '***';

/** Every difference between two pieces of plain data, by path. Lists of plain values are compared whole. */
export function differences(from: unknown, to: unknown, path = ''): readonly StepReason[] {
  if (isList(from) && isList(to) && [...from, ...to].some(isObject)) {
    return Array.from({ length: Math.max(from.length, to.length) }).flatMap((_, index) =>
      differences(from[index], to[index], `${path}[${index}]`),
    );
  }
  if (isObject(from) && isObject(to)) {
    const keys = new Set([...Object.keys(from), ...Object.keys(to)]);
    return [...keys].flatMap((key) => differences(from[key], to[key], path === '' ? key : `${path}.${key}`));
  }
  if (JSON.stringify(from) === JSON.stringify(to)) return [];
  return [
    {
      path,
      ...(from !== undefined && { from: shown(path, from) }),
      ...(to !== undefined && { to: shown(path, to) }),
    },
  ];
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

// Password hashes are in the spec, because nginx needs them; nobody who reads a plan does.
function shown(path: string, value: unknown): unknown {
  if (/\.auth\.users\./.test(path)) return masked;
  return isObject(value) && 'auth' in value ? { ...value, auth: masked } : value;
}
