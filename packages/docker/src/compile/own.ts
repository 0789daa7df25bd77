/**
 * What a dictionary itself has under a name. A name that somebody chose may be one that every object answers to, as
 * `constructor`.
 */
export function own<T>(dictionary: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(dictionary, name) ? dictionary[name] : undefined;
}
