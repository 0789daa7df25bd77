import type { PoolUnit } from '../compile/docker-spec.js';
import { configFolder } from '../compile/proxy-container.js';
import { slotName, workerName } from '../object-names.js';
import { observeStack } from '../observe/observe-stack.js';
import { readRecord, type ObservedContainer, type PoolRecord } from '../plan/observed-state.js';
import { poolRecord, unsettledPoolFiles } from '../plan/proxy-files.js';
import { isStale } from '../plan/container-changes.js';
import { containersOf } from '../plan/serving.js';
import { convergeProxy } from './converge-proxy.js';
import { vantagesOf } from './switch-routers.js';
import { discard, runContainer } from './create-container.js';
import { pauseFor, pollUntil } from './deadline.js';
import { HaproxyAdmin } from './haproxy-admin.js';
import { haproxyCommands } from './proxy-commands.js';
import { mendContainer } from './mend-container.js';
import { removeContainer } from './remove-container.js';
import { pathOf, type RunContext } from './run-context.js';
import { waitUntilHealthy } from './wait-until-healthy.js';

/** A worker that runs or will: its slot, and its container. */
interface Worker {
  readonly number: number;
  readonly id: string;
  readonly name: string;
  readonly state: ObservedContainer['state'];
}

/** A worker that was there before this run. */
type KeptWorker = ObservedContainer & Worker;

/** One pool, its HAProxy, and what this run does with its workers. */
interface PoolRun {
  readonly context: RunContext;
  readonly unit: PoolUnit;
  /** Workers start while it does, and wait for it to join. */
  readonly balancer: Promise<Balancer>;
}

interface Balancer {
  /** HAProxy's container: it can look at workers from inside the network. */
  readonly id: string;
  readonly admin: HaproxyAdmin;
}

/**
 * Brings a pool to what is described, from whatever is there. New workers join when they answer and HAProxy knows their
 * slot; one that leaves is drained first. Where a new version does not come up, the pool goes back to the one before, which
 * is the one that its record describes, in the same way.
 */
export async function convergePool(context: RunContext, unit: PoolUnit): Promise<void> {
  const previous = readRecord<PoolRecord>(context.observed, unit.resource)?.unit;
  try {
    await bringTo(context, unit);
  } catch (error) {
    const isUpdate =
      previous !== undefined && previous.worker.container.digest !== unit.worker.container.digest;
    if (!isUpdate || unit.spec.update.onFailure === 'pause' || context.signal.aborted) throw error;
    const observed = await observeStack(context.client, context.stack, context.call);
    await bringTo({ ...context, observed }, previous);
    const reason = error instanceof Error ? error.message : String(error);
    context.emit('update:rolledback', { resource: pathOf(context, unit.resource), reason });
    throw error;
  }
}

async function bringTo(context: RunContext, unit: PoolUnit): Promise<void> {
  const seen = containersOf(context.observed, unit.resource, 'worker');
  const balancer = convergeBalancer(context, unit);
  // Whoever needs it is told when it fails; until somebody does, that is no unhandled rejection.
  balancer.catch(() => undefined);
  const kept = await clearUnfinished(context, seen);
  const run: PoolRun = { context, unit, balancer };

  const current: KeptWorker[] = [];
  const stale: KeptWorker[] = [];
  for (const each of kept) {
    const number = slotOf(unit, each);
    if (number === undefined) await removeContainer(context, each, unit.worker.stopGraceMs);
    else (isStale(each, unit.worker.container, context.observed) ? stale : current).push({ ...each, number });
  }
  // The last ones go first where there are too many: what does not run before what does.
  const byUse = (a: Worker, b: Worker): number =>
    Number(b.state === 'running') - Number(a.state === 'running') || a.number - b.number;
  current.sort(byUse);
  stale.sort(byUse);

  // What is more than enough goes first: reviving a worker only to drain it helps nobody.
  await retireAll(run, current.splice(unit.spec.replicas));
  await Promise.all(current.map((each) => revive(run, each)));
  await roll(run, current, stale);
  await markPool(context, unit, (await balancer).id, 'settled');
  const before = seen.filter(({ state }) => state === 'running').length;
  if (before !== unit.spec.replicas) {
    context.emit('pool:scaled', {
      resource: pathOf(context, unit.resource),
      from: before,
      to: unit.spec.replicas,
    });
  }
}

async function convergeBalancer(context: RunContext, unit: PoolUnit): Promise<Balancer> {
  const id = await context.inTurn(unit.resource, () =>
    convergeProxy(context, unit, {
      role: 'balancer',
      files: () => unsettledPoolFiles(unit),
      commands: haproxyCommands(context),
      reloaded: 'pool:reloaded',
    }),
  );
  return { id, admin: new HaproxyAdmin(context.client, id, context.call) };
}

/** Notes whether requests go where they should. A run that ends in between leaves the note for the next one. */
async function markPool(
  { client, call }: RunContext,
  unit: PoolUnit,
  balancer: string,
  state: 'settled' | 'unsettled',
): Promise<void> {
  await client.putFiles(balancer, configFolder, [poolRecord(unit, state === 'settled')], call);
}

/** What was created and never ran may lack its files; what is dead cannot be started. */
async function clearUnfinished(
  context: RunContext,
  seen: readonly ObservedContainer[],
): Promise<readonly ObservedContainer[]> {
  const unfinished = seen.filter(({ state }) => state === 'created' || state === 'dead');
  await Promise.all(unfinished.map((each) => removeContainer(context, each, 0)));
  return seen.filter((each) => !unfinished.includes(each));
}

/** The slot that a worker sits on; none where its address is no longer this pool's. */
function slotOf({ worker: { slots } }: PoolUnit, { address, worker }: ObservedContainer): number | undefined {
  return worker !== undefined && address !== undefined && slots[worker - 1] === address ? worker : undefined;
}

/**
 * Replaces stale workers and fills up, a batch at a time. There are never fewer workers than before: start-first has
 * `parallelism` more meanwhile, stop-first that many fewer, which is what it is for.
 */
async function roll(run: PoolRun, kept: readonly Worker[], stale: Worker[]): Promise<void> {
  const { unit, context } = run;
  const { replicas, update } = unit.spec;
  const current: Worker[] = [...kept];
  const free = freeSlots(unit, [...current, ...stale]);
  const fill = replicas - current.length - stale.length;
  if (fill > 0) current.push(...(await join(run, take(free, fill))));
  // Fewer are wanted than there are old ones: the surplus needs no successor.
  await retireAll(run, stale.splice(Math.max(0, replicas - current.length)));
  while (stale.length > 0) {
    context.signal.throwIfAborted();
    const batch = stale.splice(0, update.parallelism);
    if (update.order === 'stop-first') await retireAll(run, batch);
    current.push(...(await join(run, take(free, batch.length))));
    if (update.order === 'start-first') await retireAll(run, batch);
    free.push(...batch.map(({ number }) => number));
    if (stale.length > 0 && update.delayMs > 0) await pauseFor(update.delayMs, context.signal);
  }
}

function freeSlots({ worker: { slots } }: PoolUnit, taken: readonly Worker[]): number[] {
  return slots.map((_, index) => index + 1).filter((number) => !taken.some((each) => each.number === number));
}

/** There are always enough: the address plan holds replicas and one batch. */
function take(free: number[], count: number): readonly number[] {
  return free.splice(0, count);
}

/** Starts workers on these slots. What came up stays, whatever became of the others. */
async function join(run: PoolRun, numbers: readonly number[]): Promise<readonly Worker[]> {
  const results = await Promise.allSettled(numbers.map((number) => startWorker(run, number)));
  const failed = results.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return results.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
}

async function startWorker(run: PoolRun, number: number): Promise<Worker> {
  const { context, unit } = run;
  const name = workerName(context.stack, unit.resource, number);
  const id = await runContainer(context, {
    resource: unit.resource,
    name,
    template: unit.worker.container,
    address: unit.worker.slots[number - 1] ?? '',
    aliases: [],
    hostname: `${unit.resource}-${number}`,
    worker: number,
  });
  const worker: Worker = { number, id, name, state: 'running' };
  try {
    await admit(run, worker, true);
  } catch (error) {
    await discard(context, id);
    throw error;
  }
  return worker;
}

/** A worker that is up to date, and should be running. */
async function revive(run: PoolRun, worker: KeptWorker): Promise<void> {
  const { context, unit } = run;
  const name = workerName(context.stack, unit.resource, worker.number);
  await mendContainer(context, { container: worker, template: unit.worker.container, name, aliases: [] });
  await admit(run, { ...worker, name }, worker.state !== 'running');
}

/** Waits until a worker answers, and gives it requests. */
async function admit(run: PoolRun, worker: Worker, isNew: boolean): Promise<void> {
  const { context, unit } = run;
  const { id, admin } = await run.balancer;
  await waitUntilHealthy(context, {
    resource: unit.resource,
    id: worker.id,
    address: unit.worker.slots[worker.number - 1] ?? '',
    port: unit.worker.port,
    health: unit.worker.health,
    timeoutMs: unit.worker.startTimeoutMs,
    vantages: [id, ...vantagesOf(context, unit.resource)],
  });
  // A worker that was in before does not join again.
  const isIn = !isNew && (await admin.up()).has(slotName(worker.number));
  if (isIn) return;
  await admin.admit(worker.number);
  context.emit('worker:joined', {
    resource: pathOf(context, unit.resource),
    container: worker.name,
    worker: slotName(worker.number),
  });
}

async function retireAll(run: PoolRun, workers: readonly Worker[]): Promise<void> {
  await Promise.all(workers.map((each) => retireWorker(run, each)));
}

/** No new requests, then the end of those it has or the deadline, then the stop: in this order, nothing is lost. */
export async function retireWorker(run: PoolRun, worker: Worker): Promise<void> {
  const { context, unit } = run;
  const { admin } = await run.balancer;
  const about = {
    resource: pathOf(context, unit.resource),
    container: worker.name,
    worker: slotName(worker.number),
  };
  if (worker.state === 'running') {
    context.emit('worker:draining', about);
    await drainWorker(run, worker.number);
  }
  await removeContainer(context, worker, unit.worker.stopGraceMs);
  await admin.vacate(worker.number);
  context.emit('worker:left', about);
}

async function drainWorker({ balancer, unit, context }: PoolRun, number: number): Promise<void> {
  const { admin } = await balancer;
  await admin.drain(number);
  await pollUntil(
    async () => {
      const server = await admin.server(number);
      return server === undefined || server.sessions + server.queued === 0 ? true : undefined;
    },
    { signal: context.signal, timeoutMs: unit.spec.drainTimeoutMs, intervalMs: 50 },
  );
}

/** Restarts every worker, one after the other, each drained first. */
export async function restartWorkers(context: RunContext, unit: PoolUnit, balancer: string): Promise<void> {
  const admin = new HaproxyAdmin(context.client, balancer, context.call);
  const run: PoolRun = { context, unit, balancer: Promise.resolve({ id: balancer, admin }) };
  await markPool(context, unit, balancer, 'unsettled');
  for (const container of containersOf(context.observed, unit.resource, 'worker')) {
    const number = slotOf(unit, container);
    if (number === undefined) continue;
    context.signal.throwIfAborted();
    const worker: Worker = { ...container, number };
    if (container.state === 'running') {
      context.emit('worker:draining', {
        resource: pathOf(context, unit.resource),
        container: worker.name,
        worker: slotName(number),
      });
      await drainWorker(run, number);
    }
    await context.client.restartContainer(worker.id, unit.worker.stopGraceMs, context.call);
    context.emit('container:started', { resource: pathOf(context, unit.resource), container: worker.name });
    await admin.vacate(number);
    await admit(run, { ...worker, state: 'running' }, true);
  }
  await markPool(context, unit, balancer, 'settled');
}
