import { PlumbstackError } from '@plumbstack/core';
import type { CallOptions, ContainerDetails, DockerReader } from '../client/docker-client.js';
import { isUnreadableLog } from '../client/docker-failure.js';
import { declaredPathOf, type RunContext } from './run-context.js';

const lineCount = 20;

/** The last lines of a container's output since its last start; nothing where they cannot be read. */
async function lastLines(
  client: DockerReader,
  { id, startedAt }: ContainerDetails,
  call: CallOptions,
): Promise<readonly string[] | undefined> {
  const lines: string[] = [];
  const since = new Date(startedAt);
  try {
    for await (const { text } of client.logs(id, { tail: lineCount, since, ...call })) lines.push(text);
  } catch (error) {
    if (isUnreadableLog(error)) return undefined;
    throw error;
  }
  return lines.slice(-lineCount);
}

/**
 * Why a container is not up: exit code, memory, last lines and last health output, as fields and for a reader.
 *
 * @param lastSeen what it answered when it was last looked at from here
 */
export async function explainFailure(
  context: Pick<RunContext, 'client' | 'call' | 'stack' | 'censor'>,
  resource: string,
  container: ContainerDetails,
  waitedFor: string,
  lastSeen?: string,
): Promise<PlumbstackError> {
  const { client, call, censor } = context;
  const { name, running, state, exitCode, oomKilled, restartCount, error } = container;
  const said = await lastLines(client, container, call);
  const hide = await censor();
  const lines = (said ?? []).map(hide);
  const ownCheck = container.healthOutput.map(hide);
  const ended = !running || state === 'restarting';
  const what = ended
    ? `its container ${name} ended with exit code ${exitCode}${oomKilled ? ', killed for want of memory' : ''}`
    : `its container ${name} runs, but ${waitedFor} did not come in time${lastSeen === undefined ? '' : `; last seen: ${lastSeen}`}`;
  const output =
    said === undefined
      ? 'What it wrote cannot be read: its logging driver keeps nothing.'
      : lines.length === 0
        ? 'It wrote nothing.'
        : `Its last lines:\n${lines.map((line) => `    | ${line}`).join('\n')}`;
  return new PlumbstackError(ended ? 'START_FAILED' : 'UNHEALTHY', `${what}. ${output}`, {
    resource: declaredPathOf(context, resource),
    details: {
      container: name,
      exitCode,
      oomKilled,
      restartCount,
      lastLines: lines,
      healthOutput: lastSeen === undefined ? ownCheck : [...ownCheck, lastSeen],
      waitedFor,
      error,
    },
    hint: hintFor(oomKilled || mayLackMemory(container), ended, waitedFor, ownCheck.at(-1), lastSeen),
  });
}

/** A kill with a limit: an engine may hear of the container's end before it hears that the kernel killed it. */
function mayLackMemory({ exitCode, settings }: ContainerDetails): boolean {
  return exitCode === 137 && settings.limits.memoryBytes !== undefined;
}

function hintFor(
  lacksMemory: boolean,
  ended: boolean,
  waitedFor: string,
  ownCheck: string | undefined,
  lastSeen: string | undefined,
): string {
  if (lacksMemory) return 'Give it more memory: resources: { memoryBytes }.';
  if (ended) return 'Mend what its last lines say, and run again.';
  if (ownCheck !== undefined) return `Its last health check said: ${ownCheck.trim()}`;
  if (lastSeen?.startsWith('status ') === true)
    return 'Mend what it answers with, ask for another path, or say with minStatus and maxStatus which answers are well.';
  return `Check that it listens on 0.0.0.0 and on the port it was declared with (${waitedFor}), or allow more time with startTimeoutMs.`;
}
