import type { Runtime } from '@plumbstack/core';
import { smallStack } from './small-stack';

/** One verb on the small stack, as data: it is run in this process, or handed to another. */
export interface VerbRequest {
  readonly verb: 'up' | 'scale' | 'restart' | 'down';
  readonly stack: string;
  /** Of both apps, for `up`. @default '1' */
  readonly version?: string;
  /** Of both apps, for `up`: with their version in it. @default one that has it in its environment */
  readonly image?: string;
  /** Numbers of workers, one after the other, for `scale`. */
  readonly replicas?: readonly number[];
  /** For `down`. @default false */
  readonly volumes?: boolean;
}

export async function perform(runtime: Runtime, request: VerbRequest): Promise<void> {
  const { verb, stack, version, image, replicas = [], volumes = false } = request;
  switch (verb) {
    case 'up':
      await runtime.up(smallStack(stack, version, image));
      return;
    case 'scale': {
      const deployment = await runtime.attach(stack);
      for (const each of replicas) await deployment.scale('workers', each);
      return;
    }
    case 'restart':
      return (await runtime.attach(stack)).restart('workers');
    case 'down':
      return runtime.down(stack, { volumes });
  }
}
