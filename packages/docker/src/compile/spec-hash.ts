// node:crypto is the one exception to "no node:* in a pure folder": a hash depends on nothing but its input.
import { createHash } from 'node:crypto';

/** JSON with sorted keys and without what is undefined: equal data gives equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((each) => canonicalJson(each)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const members = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, each]) => `${JSON.stringify(key)}:${canonicalJson(each)}`);
  return `{${members.join(',')}}`;
}

/** SHA-256 over a file's bytes, as 64 hex digits. Text is UTF-8. */
export function contentDigest(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

/** SHA-256 over the canonical JSON, as 64 hex digits. */
export function digestOf(value: unknown): string {
  return createHash('sha256').update(canonicalJson(value)).digest('hex');
}
