import { PlumbstackError, type HealthSpec } from '@plumbstack/core';
import type { ContainerDetails } from '../client/docker-client.js';
import { beingOf, wasStopped } from '../plan/being.js';
import { complaintInside } from './answered-inside.js';
import { pollUntil } from './deadline.js';
import { explainFailure } from './explain.js';
import { complaintOf } from './reach.js';
import { declaredPathOf, type RunContext } from './run-context.js';

export interface Waited {
  readonly resource: string;
  readonly id: string;
  readonly address: string;
  /** Port that is checked; none for a service, of which only its process or its own health check can tell. */
  readonly port?: number;
  readonly health?: HealthSpec;
  readonly timeoutMs: number;
  /** What must be up before it can be. @default it is not known */
  readonly dependsOn?: readonly string[];
  /** Containers that can be asked to look, where this process cannot: its router, for instance. */
  readonly vantages: readonly string[];
}

/** Of what nothing but its process tells: one that has just been started may be about to end. */
const steadyMs = 300;
/** How often the engine is asked about the container, in looks: a probe is cheap, an inspection is not. */
const looksPerInspection = 4;

/**
 * Waits until a container answers as its health check wants. Where it does not, rejects with what it answered last and what
 * its output says.
 */
export async function waitUntilHealthy(context: RunContext, waited: Waited): Promise<void> {
  const { client, call, signal } = context;
  const { id, timeoutMs, resource, dependsOn } = waited;
  const waitedFor = describe(waited);
  let last: ContainerDetails | undefined;
  // Between two restarts a container shows how the last run ended; while it runs, no more.
  let ended: ContainerDetails | undefined;
  let looks = 0;
  let lastSeen: string | undefined;
  const answers = async (): Promise<boolean> => {
    lastSeen = await probe(context, waited);
    return lastSeen === undefined;
  };
  const isSteady = steadiness(waited);
  const state = await pollUntil(
    async () => {
      // Of one that ended before, the moment between two of its lives tells most, and is short: the engine is asked first.
      const asksFirst = usesEngine(waited) || (last?.restartCount ?? 0) > 0;
      const answered = !asksFirst && (await answers());
      if (!asksFirst && !answered && looks++ % looksPerInspection !== 0) return undefined;
      last = await client.inspectContainer(id, call);
      if (last === undefined) return 'gone';
      if (last.state !== 'running') ended = last;
      const passes =
        answered || usesEngine(waited) || (asksFirst && last.state === 'running' && (await answers()));
      const being = beingOf(last, { answers: passes && isSteady(last), isAlone: dependsOn?.length === 0 });
      if (passes && !usesEngine(waited) && being === 'coming')
        lastSeen = `the health check of its image says ${last.health}`;
      return outcomes[being];
    },
    {
      ...{ signal, timeoutMs, intervalMs: 25 },
      waitedFor: () => {
        const last = lastSeen === undefined ? '' : ` (last: ${lastSeen})`;
        return `${declaredPathOf(context, resource)} to have ${waitedFor}${last}`;
      },
    },
  );
  if (state === 'healthy') return;
  const details = ended ?? last ?? (await client.inspectContainer(id, call));
  const meddled =
    details === undefined || state === 'gone' ? 'removed' : wasStopped(details) ? 'stopped' : undefined;
  if (details === undefined || meddled !== undefined) {
    throw new PlumbstackError('START_FAILED', `its container was ${meddled} while it started.`, {
      resource: declaredPathOf(context, resource),
      details: { meddled },
      hint: 'Somebody else did so, or a run that was given up. Run again.',
    });
  }
  throw await explainFailure(context, resource, details, waitedFor, lastSeen);
}

/** A command is the engine's to run, and of a service without one there is only the process to see. */
function usesEngine({ port, health }: Waited): boolean {
  return port === undefined || health === undefined || health.type === 'command';
}

const outcomes = { up: 'healthy', coming: undefined, over: 'failed' } as const;

/** Whether a process has gone on for a while, where that is all there is to see. */
function steadiness(waited: Waited): (seen: ContainerDetails) => boolean {
  let life = '';
  let since = 0;
  return ({ startedAt, health }) => {
    if (!usesEngine(waited) || health !== 'unknown') return true;
    if (startedAt !== life) since = performance.now();
    life = startedAt;
    return performance.now() - since >= steadyMs;
  };
}

/** What keeps it from being healthy; nothing where it is. */
async function probe(
  context: RunContext,
  { address, port, health, vantages, id }: Waited,
): Promise<string | undefined> {
  if (port === undefined || health === undefined || health.type === 'command') return 'nothing to look at';
  if (context.reach() === 'direct') return complaintOf(address, port, health, context.signal);
  return complaintInside(context, [...vantages, id], address, port, health);
}

function describe({ port, health }: Waited): string {
  if (health?.type === 'command') return `a passing health check (${health.command.join(' ')})`;
  if (port === undefined || health === undefined) return 'a running process';
  if (health.type === 'tcp') return `an open port ${port}`;
  return `an answer of ${health.minStatus} to ${health.maxStatus} to GET ${health.path} on port ${port}`;
}
