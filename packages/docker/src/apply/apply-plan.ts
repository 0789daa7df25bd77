import { aboutResource } from '@plumbstack/core';
import type { VolumeCreation } from '../client/docker-client.js';
import { isSubnetTaken } from '../client/docker-failure.js';
import type { DockerSpec, RouterUnit, Unit } from '../compile/docker-spec.js';
import { label } from '../labels.js';
import type { Diff } from '../plan/diff.js';
import { networksOf, workerPlace } from '../plan/container-networks.js';
import { formerContainers } from '../plan/former.js';
import { portMoves, takenOver } from '../plan/held-ports.js';
import { unwantedNetworks } from '../plan/network-step.js';
import { containersOf } from '../plan/serving.js';
import { convergePool } from './converge-pool.js';
import { convergeRouter } from './converge-router.js';
import { convergeApp, convergeService } from './converge-single.js';
import { ensureVolume } from './ensure-volume.js';
import { leaveNetworks } from './leave-networks.js';
import { removeConfig } from './remove-config.js';
import { removeContainer } from './remove-container.js';
import { removeScratch } from './remove-scratch.js';
import { replaceKind } from './replace-kind.js';
import { runFailure } from './run-failure.js';
import { pathOf, type RunContext } from './run-context.js';
import { failuresSince } from './still-up.js';
import { runStep, type StepOutcome } from './run-step.js';
import { removeNetworks } from './strangers.js';

/** How long a container that has no successor may take to stop. */
const clearGraceMs = 10_000;

/** Does what a diff says. Independent steps go on when one fails; what needs a failed one is skipped and named. */
export async function applyDiff(context: RunContext, desired: DockerSpec, diff: Diff): Promise<void> {
  await applyVolumes(context, desired);
  const failures = await applyUnits(context, desired, diff);
  // What an abort has ended is not a failure of the resource.
  context.signal.throwIfAborted();
  // Whoever runs all this knows another subnet.
  const refused = failures.find((each): each is Error => each instanceof Error && isSubnetTaken(each));
  if (refused !== undefined) throw refused;
  if (failures.length > 0) throw runFailure(context.stack, failures);
  const ended = await failuresSince(context, desired);
  context.signal.throwIfAborted();
  if (ended.length > 0) throw runFailure(context.stack, ended);
  await context.networks.all();
  await leaveNetworks(context, desired);
  await removeOrphans(context, diff);
  await removeNetworks(context, unwantedNetworks(desired, context.observed));
  await removeScratch(context);
}

async function applyVolumes(context: RunContext, { volumes, inventory }: DockerSpec): Promise<void> {
  await Promise.all([
    applyInventory(context, inventory),
    ...volumes.map(({ resource, creation }) => ensureVolume(context, resource, creation)),
  ]);
}

/** Labels cannot be changed: another inventory is another volume. */
async function applyInventory(context: RunContext, inventory: VolumeCreation): Promise<void> {
  const { client, call, observed } = context;
  const seen = observed.volumes.find(({ name }) => name === inventory.name);
  const noted = [label.resources, label.drainTimeouts];
  if (noted.every((each) => seen?.labels[each] === inventory.labels[each])) return;
  if (seen !== undefined) await client.removeVolume(seen.name, call);
  const volumes = observed.volumes.filter((each) => each !== seen);
  await ensureVolume({ ...context, observed: { ...observed, volumes } }, 'inventory', inventory);
}

type Outcome = StepOutcome | { readonly skipped: string };

/** Every unit as soon as what it needs is healthy. */
async function applyUnits(context: RunContext, desired: DockerSpec, diff: Diff): Promise<readonly unknown[]> {
  const units = new Map(desired.units.map((unit) => [unit.resource, unit]));
  const { after: ports } = portMoves(desired, context.observed);
  const outcomes = new Map<string, Promise<Outcome>>();
  const start = (unit: Unit): Promise<Outcome> => {
    const begun = outcomes.get(unit.resource);
    if (begun !== undefined) return begun;
    // A new router starts beside its targets: it knows their addresses. One that serves changes when they are there.
    const after =
      unit.kind === 'router' && !startsBesideTargets(context, unit) ? unit.config.targets : unit.dependsOn;
    const needs = [...new Set([...after, ...(ports.get(unit.resource) ?? [])])].flatMap((name) => {
      const needed = units.get(name);
      return needed === undefined ? [] : [{ name, outcome: start(needed) }];
    });
    const outcome = applyUnit(context, unit, diff, needs);
    outcomes.set(unit.resource, outcome);
    return outcome;
  };
  const isRouter = ({ kind }: Unit): boolean => kind === 'router';
  const inOrder = [...desired.units].sort((a, b) => Number(isRouter(a)) - Number(isRouter(b)));
  const all = await Promise.all(inOrder.map(start));
  return all.flatMap((each) => (typeof each === 'object' && 'failed' in each ? [each.failed] : []));
}

/** Whether a router is new, and none of its targets has yet to give it a host port. */
function startsBesideTargets({ observed }: RunContext, unit: RouterUnit): boolean {
  return (
    containersOf(observed, unit.resource, 'router').length === 0 && takenOver(unit, observed).length === 0
  );
}

interface Need {
  readonly name: string;
  readonly outcome: Promise<Outcome>;
}

async function applyUnit(
  context: RunContext,
  unit: Unit,
  diff: Diff,
  needs: readonly Need[],
): Promise<Outcome> {
  const resource = pathOf(context, unit.resource);
  for (const { name, outcome } of needs) {
    // A router serves its other routes whatever became of one target.
    if ((await outcome) === 'done' || unit.kind === 'router') continue;
    context.emit('step:skipped', { resource, because: pathOf(context, name) });
    return { skipped: name };
  }
  const step = diff.plan.steps.find((each) => each.resource === resource && each.kind === unit.kind);
  if (!diff.changed.has(unit.resource) || step === undefined) return 'done';
  try {
    await Promise.all(neededNetworks(unit).map((name) => context.networks.ready(name)));
  } catch (error) {
    return { failed: aboutResource(error, resource) };
  }
  const former = formerContainers(unit, context.observed);
  return runStep(context, step, () =>
    former.length > 0
      ? replaceKind(context, unit, former, (seen) => convergeUnit(seen, unit))
      : convergeUnit(context, unit),
  );
}

/** Networks that must be there before a unit's containers are made. A router is put into its targets' while it runs. */
function neededNetworks(unit: Unit): readonly string[] {
  if (unit.kind === 'router') return [unit.home];
  return [...networksOf(unit), ...(unit.kind === 'pool' ? networksOf(workerPlace(unit)) : [])];
}

function convergeUnit(context: RunContext, unit: Unit): Promise<void> {
  switch (unit.kind) {
    case 'app':
      return convergeApp(context, unit);
    case 'service':
      return convergeService(context, unit);
    case 'pool':
      return convergePool(context, unit);
    case 'router':
      return convergeRouter(context, unit);
  }
}

/** What the program no longer has; last, when nothing leads to it any more. */
async function removeOrphans(context: RunContext, { orphans, plan }: Diff): Promise<void> {
  for (const step of plan.steps.filter(({ action, kind }) => action === 'delete' && kind !== 'network')) {
    const name = step.resource.slice(context.stack.length + 1);
    const own = orphans.filter(({ resource }) => resource === name);
    const outcome = await runStep(context, step, async () => {
      await Promise.all(own.map((each) => removeContainer(context, each, clearGraceMs)));
      await removeConfig(context, name, own);
      context.emit('resource:removed', { resource: step.resource });
    });
    if (outcome !== 'done') throw outcome.failed;
  }
}
