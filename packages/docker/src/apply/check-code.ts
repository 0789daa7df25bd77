import { PlumbstackError } from '@plumbstack/core';
import type { ContainerTemplate } from '../compile/docker-spec.js';
import { digestOf } from '../compile/spec-hash.js';
import type { ObservedContainer } from '../plan/observed-state.js';
import { declaredPathOf, type RunContext } from './run-context.js';

const lineCount = 20;

/**
 * Has what is mounted looked at by the container that is there, before it is stopped for its successor: where that would not come
 * up, the one of before could not either, as it sees the same files.
 */
export async function checkCode(
  context: RunContext,
  resource: string,
  { id, name, state, identity }: ObservedContainer,
  { checks = [], identity: wanted }: ContainerTemplate,
): Promise<void> {
  const { client, call, censor } = context;
  // One of another image may lack what the check needs, and one with other mounts sees other files.
  if (state !== 'running' || whatIsSeen(identity) !== whatIsSeen(wanted)) return;
  for (const command of checks) {
    const { exitCode, stdout, stderr } = await client.exec(id, command, call);
    if (exitCode === 0) continue;
    const hide = await censor();
    const said = `${stdout}\n${stderr}`.split('\n').filter((line) => line.trim() !== '');
    const lastLines = said.slice(-lineCount).map(hide);
    throw new PlumbstackError(
      'START_FAILED',
      `what is mounted does not pass its check in ${name}:\n${lastLines.map((line) => `    | ${line}`).join('\n')}`,
      {
        resource: declaredPathOf(context, resource),
        details: { container: name, exitCode, lastLines },
        hint: 'The container goes on as it was. Mend what these lines say, and run again.',
      },
    );
  }
}

function whatIsSeen({ image, mounts }: ObservedContainer['identity']): string {
  return digestOf({ image, mounts });
}
