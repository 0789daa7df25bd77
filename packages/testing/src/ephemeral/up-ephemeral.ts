import { randomBytes } from 'node:crypto';
import { PlumbstackError, Stack, type Deployment, type Runtime, type UpOptions } from '@plumbstack/core';
import { Cleaner } from './cleaner.js';
import type { RuntimeModule } from './runtime-module.js';

export interface EphemeralOptions extends UpOptions {
  /**
   * How a process beside this one takes the stack down when this one ends before it has done so itself: killed, out of
   * memory, or by an error in a test runner. @default nobody does: for a runtime whose stacks end with the process
   */
  readonly cleaner?: RuntimeModule;
  /** What the stack's name begins with. @default 'test' */
  readonly prefix?: string;
  /** Folder that relative paths of the stack start from. @default the runtime's own */
  readonly baseDir?: string;
}

/**
 * Brings up a stack that lives no longer than a test: under a name that nobody else has, surely gone at the end of
 * `await using`, its data included. Publish on port 0 for any free one, and ask `endpoint` where that is.
 *
 * @example
 * await using shop = await upEphemeral(runtime, (stack) => void stack.app('api', { image: 'api:1', publish: 0 }), {
 *   cleaner: { module: '@plumbstack/docker', export: 'DockerRuntime' },
 * });
 * const answer = await fetch(shop.endpoint('api'));
 */
export async function upEphemeral<Events>(
  runtime: Runtime<Events>,
  describe: (stack: Stack) => void,
  options: EphemeralOptions = {},
): Promise<Deployment<Events>> {
  const { cleaner: module, prefix = 'test', baseDir, ...up } = options;
  const stack = new Stack(
    `${prefix}-${randomBytes(5).toString('hex')}`,
    baseDir === undefined ? {} : { baseDir },
  );
  describe(stack);
  // Before anything is made: what comes next may be the end of this process.
  const cleaner = module === undefined ? undefined : await Cleaner.of(module);
  await cleaner?.add(stack.name);
  const remove = async (): Promise<void> => {
    await runtime.down(stack.name, { volumes: true });
    await cleaner?.done(stack.name);
  };
  try {
    return disposedBy(await runtime.up(stack, up), remove);
  } catch (error) {
    await remove().catch((failure: unknown) => {
      throw notRemoved(stack.name, error, failure);
    });
    throw error;
  }
}

/** The deployment itself, but that its end takes its data too. */
function disposedBy<Events>(deployment: Deployment<Events>, remove: () => Promise<void>): Deployment<Events> {
  let removal: Promise<void> | undefined;
  const once = (): Promise<void> => (removal ??= remove());
  return new Proxy(deployment, {
    get(target, name) {
      if (name === Symbol.asyncDispose || name === 'down') return once;
      const found: unknown = Reflect.get(target, name, target);
      return typeof found === 'function' ? (found as (...given: unknown[]) => unknown).bind(target) : found;
    },
  });
}

function notRemoved(stack: string, cause: unknown, failure: unknown): PlumbstackError {
  const say = (error: unknown): string => (error instanceof Error ? error.message : String(error));
  return new PlumbstackError(
    'ENGINE_FAILED',
    `it did not come up, and could not be taken down: ${say(failure)}`,
    {
      resource: stack,
      details: { removal: say(failure) },
      hint: `It did not come up because: ${say(cause)}`,
      cause,
    },
  );
}
