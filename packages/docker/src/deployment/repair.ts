import { aboutResource, PlumbstackError, resourcePath } from '@plumbstack/core';
import { convergePool } from '../apply/converge-pool.js';
import { startContainer } from '../apply/create-container.js';
import { emptyImage } from '../apply/empty-image.js';
import { declaredPathOf, pathOf, type RunContext } from '../apply/run-context.js';
import { runFailure } from '../apply/run-failure.js';
import { temporaryContainer } from '../apply/temporary-container.js';
import { waitAgain } from '../apply/wait-again.js';
import type { Unit } from '../compile/docker-spec.js';
import { configFolder } from '../compile/proxy-container.js';
import type { EngineSession } from '../engine-session.js';
import { backstage, label } from '../labels.js';
import { configVolumeName, copyName, declaredName } from '../object-names.js';
import { readConfig } from '../observe/read-config.js';
import { isAtHome, isIn } from '../plan/container-networks.js';
import { describedCheck } from '../plan/described-check.js';
import { kindOf } from '../plan/former.js';
import {
  inventoryOf,
  networkNamed,
  networkOf,
  type ObservedContainer,
  type ObservedState,
} from '../plan/observed-state.js';
import { readParts, readRecord, type RouterRecord } from '../plan/record.js';
import { containersOf, servingContainer } from '../plan/serving.js';
import { recordedPool } from './recorded-pool.js';

type Kind = Unit['kind'];

/** Who is asked by others comes back before them. */
const tiers: readonly (readonly Kind[])[] = [['service'], ['app', 'pool'], ['router']];

/**
 * Brings back what a stack has lost, or one resource of it, from what the engine itself remembers: a pool's record has all
 * that its HAProxy and its workers take; a container that is still there can be started again. The rest comes back all
 * the same, and then what only the program can bring back is told.
 */
export async function repairStack(
  session: EngineSession,
  seen: ObservedState,
  only: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const kinds = kindsOf(seen, only);
  const pools = [...kinds].flatMap(([resource, kind]) => (kind === 'pool' ? [resource] : []));
  const observed = await withLostRecords(session, seen, pools, signal);
  const context = { ...session.look(observed, signal), active: { ...knownAddresses(observed) } };
  const failures: unknown[] = [];
  for (const tier of tiers) {
    const resources = [...kinds].filter(([, kind]) => tier.includes(kind));
    const results = await Promise.allSettled(
      resources.map(([resource, kind]) =>
        kind === 'pool' ? repairPool(context, resource) : repairSingle(context, resource, kind),
      ),
    );
    // What an abort has ended is not lost.
    signal.throwIfAborted();
    for (const [index, result] of results.entries())
      if (result.status === 'rejected')
        failures.push(aboutResource(result.reason, declaredPathOf(context, resources[index]?.[0] ?? '')));
  }
  if (failures.length > 0) throw runFailure(seen.stack, failures);
}

/** What there should be: as the last run noted it, and what is there beside. A pool's front is a part of the pool. */
function kindsOf(observed: ObservedState, only: string | undefined): ReadonlyMap<string, Kind> {
  const there = observed.containers
    .filter(({ role }) => !backstage.includes(role))
    .map((each) => [each.resource, kindOf(each)] as const);
  const all = new Map<string, Kind>([...there, ...inventoryOf(observed)]);
  if (only === undefined) return all;
  const found = new Map([...all].filter(([resource]) => declaredName(resource) === only));
  if (found.size > 0) return found;
  const known = [...new Set([...all.keys()].map(declaredName))].sort();
  throw new PlumbstackError('NOT_FOUND', `the stack "${observed.stack}" has no resource "${only}".`, {
    resource: resourcePath(observed.stack, only),
    details: { known },
    hint: `It has: ${known.join(', ') || 'nothing'}.`,
  });
}

/** A record outlives its HAProxy: it lies in a volume, which is read through a container that never runs. */
async function withLostRecords(
  session: EngineSession,
  observed: ObservedState,
  pools: readonly string[],
  signal: AbortSignal,
): Promise<ObservedState> {
  const lost = pools.filter(
    (pool) =>
      containersOf(observed, pool, 'balancer').length === 0 &&
      observed.volumes.some(({ name }) => name === configVolumeName(observed.stack, pool, 'balancer')),
  );
  const found = await Promise.all(
    lost.map(async (pool) => [pool, await lostConfig(session, observed.stack, pool, signal)] as const),
  );
  const configs = Object.fromEntries(
    found.flatMap(([pool, files]) =>
      typeof files === 'string' || files === undefined ? [] : [[pool, files]],
    ),
  );
  return { ...observed, configs: { ...observed.configs, ...configs } };
}

async function lostConfig(
  { client }: EngineSession,
  stack: string,
  pool: string,
  signal: AbortSignal,
): ReturnType<typeof readConfig> {
  const call = { signal };
  await using container = await temporaryContainer({ client, stack, call }, pool, {
    ...emptyImage.creation,
    name: copyName(stack, pool),
    mounts: [
      {
        type: 'volume',
        name: configVolumeName(stack, pool, 'balancer'),
        target: configFolder,
        readOnly: true,
      },
    ],
  });
  return await readConfig(client, container.id, readParts.balancer, call);
}

/** Makes, starts and lets in whatever of it is missing: its HAProxy, its workers. */
async function repairPool(context: RunContext, pool: string): Promise<void> {
  const { observed } = context;
  const unit = recordedPool(observed, pool);
  if (networkNamed(observed, unit.home) === undefined) throw noNetwork(context, pool, unit.home);
  await convergePool(context, unit);
}

/** Address and port that routers ask each of their targets at: no router is told of another here. */
function knownAddresses(observed: ObservedState): Readonly<Record<string, string>> {
  const routers = observed.containers.filter(({ role }) => role === 'router');
  const records = routers.map(({ resource }) => readRecord<RouterRecord>(observed, resource));
  return Object.fromEntries(records.flatMap((record) => Object.entries(record?.active ?? {})));
}

async function repairSingle(
  context: RunContext,
  resource: string,
  kind: Exclude<Kind, 'pool'>,
): Promise<void> {
  const { client, call, observed } = context;
  const found = servingContainer(containersOf(observed, resource, kind));
  if (found === undefined) throw lost(context, resource, 'its container is gone');
  const { id, name, state } = found;
  if (state === 'created' || state === 'dead')
    throw lost(context, resource, `its container ${name} never ran`);
  await bringHome(context, found);
  await Promise.all(
    lostGuestNetworks(found, observed).map((network) =>
      client.connectNetwork(network, id, { aliases: [] }, call),
    ),
  );
  if (state === 'running') return;
  if (state === 'paused') await client.unpauseContainer(id, call);
  // The engine would wait longer and longer before its next attempt.
  if (state === 'restarting') await client.restartContainer(id, 0, call);
  if (state === 'exited') await startContainer(context, resource, id, name);
  await waitAgain(context, found, describedCheck(found));
  if (kind !== 'router')
    context.emit('app:healthy', { resource: pathOf(context, resource), container: name });
}

async function bringHome(context: RunContext, container: ObservedContainer): Promise<void> {
  const { client, call, observed } = context;
  const { id, resource, address, summary } = container;
  if (isAtHome(container, observed)) return;
  const home = summary.labels[label.network] ?? '';
  if (address === undefined || networkOf(observed, address) !== home)
    throw noNetwork(context, resource, home);
  await client.connectNetwork(home, id, { aliases: [resource], address }, call);
}

/** Networks of what a router sends requests to, where it is not in them. */
function lostGuestNetworks(container: ObservedContainer, observed: ObservedState): readonly string[] {
  if (container.role !== 'router') return [];
  const active = readRecord<RouterRecord>(observed, container.resource)?.active ?? {};
  const names = Object.values(active).flatMap((server) => {
    const [address = ''] = server.split(':');
    return address === '' ? [] : (networkOf(observed, address) ?? []);
  });
  return [...new Set(names)].filter((name) => !isIn(container, name, observed));
}

function noNetwork(context: RunContext, resource: string, network: string): PlumbstackError {
  return new PlumbstackError('NOT_FOUND', `its network ${network} is gone.`, {
    resource: declaredPathOf(context, resource),
    details: { network },
    hint: 'Bring it back with its program: up.',
  });
}

function lost(context: RunContext, resource: string, what: string): PlumbstackError {
  return new PlumbstackError('NOT_FOUND', `${what}, and nothing on the engine says how to make another.`, {
    resource: declaredPathOf(context, resource),
    hint: 'Bring it back with its program: up.',
  });
}
