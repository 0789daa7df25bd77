import type { HealthSpec } from '@plumbstack/core';
import type { PoolUnit } from '../compile/docker-spec.js';
import { slotName, workerName } from '../object-names.js';
import { beingOf } from '../plan/being.js';
import { workerPlace } from '../plan/container-networks.js';
import type { ObservedContainer } from '../plan/observed-state.js';
import { asksTheSame } from '../plan/pool-version.js';
import { discard, runContainer } from './create-container.js';
import { pollUntil } from './deadline.js';
import type { HaproxyAdmin } from './haproxy-admin.js';
import type { LoadContent } from './load-content.js';
import { mendContainer } from './mend-container.js';
import { endingBalancers } from '../proxy/index.js';
import { removeContainer } from './remove-container.js';
import { pathOf, type RunContext } from './run-context.js';
import { vantagesOf } from './switch-routers.js';
import { untilEnded } from './until-ended.js';
import { waitUntilHealthy } from './wait-until-healthy.js';

/** A worker that runs or will: its slot, and its container. */
export interface Worker {
  readonly number: number;
  readonly id: string;
  readonly name: string;
  readonly state: ObservedContainer['state'];
}

/** A worker that was there before this run. */
export type KeptWorker = ObservedContainer & Worker;

/** One pool, its HAProxy, and what this run does with its workers. */
export interface PoolRun {
  readonly context: RunContext;
  readonly unit: PoolUnit;
  /** Workers of a pool that is made may start while it does, and wait for it to join. */
  readonly balancer: Promise<Balancer>;
  /** Whether no worker of the pool has served yet. */
  readonly isNew: boolean;
  /** Whether HAProxy is about to be given another check. */
  readonly isRechecked: boolean;
  /** Reads what the workers' files hold. */
  readonly load: LoadContent;
}

export interface Balancer {
  /** HAProxy's container: it can look at workers from inside the network. */
  readonly id: string;
  readonly admin: HaproxyAdmin;
}

/**
 * Starts a worker on a slot that HAProxy leaves alone meanwhile. Its check may be one that the worker passes before it
 * answers as it should: an open port, or what the version before is asked for.
 */
export async function startWorker(run: PoolRun, number: number): Promise<Worker> {
  const { context, unit } = run;
  const name = workerName(context.stack, unit.resource, number);
  // Beside the creation: it has to be done when the worker starts.
  const held = mustHold(run) ? holdSlot(run, number) : undefined;
  // It is awaited before the start; until then, its failure is no unhandled rejection.
  held?.catch(() => undefined);
  try {
    const id = await runContainer(context, {
      resource: unit.resource,
      name,
      template: unit.worker.container,
      place: workerPlace(unit),
      address: addressOf(unit, number),
      aliases: [],
      hostname: `${unit.resource}-${number}`,
      worker: number,
      load: run.load,
      prepare: async () => held,
    });
    const worker: Worker = { number, id, name, state: 'running' };
    try {
      await untilHealthy(run, worker);
      await join(run, worker);
    } catch (error) {
      await discard(context, id);
      throw error;
    }
    return worker;
  } catch (error) {
    // Nobody is there to be held. That it could not be told is no second error: the next who starts there tells it again.
    await held?.catch(() => undefined);
    if (held !== undefined) await vacate(run, number).catch(() => undefined);
    throw error;
  }
}

/** In a pool that is made nobody loses by a worker that HAProxy's check finds first, where that asks for as much. */
function mustHold({ isNew, unit }: PoolRun): boolean {
  return (
    !isNew ||
    unit.worker.health.type === 'command' ||
    !asksTheSame(unit.config.model.health, unit.worker.health)
  );
}

async function holdSlot({ balancer, unit }: PoolRun, number: number): Promise<void> {
  const { admin } = await balancer;
  const address = `${addressOf(unit, number)}:${unit.worker.port}`;
  // The slot may have been an old worker's, at the port of the version before.
  await Promise.all([admin.hold(number), admin.move([{ number, address }])]);
}

function addressOf({ worker: { slots } }: PoolUnit, number: number): string {
  return slots[number - 1] ?? '';
}

async function vacate({ balancer }: PoolRun, number: number): Promise<void> {
  await (await balancer).admin.vacate(number);
}

/** A worker that is up to date, and should be running. */
export async function revive(run: PoolRun, worker: KeptWorker): Promise<void> {
  const { context, unit } = run;
  const name = workerName(context.stack, unit.resource, worker.number);
  const { container: template } = unit.worker;
  await mendContainer(context, { container: worker, template, name, place: workerPlace(unit), aliases: [] });
  const { admin } = await run.balancer;
  const isIn = worker.state === 'running' && (await admin.up()).has(slotName(worker.number));
  // Who serves may be busy for long, and not answer before it has finished.
  if (isIn && !run.isRechecked && beingOf(worker.summary) === 'up') return;
  await untilHealthy(run, { ...worker, name });
  if (!isIn) await join(run, { ...worker, name });
}

/** Waits until a worker passes its app's check and HAProxy's. */
async function untilHealthy(run: PoolRun, worker: Worker): Promise<void> {
  const { context, unit } = run;
  const { id } = await run.balancer;
  const waitFor = (health: HealthSpec): Promise<void> =>
    waitUntilHealthy(context, {
      resource: unit.resource,
      id: worker.id,
      address: addressOf(unit, worker.number),
      port: unit.worker.port,
      health,
      timeoutMs: unit.worker.startTimeoutMs,
      dependsOn: unit.dependsOn,
      vantages: [id, ...vantagesOf(context, unit.resource)],
    });
  await waitFor(unit.worker.health);
  // One that only passes the first would be taken out again in the next moment.
  if (!asksTheSame(unit.worker.health, unit.config.model.health)) await waitFor(unit.config.model.health);
}

/** Gives a worker requests. */
async function join(run: PoolRun, worker: Worker): Promise<void> {
  const { admin } = await run.balancer;
  await admin.admit(worker.number);
  run.context.emit('worker:joined', aboutWorker(run, worker));
}

export async function retireAll(run: PoolRun, workers: readonly Worker[]): Promise<void> {
  if (workers.length === 0) return;
  const forgotten = workersForgotten(run);
  // It is awaited when a worker has nothing left to answer; until then, its failure is no unhandled rejection.
  forgotten.catch(() => undefined);
  await Promise.all(workers.map((each) => retireWorker(run, each, forgotten)));
}

/**
 * HAProxy's processes of before a reload have their own picture of the pool, and nobody can ask them: what they answer, and
 * what comes over a connection that was idle when they were told to end, is theirs to give to a worker that leaves.
 */
async function workersForgotten({ context, unit, balancer }: PoolRun): Promise<void> {
  const { id } = await balancer;
  await untilEnded(context, id, endingBalancers, unit.spec.drainTimeoutMs);
}

/** No new requests, then the end of those it has or the deadline, then the stop: in this order, nothing is lost. */
async function retireWorker(run: PoolRun, worker: Worker, forgotten: Promise<void>): Promise<void> {
  const { context, unit } = run;
  if (worker.state === 'running') await Promise.all([drain(run, worker), forgotten]);
  await removeContainer(context, worker, unit.worker.stopGraceMs);
  await vacate(run, worker.number);
  context.emit('worker:left', aboutWorker(run, worker));
}

async function drain(run: PoolRun, worker: Worker): Promise<void> {
  const { context, unit, balancer } = run;
  const { admin } = await balancer;
  context.emit('worker:draining', aboutWorker(run, worker));
  await admin.drain(worker.number);
  await pollUntil(
    async () => {
      const server = await admin.server(worker.number);
      if (server === undefined) return true;
      // A HAProxy that has restarted meanwhile knows nothing of it.
      if (server.state === 'up') await admin.drain(worker.number);
      return server.state !== 'up' && server.sessions + server.queued === 0 ? true : undefined;
    },
    {
      ...{ signal: context.signal, timeoutMs: unit.spec.drainTimeoutMs, intervalMs: 50 },
      waitedFor: () => `the requests of ${worker.name}, which is drained, to end`,
    },
  );
}

/** Starts a worker's container again, drained first. */
export async function restartWorker(run: PoolRun, worker: Worker): Promise<void> {
  const { context, unit } = run;
  const { client, call } = context;
  if (worker.state === 'running') await Promise.all([drain(run, worker), workersForgotten(run)]);
  try {
    await client.restartContainer(worker.id, unit.worker.stopGraceMs, call);
    context.emit('container:started', { resource: pathOf(context, unit.resource), container: worker.name });
    await untilHealthy(run, worker);
  } catch (error) {
    // It is none of a new version: where it comes up later, it is let in by its check. A HAProxy that cannot be told has the
    // slot draining, which is not what this error is about.
    await vacate(run, worker.number).catch(() => undefined);
    throw error;
  }
  await join(run, worker);
}

function aboutWorker(
  { context, unit }: PoolRun,
  { name, number }: Worker,
): { readonly resource: string; readonly container: string; readonly worker: string } {
  return { resource: pathOf(context, unit.resource), container: name, worker: slotName(number) };
}
