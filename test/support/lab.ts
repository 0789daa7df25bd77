import { randomBytes } from 'node:crypto';
import { Stack, type StackOptions } from '@plumbstack/core';
import { DockerRuntime, type DockerRuntimeOptions } from '@plumbstack/docker';
import type { Answer } from './light-app';
import { madeStacks } from './left-behind';

export { leftovers } from './left-behind';

/** Stacks of one test file: named so that they meet nobody else's, and surely taken down. */
export class Lab {
  readonly runtime: DockerRuntime;
  readonly #names: string[] = [];

  constructor(options: DockerRuntimeOptions = {}) {
    this.runtime = new DockerRuntime(options);
  }

  stack(options?: StackOptions): Stack {
    const name = `test-${randomBytes(4).toString('hex')}`;
    this.#names.push(name);
    madeStacks.add(name);
    return new Stack(name, options);
  }

  /** Another version of the same stack, still without resources. */
  again(stack: Stack, options?: StackOptions): Stack {
    return new Stack(stack.name, options);
  }

  /** For `afterEach`. */
  async clear(): Promise<void> {
    for (const name of this.#names.splice(0)) await this.runtime.down(name, { volumes: true, images: true });
  }
}

/** A GET whose answer is the light app's. */
export async function ask(base: URL, path: string, init?: RequestInit): Promise<Answer> {
  const response = await fetch(new URL(path, base), init);
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return JSON.parse(text) as Answer;
}

/** Looks until there is a value; fails after the deadline with what was looked for. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined>,
  timeoutMs = 30_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const found = await look().catch((error: unknown) =>
      Date.now() > end ? Promise.reject(error as Error) : undefined,
    );
    if (found !== undefined) return found;
    if (Date.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
