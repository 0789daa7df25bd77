import type { PoolSpec } from '@plumbstack/core';
import { breathe } from './abortable.js';
import { removeContainer, runContainer, startContainer } from './containers.js';
import type { ContainerRecord, WorkerVersion } from './engine-state.js';
import type { Run } from './run.js';

export function workersOf({ state, stack }: Run, pool: string): readonly ContainerRecord[] {
  return state.workersOf(stack, pool);
}

/** Starts a worker on the lowest free slot, or on the given one. */
export async function startWorker(
  run: Run,
  pool: string,
  { app, secrets }: WorkerVersion,
  slot = freeSlot(run, pool),
): Promise<void> {
  await breathe(run.signal);
  const worker = runContainer(run, {
    name: `${run.stack}-${pool}-${slot}`,
    resource: pool,
    role: 'worker',
    image: app.image,
    spec: app,
    secrets,
    slot,
  });
  run.emit('worker:joined', aboutWorker(worker, run.stack));
}

/** Drains a worker and removes it. */
export async function removeWorker(run: Run, worker: ContainerRecord): Promise<void> {
  await breathe(run.signal);
  leave(run, worker);
  removeContainer(run, worker);
}

/** Drains a worker and starts the same container again. */
export async function restartWorker(run: Run, worker: ContainerRecord): Promise<void> {
  await breathe(run.signal);
  if (worker.state === 'running') leave(run, worker);
  startContainer(run, worker);
  run.emit('worker:joined', aboutWorker(worker, run.stack));
}

/** Starts workers until there are as many, or removes the highest. */
export async function resize(
  run: Run,
  pool: string,
  version: WorkerVersion,
  replicas: number,
): Promise<void> {
  await shrink(run, pool, replicas);
  while (workersOf(run, pool).length < replicas) await startWorker(run, pool, version);
}

export async function shrink(run: Run, pool: string, replicas: number): Promise<void> {
  for (const worker of workersOf(run, pool).slice(replicas).reverse()) await removeWorker(run, worker);
}

/** Replaces workers in batches. The update's `delayMs` passes at once: this engine has no latency. */
export async function roll(
  run: Run,
  { name, update }: PoolSpec,
  version: WorkerVersion,
  old: readonly ContainerRecord[],
): Promise<void> {
  for (let at = 0; at < old.length; at += update.parallelism) {
    const batch = old.slice(at, at + update.parallelism);
    const replace = async (): Promise<void> => {
      for (const worker of batch) await removeWorker(run, worker);
    };
    if (update.order === 'stop-first') await replace();
    for (const worker of batch) {
      await startWorker(run, name, version, update.order === 'stop-first' ? worker.slot : undefined);
    }
    if (update.order === 'start-first') await replace();
  }
}

export function aboutWorker(worker: ContainerRecord, stack: string) {
  return { resource: `${stack}/${worker.resource}`, container: worker.name, worker: `w${worker.slot ?? 0}` };
}

function leave(run: Run, worker: ContainerRecord): void {
  if (worker.state === 'running') run.emit('worker:draining', aboutWorker(worker, run.stack));
  run.emit('worker:left', aboutWorker(worker, run.stack));
}

function freeSlot(run: Run, pool: string): number {
  const taken = new Set(workersOf(run, pool).map(({ slot }) => slot));
  let slot = 1;
  while (taken.has(slot)) slot += 1;
  return slot;
}
