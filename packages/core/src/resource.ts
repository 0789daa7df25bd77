import type { Link } from './link.js';
import { resourcePath } from './name.js';
import type { Problem } from './problem.js';
import type { ResourceKind, ResourceSpec } from './spec.js';

const brand: unique symbol = Symbol.for('plumbstack.resource') as never;

/** One thing in a stack. Links between resources are references to these objects, never strings. */
export abstract class Resource<K extends ResourceKind = ResourceKind> {
  readonly [brand] = true;
  abstract readonly kind: K;
  /** Name of the stack it belongs to. */
  readonly stack: string;
  /** Unique in its stack: a DNS label. */
  readonly name: string;
  /** What it refers to; `Stack.validate` looks for strangers among them. */
  get links(): readonly Link[] {
    return [];
  }
  /** What is wrong with it beyond single values; `Stack.validate` tells them with all others. */
  get problems(): readonly Problem[] {
    return [];
  }

  constructor(stack: string, name: string) {
    this.stack = stack;
    this.name = name;
  }

  /** `stack/name`, as messages, plans and events have it. */
  get path(): string {
    return resourcePath(this.stack, this.name);
  }

  /** Its part of the spec: plain data with every default filled in. */
  abstract toSpec(): Extract<ResourceSpec, { kind: K }>;
}

/** Whether `value` is a resource, of that kind where one is given; also across two copies of this package. */
export function isResource<K extends ResourceKind>(
  value: unknown,
  ...kinds: readonly K[]
): value is Resource<K> {
  return (
    typeof value === 'object' &&
    value !== null &&
    brand in value &&
    (kinds.length === 0 || kinds.includes((value as Resource<K>).kind))
  );
}
