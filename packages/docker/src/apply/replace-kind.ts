import { poolPort } from '@plumbstack/core';
import type { Unit } from '../compile/docker-spec.js';
import { label, ofStack } from '../labels.js';
import { containerName, formerContainerName } from '../object-names.js';
import { isOurs } from '../ours.js';
import { describedCheck } from '../plan/described-check.js';
import { stays } from '../plan/former.js';
import { observedContainer, type ObservedContainer } from '../plan/observed-state.js';
import { countdown } from './deadline.js';
import { drainConnections, drainTimeoutOf } from './drain-connections.js';
import { proxyGraceMs } from './converge-proxy.js';
import { removeConfig } from './remove-config.js';
import { removeContainer, stopSurely } from './remove-container.js';
import { containerOf, pathOf, type RunContext } from './run-context.js';
import { noWayBack } from './run-failure.js';
import { oldAddressForgotten, switchRouters } from './switch-routers.js';

type Converge = (context: RunContext) => Promise<void>;

/**
 * Makes a resource what it is now of what it was under the same name: a pool of an app, for instance. Where both can be at
 * once, what it was serves until the other one does; else it goes first.
 */
export async function replaceKind(
  context: RunContext,
  unit: Unit,
  former: readonly ObservedContainer[],
  converge: Converge,
): Promise<void> {
  if (stays(unit, former)) {
    await besideFormer(context, unit, former, converge);
    await leadHere(context, unit);
    await retireAll(context, unit, former);
  } else {
    await insteadOfFormer(context, unit, former, converge);
  }
}

/** What it was stops first, and runs again where what it is now does not come up: until then it is not removed. */
async function insteadOfFormer(
  context: RunContext,
  unit: Unit,
  former: readonly ObservedContainer[],
  converge: Converge,
): Promise<void> {
  const { client, call, stack } = context;
  const serving = former.filter(({ state }) => state === 'running');
  const name = containerName(stack, unit.resource);
  const holder = former.find((each) => each.name === name);
  if (holder !== undefined)
    await client.renameContainer(holder.id, formerContainerName(stack, unit.resource), call);
  try {
    await Promise.all(serving.map((each) => stopSurely(context, each, graceOf(each))));
    await converge(without(context, unit, former));
    await leadHere(context, unit);
  } catch (error) {
    await goBack(context, unit, { former, serving, holder }, error);
    throw error;
  }
  await removeAll(context, unit, former);
}

/** Not under the run's signal: an aborted run must not leave nothing running. */
async function goBack(
  { client, stack, emit }: RunContext,
  { resource }: Unit,
  {
    former,
    serving,
    holder,
  }: Readonly<Record<'former' | 'serving', readonly ObservedContainer[]>> & {
    readonly holder: ObservedContainer | undefined;
  },
  error: unknown,
): Promise<void> {
  try {
    const containers = (await client.listContainers(ofStack(stack)))
      .filter(isOurs)
      .map(observedContainer)
      .filter((each) => each.resource === resource && each.role !== 'secret');
    // They may have its name, its ports and its addresses.
    const made = containers.filter(({ id }) => !former.some((each) => each.id === id));
    await Promise.all(made.map((each) => client.removeContainer(each.id)));
    await removeConfig({ client, stack, call: {} }, resource, made);
    if (holder !== undefined) await client.renameContainer(holder.id, holder.name);
    await Promise.all(serving.map((each) => client.startContainer(each.id)));
  } catch (failure) {
    throw noWayBack(error, failure);
  }
  if (serving.length > 0) {
    const reason = error instanceof Error ? error.message : String(error);
    emit('update:rolledback', { resource: pathOf({ stack }, resource), reason });
  }
}

/** The name is free meanwhile; what has it keeps its address and its requests. */
async function besideFormer(
  context: RunContext,
  { resource }: Unit,
  former: readonly ObservedContainer[],
  converge: Converge,
): Promise<void> {
  const { client, call, stack } = context;
  const name = containerName(stack, resource);
  const holder = former.find((each) => each.name === name);
  if (holder !== undefined)
    await client.renameContainer(holder.id, formerContainerName(stack, resource), call);
  try {
    await converge(context);
  } catch (error) {
    // Part of a pool may have come up and have the name by now; the next run goes on from either.
    if (holder !== undefined) await client.renameContainer(holder.id, name).catch(() => undefined);
    throw error;
  }
}

/** Sends the routers' requests to what has just been made. */
async function leadHere(context: RunContext, unit: Unit): Promise<void> {
  if (unit.kind !== 'app' && unit.kind !== 'pool') return;
  const made = await containerOf(context, unit.resource, containerName(context.stack, unit.resource));
  const address = made?.labels[label.address];
  if (address !== undefined) await switchRouters(context, unit, address);
}

async function retireAll(
  context: RunContext,
  unit: Unit,
  former: readonly ObservedContainer[],
): Promise<void> {
  const leftMs = countdown(drainTimeoutOf(unit));
  await oldAddressForgotten(context, unit.resource, leftMs);
  // A pool's HAProxy before its workers, which it still may be asking.
  const isWorker = ({ role }: ObservedContainer): boolean => role === 'worker';
  for (const each of former.filter((one) => !isWorker(one))) {
    await drainConnections(context, each, describedCheck(each).port ?? poolPort, leftMs());
    await removeContainer(context, each, each.role === 'balancer' ? proxyGraceMs : graceOf(each));
  }
  await removeAll(context, unit, former.filter(isWorker));
  await removeConfig(context, unit.resource, former);
}

async function removeAll(
  context: RunContext,
  { resource }: Unit,
  former: readonly ObservedContainer[],
): Promise<void> {
  await Promise.all(former.map((each) => removeContainer(context, each, graceOf(each))));
  await removeConfig(context, resource, former);
}

function graceOf({ identity }: ObservedContainer): number {
  const grace = identity['stopGraceMs'];
  return typeof grace === 'number' ? grace : 10_000;
}

/** What was seen, but for what is gone now. */
function without(context: RunContext, { resource }: Unit, former: readonly ObservedContainer[]): RunContext {
  const { observed } = context;
  const { [resource]: _, ...configs } = observed.configs;
  return {
    ...context,
    observed: {
      ...observed,
      containers: observed.containers.filter((each) => !former.includes(each)),
      configs,
    },
  };
}
