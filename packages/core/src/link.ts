import { isResource, type Resource } from './resource.js';

/** A reference from one resource to another, with the option that holds it. */
export interface Link {
  /** Option path, as `mounts[0].volume`. */
  readonly option: string;
  readonly target: Resource;
}

/** Every resource that an options object refers to, however deep. */
export function linksIn(value: unknown, option = ''): readonly Link[] {
  if (isResource(value)) return [{ option, target: value }];
  if (Array.isArray(value)) return value.flatMap((each, index) => linksIn(each, `${option}[${index}]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    linksIn(each, option === '' ? key : `${option}.${key}`),
  );
}
