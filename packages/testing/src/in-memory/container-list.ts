import { resourcePath } from '@plumbstack/core';
import type { ContainerRecord } from './engine-state.js';

/** Containers by name, and by resource too: a stack of ten thousand is looked through once, not once for each resource. */
export class ContainerList extends Map<string, ContainerRecord> {
  readonly #byResource = new Map<string, Set<ContainerRecord>>();

  override set(name: string, container: ContainerRecord): this {
    this.delete(name);
    const path = pathOf(container);
    const own = this.#byResource.get(path) ?? new Set();
    this.#byResource.set(path, own.add(container));
    return super.set(name, container);
  }

  override delete(name: string): boolean {
    const container = this.get(name);
    if (container !== undefined) this.#byResource.get(pathOf(container))?.delete(container);
    return super.delete(name);
  }

  /** In the order of their making. */
  of(stack: string, resource: string): readonly ContainerRecord[] {
    return [...(this.#byResource.get(resourcePath(stack, resource)) ?? [])];
  }
}

function pathOf({ stack, resource }: ContainerRecord): string {
  return resourcePath(stack, resource);
}
