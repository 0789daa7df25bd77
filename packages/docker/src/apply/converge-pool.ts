import { PlumbstackError } from '@plumbstack/core';
import type { PoolUnit } from '../compile/docker-spec.js';
import { configFolder } from '../compile/proxy-container.js';
import { observeStack } from '../observe/observe-stack.js';
import { isStale } from '../plan/container-changes.js';
import type { ObservedContainer } from '../plan/observed-state.js';
import {
  bridgeOf,
  historyOf,
  settledVersion,
  versionDigest,
  withoutVersion,
  withVersion,
  type PoolHistory,
} from '../plan/pool-version.js';
import {
  poolFiles,
  poolRecord,
  settledPoolRecord,
  unsettledPoolFiles,
  unsettledPoolRecord,
} from '../plan/proxy-files.js';
import { readRecord, type PoolRecord } from '../plan/record.js';
import { containersOf } from '../plan/serving.js';
import type { HaproxyModel } from '../proxy/index.js';
import { inviteRouters } from './attachments.js';
import { convergeProxy } from './converge-proxy.js';
import { checkCode } from './check-code.js';
import { pauseFor } from './deadline.js';
import { HaproxyAdmin } from './haproxy-admin.js';
import { contentsOfPool, loadContent } from './load-content.js';
import {
  restartWorker,
  retireAll,
  revive,
  startWorker,
  type Balancer,
  type KeptWorker,
  type PoolRun,
  type Worker,
} from './pool-worker.js';
import { haproxyCommands } from './proxy-commands.js';
import { applyConfig } from './proxy-config.js';
import { removeContainer } from './remove-container.js';
import { declaredPathOf, pathOf, type RunContext } from './run-context.js';
import { betweenVersions } from './run-failure.js';
import { sweepConfig } from './sweep-config.js';
import { thisProgram } from './this-program.js';

/**
 * Brings a pool to what is described, from whatever is there. New workers join when they answer and HAProxy knows their
 * slot; one that leaves is drained first. Where a new version does not come up, the pool goes back to the one that served
 * before, in the same way.
 */
export async function convergePool(context: RunContext, unit: PoolUnit): Promise<void> {
  const record = poolRecordOf(context, unit);
  try {
    await bringTo(context, unit, arriving(record, unit));
  } catch (error) {
    const settled = settledVersion(record);
    const isUpdate =
      settled !== undefined &&
      (versionDigest(settled) !== versionDigest(unit) ||
        bridgeOf(unit, record, containersOf(context.observed, unit.resource, 'worker')) !== undefined);
    const goesBack = isUpdate && unit.spec.update.onFailure === 'rollback' && !context.signal.aborted;
    if (!goesBack || record?.unit === undefined) throw error;
    const observed = await observeStack(context.client, context.stack, context.call);
    // What was remembered before this run is what can be gone back to after it.
    const { arrival } = settled;
    const { contents: there = [] } = readRecord<PoolRecord>(observed, unit.resource) ?? {};
    const history: PoolHistory = {
      versions: withoutVersion(record.versions ?? [], settled),
      ...(arrival !== undefined && { arrival }),
      isReached: true,
      there,
    };
    const back = bringTo({ ...context, observed }, withVersion(record.unit, settled), history);
    await back.catch((failure: unknown) => {
      throw context.signal.aborted ? failure : betweenVersions(error, failure);
    });
    const reason = error instanceof Error ? error.message : String(error);
    context.emit('update:rolledback', { resource: pathOf(context, unit.resource), reason });
    throw error;
  }
}

/** What the record is to say, with when and by whom a version that has not served alone is brought. */
function arriving(record: Partial<PoolRecord> | undefined, unit: PoolUnit): PoolHistory {
  const history = historyOf(record, unit);
  if (history.isReached || history.arrival !== undefined) return history;
  const isNoted = record?.unit !== undefined && versionDigest(record.unit) === versionDigest(unit);
  const source = unit.source ?? (isNoted ? record.arrival?.source : undefined) ?? imageNameOf(unit);
  return { ...history, arrival: { at: new Date().toISOString(), by: thisProgram(), source } };
}

function imageNameOf({ worker: { container } }: PoolUnit): string {
  return container.creation.imageName ?? container.creation.image;
}

async function bringTo(context: RunContext, unit: PoolUnit, history: PoolHistory): Promise<void> {
  await inviteRouters(context, unit);
  const seen = containersOf(context.observed, unit.resource, 'worker');
  const running = seen.filter(({ state }) => state === 'running');
  const bridge = bridgeOf(unit, poolRecordOf(context, unit), running);
  const balancer = convergeBalancer(context, unit, bridge ?? unit.config.model, history);
  // Whoever needs it is told when it fails; until somebody does, that is no unhandled rejection.
  balancer.catch(() => undefined);
  const kept = await clearUnfinished(context, seen);
  const run: PoolRun = {
    context,
    unit,
    balancer,
    isNew: seen.length === 0,
    isRechecked: bridge !== undefined,
    load: contentsOfPool(context.client, async () => (await balancer).id, context.call),
  };

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
  // All that is left has been seen to pass the check that now comes in force.
  const { id } = await balancer;
  if (bridge !== undefined) await reconfigure(context, unit, id, history);
  await putRecord(context, id, settledPoolRecord(unit, history));
  // Only now nothing leads back to versions that are not to be kept.
  const { named } = poolFiles(unit, history);
  if (history.there.some((each) => !named.includes(each))) await sweepConfig(context, id, named);
  if (running.length !== unit.spec.replicas) {
    context.emit('pool:scaled', {
      resource: pathOf(context, unit.resource),
      from: running.length,
      to: unit.spec.replicas,
    });
  }
}

function poolRecordOf({ observed }: RunContext, { resource }: PoolUnit): Partial<PoolRecord> | undefined {
  return readRecord<PoolRecord>(observed, resource);
}

async function convergeBalancer(
  context: RunContext,
  unit: PoolUnit,
  model: HaproxyModel,
  history: PoolHistory,
): Promise<Balancer> {
  const id = await context.inTurn(unit.resource, () =>
    convergeProxy(context, unit, {
      role: 'balancer',
      files: () => unsettledPoolFiles(unit, model, history),
      commands: haproxyCommands(context, model.slots),
      reloaded: 'pool:reloaded',
    }),
  );
  return { id, admin: HaproxyAdmin.patient(context.client, id, context.call) };
}

/** What is described comes in force where something else was meanwhile. */
async function reconfigure(
  context: RunContext,
  unit: PoolUnit,
  balancer: string,
  history: PoolHistory,
): Promise<void> {
  const { model } = unit.config;
  await context.inTurn(unit.resource, () =>
    applyConfig(
      context,
      unit.resource,
      balancer,
      unsettledPoolFiles(unit, model, history),
      haproxyCommands(context, model.slots),
    ),
  );
  context.emit('pool:reloaded', { resource: pathOf(context, unit.resource) });
}

/** Notes whether requests go where they should. A run that ends in between leaves the note for the next one. */
async function putRecord(
  { client, call }: RunContext,
  balancer: string,
  record: ReturnType<typeof poolRecord>,
): Promise<void> {
  await client.putFiles(balancer, configFolder, [record], call);
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
 * `parallelism` more meanwhile, and as many that finish what they have while the next batch starts; stop-first has that many
 * fewer, which is what it is for.
 */
async function roll(run: PoolRun, kept: readonly Worker[], stale: KeptWorker[]): Promise<void> {
  const { unit, context } = run;
  const { replicas, update } = unit.spec;
  const current: Worker[] = [...kept];
  const free = freeSlots(unit, [...current, ...stale]);
  const fill = replicas - current.length - stale.length;
  if (fill > 0) current.push(...(await join(run, take(free, fill))));
  const retire = async (batch: readonly Worker[]): Promise<void> => {
    await retireAll(run, batch);
    free.push(...batch.map(({ number }) => number));
  };
  // Fewer are wanted than there are old ones: the surplus needs no successor.
  await retire(stale.splice(Math.max(0, replicas - current.length)));
  let leaving: Promise<void> | undefined;
  try {
    while (stale.length > 0) {
      context.signal.throwIfAborted();
      const batch = stale.splice(0, update.parallelism);
      if (update.order === 'stop-first') {
        for (const each of batch) await checkCode(context, unit.resource, each, unit.worker.container);
        await retire(batch);
      }
      // A pool that has all its slots in use waits for those that leave.
      if (free.length < batch.length) await leaving;
      current.push(...(await join(run, take(free, batch.length))));
      await leaving;
      leaving = update.order === 'start-first' ? retire(batch) : undefined;
      // Until it is awaited, its failure is no unhandled rejection.
      leaving?.catch(() => undefined);
      if (stale.length > 0 && update.delayMs > 0) {
        await leaving;
        await pauseFor(update.delayMs, context.signal);
      }
    }
    await leaving;
  } catch (error) {
    // Nothing goes on behind the caller's back.
    await leaving?.catch(() => undefined);
    throw error;
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

/** Restarts every worker, one after the other, each drained first. */
export async function restartWorkers(context: RunContext, unit: PoolUnit, balancer: string): Promise<void> {
  const workers = containersOf(context.observed, unit.resource, 'worker').flatMap((each) => {
    const number = slotOf(unit, each);
    return number === undefined ? [] : [{ ...each, number }];
  });
  if (workers.length === 0 && unit.spec.replicas > 0) throw nobodyThere(context, unit);
  const admin = HaproxyAdmin.patient(context.client, balancer, context.call);
  const run: PoolRun = {
    context,
    unit,
    balancer: Promise.resolve({ id: balancer, admin }),
    isNew: false,
    isRechecked: false,
    load: loadContent,
  };
  const record = poolRecordOf(context, unit);
  await putRecord(context, balancer, unsettledPoolRecord(unit, historyOf(record, unit)));
  for (const worker of workers) {
    context.signal.throwIfAborted();
    await restartWorker(run, worker);
  }
  const { arrival, versions, unsettled } = record ?? {};
  await putRecord(
    context,
    balancer,
    poolRecord(unit, {
      ...(arrival !== undefined && { arrival }),
      ...(versions !== undefined && { versions }),
      // What another run has left half-done stays so.
      ...(unsettled === 'update' && { unsettled }),
    }),
  );
}

function nobodyThere(context: RunContext, { resource, spec }: PoolUnit): PlumbstackError {
  return new PlumbstackError('NOT_FOUND', 'no worker of it is there to be restarted.', {
    resource: declaredPathOf(context, resource),
    details: { replicas: spec.replicas },
    hint: 'Run up to start them.',
  });
}
