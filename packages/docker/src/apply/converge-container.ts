import { isPlumbstackError, type HealthSpec } from '@plumbstack/core';
import type { Unit } from '../compile/docker-spec.js';
import type { Role } from '../labels.js';
import { leavingContainerName, nextContainerName } from '../object-names.js';
import type { ObservedContainer } from '../plan/observed-state.js';
import { containerChanges } from '../plan/container-changes.js';
import { describedCheck } from '../plan/described-check.js';
import { formerContainers } from '../plan/former.js';
import { containersOf, isUnproven, servingContainer } from '../plan/serving.js';
import {
  discard,
  runContainer,
  createContainer,
  startCreated,
  type NewContainer,
} from './create-container.js';
import { checkCode } from './check-code.js';
import { countdown } from './deadline.js';
import { drainConnections } from './drain-connections.js';
import { mendContainer } from './mend-container.js';
import { removeContainer, stopSurely } from './remove-container.js';
import { pathOf, type RunContext } from './run-context.js';
import { noWayBack } from './run-failure.js';
import { oldAddressForgotten } from './switch-routers.js';
import { waitAgain } from './wait-again.js';
import { waitUntilHealthy } from './wait-until-healthy.js';

export interface Convergence {
  readonly unit: Unit;
  readonly role: Role;
  readonly name: string;
  /** Whether old and new may run at once. */
  readonly startFirst: boolean;
  readonly port?: number;
  readonly health?: HealthSpec;
  readonly stopGraceMs: number;
  /** How long what leaves may take to finish what it has. */
  readonly drainTimeoutMs: number;
  readonly vantages?: readonly string[];
  readonly prepare?: (id: string) => Promise<void>;
  /** Done while the old container still serves. */
  readonly beforeReplace?: (old: string) => Promise<void>;
  /** Sends requests to the new container's address; done when it is healthy, before the old one goes. */
  readonly switchTo?: (address: string) => Promise<void>;
}

export interface Converged {
  readonly id: string;
  /** At home. */
  readonly address: string;
  /** Whether the container was made by this run, rather than kept. */
  readonly isNew: boolean;
}

/**
 * Brings the one container of a unit to what is described, from whatever an earlier run, or somebody else, has left. With
 * `startFirst`, what serves keeps serving until its successor has answered and gets its requests.
 */
export async function convergeContainer(context: RunContext, convergence: Convergence): Promise<Converged> {
  const { unit, role } = convergence;
  const all = containersOf(context.observed, unit.resource, role);
  const serving = servingContainer(all.filter(({ state }) => state !== 'created' && state !== 'dead'));
  // What was created and never ran may lack its files, and what has never answered gets no requests: an earlier run ended in
  // between. They may hold what the one that serves needs.
  const unfinished = all.filter(
    (each) => each !== serving && (each.state === 'created' || each.state === 'dead' || isUnproven(each)),
  );
  await Promise.all(unfinished.map((each) => removeContainer(context, each, convergence.stopGraceMs)));
  const containers = all.filter((each) => !unfinished.includes(each));
  if (serving === undefined) return create(context, convergence);
  const isCurrent =
    containerChanges(serving, unit, context.observed).length === 0 && serving.address !== undefined;
  if (!isCurrent) return replace(context, convergence, containers, serving);
  return keep(context, convergence, containers, serving);
}

async function create(context: RunContext, convergence: Convergence): Promise<Converged> {
  const { unit, name } = convergence;
  // What the resource was before, as another kind, may still have one of them.
  const taken = formerContainers(unit, context.observed).map((each) => each.address);
  const known = context.active[unit.resource]?.split(':')[0] ?? '';
  // Where routers look for one that is gone, its successor is found at once.
  const address =
    unit.addresses.includes(known) && !taken.includes(known) ? known : addressBeside(unit, taken);
  const id = await runContainer(context, wantedContainer(convergence, name, address));
  await healthyOrGone(context, convergence, id, name, address);
  context.emit('resource:created', { resource: pathOf(context, unit.resource) });
  return { id, address, isNew: true };
}

async function replace(
  context: RunContext,
  convergence: Convergence,
  containers: readonly ObservedContainer[],
  serving: ObservedContainer,
): Promise<Converged> {
  const { unit, name, startFirst } = convergence;
  // Only what serves is left in place; what an interrupted run left beside it makes room for the successor.
  const leftovers = containers.filter((each) => each !== serving);
  if (leftovers.length > 0 && serving.address !== undefined) await convergence.switchTo?.(serving.address);
  await Promise.all(leftovers.map((each) => retire(context, convergence, each)));
  if (serving.state === 'running') await convergence.beforeReplace?.(serving.id);
  const address = addressBeside(unit, [serving.address]);
  const next = nextContainerName(context.stack, unit.resource);
  // The only one there is may never have answered, and has the name that its successor is to have.
  if (serving.name === next) await context.client.renameContainer(serving.id, name, context.call);
  const old = serving.name === next ? { ...serving, name } : serving;
  const id = await (startFirst ? startBeside : swap)(
    context,
    convergence,
    wantedContainer(convergence, next, address),
    old,
  );
  await settle(context, convergence, id, old);
  await convergence.switchTo?.(address);
  await retire(context, convergence, { ...old, ...(!startFirst && { state: 'exited' }) });
  context.emit('resource:replaced', { resource: pathOf(context, unit.resource) });
  return { id, address, isNew: true };
}

/** The new one beside the old one, which goes on as it was if the new one does not come up. */
async function startBeside(
  context: RunContext,
  convergence: Convergence,
  wanted: NewContainer,
  old: ObservedContainer,
): Promise<string> {
  try {
    const id = await runContainer(context, wanted);
    await healthyOrGone(context, convergence, id, wanted.name, wanted.address);
    return id;
  } catch (error) {
    if (old.state === 'running') rolledBack(context, convergence, error);
    throw error;
  }
}

/** Old out, new in, on the same ports. If the new one does not come up, the old one runs again. */
async function swap(
  context: RunContext,
  convergence: Convergence,
  wanted: NewContainer,
  old: ObservedContainer,
): Promise<string> {
  const { stopGraceMs, unit } = convergence;
  await checkCode(context, unit.resource, old, unit.container);
  let id = await createContainer(context, wanted);
  try {
    await stopSurely(context, old, stopGraceMs);
    id = await startCreated(context, wanted, id);
    await waitUntilHealthy(context, waitFor(convergence, id, wanted.address));
  } catch (error) {
    await discard(context, id);
    await goBack(context, convergence, old, error);
    throw error;
  }
  announceHealthy(context, convergence, wanted.name);
  return id;
}

/**
 * Says that the new one has answered, before it gets its first request: it takes the name, and the old one another. Names are
 * seen by every later run, whenever this one ends.
 */
async function settle(
  { client, call, stack }: RunContext,
  { name, unit }: Convergence,
  id: string,
  old: ObservedContainer,
): Promise<void> {
  if (old.name === name)
    await client.renameContainer(old.id, leavingContainerName(stack, unit.resource), call);
  await client.renameContainer(id, name, call);
}

/** The old one again. Who is told of its return can ask it at once. */
async function goBack(
  context: RunContext,
  convergence: Convergence,
  old: ObservedContainer,
  reason: unknown,
): Promise<void> {
  // Not under the run's signal: an aborted run must not leave nothing running, and does not wait for it.
  await context.client.startContainer(old.id).catch((error: unknown) => {
    throw noWayBack(reason, error);
  });
  if (!context.signal.aborted) {
    const { port, health, vantages = [] } = convergence;
    // What an older version was checked by may differ; that of a proxy is in no label.
    const check = { ...(port !== undefined && { port }), ...(health !== undefined && { health }) };
    try {
      await waitAgain(
        context,
        old,
        { ...check, ...describedCheck(old) },
        { vantages, dependsOn: convergence.unit.dependsOn },
      );
    } catch (error) {
      context.signal.throwIfAborted();
      throw noWayBack(reason, error);
    }
  }
  rolledBack(context, convergence, reason);
}

/** What is up to date goes on, runs and answers; what an interrupted update has left beside it goes. */
async function keep(
  context: RunContext,
  convergence: Convergence,
  containers: readonly ObservedContainer[],
  serving: ObservedContainer,
): Promise<Converged> {
  const { unit, name } = convergence;
  const { id, state, address = '' } = serving;
  const others = containers.filter((each) => each !== serving);
  // An interrupted update may have left the name to the container that is about to go.
  const nameIsFree = others.every((each) => each.name !== name);
  await bringBack(context, convergence, serving, nameIsFree ? name : serving.name);
  await convergence.switchTo?.(address);
  await Promise.all(others.map((each) => retire(context, convergence, each)));
  if (!nameIsFree) await context.client.renameContainer(id, name, context.call);
  if (state !== 'running') announceHealthy(context, convergence, name);
  context.emit('resource:updated', { resource: pathOf(context, unit.resource) });
  return { id, address, isNew: false };
}

/** Mends what is there, and waits until it answers. */
async function bringBack(
  context: RunContext,
  convergence: Convergence,
  container: ObservedContainer,
  name: string,
): Promise<void> {
  const { unit, prepare } = convergence;
  const { id, state, address = '' } = container;
  const ran = state === 'running' || state === 'paused';
  // What does not run is given its files anew: it may have ended for want of them.
  if (!ran) await prepare?.(id);
  const { container: template, aliases } = unit;
  await mendContainer(context, { container, template, place: unit, aliases, name });
  const answer = (): Promise<void> => waitUntilHealthy(context, waitFor(convergence, id, address));
  try {
    await answer();
  } catch (error) {
    // It may have been seen in one of its short lives between two crashes: then it, too, may lack its files.
    if (!ran || prepare === undefined || !isPlumbstackError(error, 'START_FAILED')) throw error;
    await prepare(id);
    await context.client.restartContainer(id, 0, context.call);
    await answer();
  }
}

/** Lets a container that gets no more requests finish those it has, and removes it. */
async function retire(context: RunContext, convergence: Convergence, old: ObservedContainer): Promise<void> {
  // It may have been made with another port than its successor.
  const port = describedCheck(old).port ?? convergence.port;
  const leftMs = countdown(convergence.drainTimeoutMs);
  if (convergence.switchTo !== undefined) {
    // Of one that is stopped already, nothing that is still to be sent can arrive; but a visitor's idle connection must not lead
    // there once the run has ended.
    const unsentMs = old.state === 'running' ? leftMs : () => 0;
    await oldAddressForgotten(context, convergence.unit.resource, unsentMs);
  }
  if (port !== undefined) await drainConnections(context, old, port, leftMs());
  await removeContainer(context, old, convergence.stopGraceMs);
}

async function healthyOrGone(
  context: RunContext,
  convergence: Convergence,
  id: string,
  name: string,
  address: string,
): Promise<void> {
  try {
    await waitUntilHealthy(context, waitFor(convergence, id, address));
  } catch (error) {
    await discard(context, id);
    throw error;
  }
  announceHealthy(context, convergence, name);
}

function announceHealthy(context: RunContext, { role, unit }: Convergence, container: string): void {
  if (role === 'app' || role === 'service')
    context.emit('app:healthy', { resource: pathOf(context, unit.resource), container });
}

function rolledBack(context: RunContext, { unit }: Convergence, error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  context.emit('update:rolledback', { resource: pathOf(context, unit.resource), reason });
}

function waitFor(
  { unit, port, health, vantages = [] }: Convergence,
  id: string,
  address: string,
): Parameters<typeof waitUntilHealthy>[1] {
  return {
    resource: unit.resource,
    id,
    address,
    ...(port !== undefined && { port }),
    ...(health !== undefined && { health }),
    timeoutMs: unit.startTimeoutMs,
    dependsOn: unit.dependsOn,
    vantages,
  };
}

function wantedContainer({ unit, role, prepare }: Convergence, name: string, address: string): NewContainer {
  return {
    resource: unit.resource,
    name,
    template: unit.container,
    // A router has many to be in: it serves what it reaches while it joins them.
    place: role === 'router' ? { home: unit.home, guests: [] } : unit,
    address,
    aliases: unit.aliases,
    hostname: unit.resource,
    ...(prepare !== undefined && { prepare }),
  };
}

/** The unit's first address that none of these holds; with a single one, the container that holds it is stopped first. */
function addressBeside({ addresses }: Unit, taken: readonly (string | undefined)[]): string {
  return addresses.find((each) => !taken.includes(each)) ?? addresses[0] ?? '';
}
