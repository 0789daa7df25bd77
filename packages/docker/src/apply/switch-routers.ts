import type { AppUnit, PoolUnit, RouterUnit } from '../compile/docker-spec.js';
import { containerName, nextContainerName } from '../object-names.js';
import { endingProcesses, unsentRequests } from '../proxy/index.js';
import { routerFiles } from '../plan/proxy-files.js';
import { containersOf, servingContainer } from '../plan/serving.js';
import { applyConfig } from './proxy-config.js';
import { nginxCommands } from './proxy-commands.js';
import { containerOf, pathOf, type RunContext } from './run-context.js';
import { untilEnded } from './until-ended.js';

/** Tells every router of a target where it is now. Returns when each of them sends requests there. */
export async function switchRouters(
  context: RunContext,
  { resource: target, port }: Pick<AppUnit | PoolUnit, 'resource' | 'port'>,
  address: string,
): Promise<void> {
  context.active[target] = `${address}:${port}`;
  await Promise.all(
    context.routers
      .filter(({ config }) => config.targets.includes(target))
      .map((unit) => context.inTurn(unit.resource, () => switchRouter(context, unit))),
  );
}

async function switchRouter(context: RunContext, unit: RouterUnit): Promise<void> {
  const router = await servingRouter(context, unit);
  if (router === undefined) return;
  const reloaded = await applyConfig(
    context,
    unit.resource,
    router,
    routerFiles(unit, context.active),
    nginxCommands(context),
  );
  if (reloaded) context.emit('router:reloaded', { resource: pathOf(context, unit.resource) });
}

/**
 * Longest time that nginx's processes of before a reload keep a visitor's idle connection for one more request, which
 * they send to where the target was: `keepalive_min_timeout`, and a little.
 */
const lastRequestsMs = 5500;

/**
 * Waits until no process that knows only a target's old address can take another request, nor has one that it is still to
 * send there, as an upload. What they are answering goes on.
 *
 * @param leftMs how long requests that are not sent yet are waited for
 */
export async function oldAddressForgotten(
  context: RunContext,
  target: string,
  leftMs: () => number,
): Promise<void> {
  const routers = context.routers.filter(({ config }) => config.targets.includes(target));
  await Promise.all(
    routers.map(async (unit) => {
      const router = await servingRouter(context, unit);
      if (router === undefined) return;
      await untilEnded(context, router, endingProcesses, lastRequestsMs);
      await untilEnded(context, router, unsentRequests, leftMs());
    }),
  );
}

/**
 * Looked up by name: a run may have replaced the container since the stack was observed. One that ran when the run began
 * and does not now is about to come back, and with what it knew.
 */
async function servingRouter(context: RunContext, { resource }: RouterUnit): Promise<string | undefined> {
  const { stack, observed } = context;
  const ran = containersOf(observed, resource, 'router').filter(({ state }) => state === 'running');
  let away: string | undefined;
  for (const name of [containerName(stack, resource), nextContainerName(stack, resource)]) {
    const found = await containerOf(context, resource, name);
    if (found?.running === true) return found.id;
    if (ran.some(({ id }) => id === found?.id)) away = found?.id;
  }
  return away;
}

/** Containers that can look at a target from inside the network: its routers, while they run. */
export function vantagesOf(context: RunContext, target: string): readonly string[] {
  return context.routers
    .filter(({ config }) => config.targets.includes(target))
    .map((unit) => servingContainer(containersOf(context.observed, unit.resource, 'router')))
    .flatMap((each) => (each?.state === 'running' ? [each.id] : []));
}
