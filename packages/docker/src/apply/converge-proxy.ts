import type { PoolUnit, RouterUnit } from '../compile/docker-spec.js';
import { openPort } from '../compile/open-port.js';
import { containerName } from '../object-names.js';
import type { ProxyFiles } from '../plan/proxy-files.js';
import { containersOf } from '../plan/serving.js';
import { joinAsGuest } from './attachments.js';
import { convergeContainer } from './converge-container.js';
import { drainTimeoutOf } from './drain-connections.js';
import { ensureVolume } from './ensure-volume.js';
import { switchRouters } from './switch-routers.js';
import { applyConfig, putConfig, type ProxyCommands } from './proxy-config.js';
import { pathOf, type RunContext } from './run-context.js';

/**
 * How long a proxy may take to stop. On its host ports there is nobody meanwhile: it takes no new connection any more, and its
 * successor cannot yet. One without any has been drained before.
 */
export const proxyGraceMs = 2000;

interface Proxy {
  readonly role: 'router' | 'balancer';
  /** Rendered when it is needed: what serves may have moved meanwhile. */
  readonly files: () => ProxyFiles;
  readonly commands: ProxyCommands;
  readonly reloaded: 'router:reloaded' | 'pool:reloaded';
}

/** Brings a proxy's container and its configuration to what is described; resolves to the container's id. */
export async function convergeProxy(
  context: RunContext,
  unit: RouterUnit | PoolUnit,
  proxy: Proxy,
): Promise<string> {
  await ensureVolume(context, unit.resource, unit.config.volume);
  const holdsPorts = containersOf(context.observed, unit.resource, proxy.role).some(
    ({ identityPorts }) => identityPorts.length > 0,
  );
  const { id, address, isNew } = await convergeContainer(context, {
    unit,
    role: proxy.role,
    startFirst: !unit.publishes && proxy.role === 'balancer',
    name: containerName(context.stack, unit.resource),
    port: unit.port,
    health: openPort,
    stopGraceMs:
      unit.publishes || holdsPorts || unit.kind === 'pool'
        ? proxyGraceMs
        : (unit.container.creation.stopGraceMs ?? 10_000),
    drainTimeoutMs: drainTimeoutOf(unit),
    // A successor takes over the volume of a proxy that still runs: what it is given must pass that one's check first.
    beforeReplace: async (old) => {
      await applyConfig(context, unit.resource, old, proxy.files(), proxy.commands);
    },
    // Routers reach a HAProxy at its address; its successor has another.
    ...(proxy.role === 'balancer' && {
      switchTo: (address: string) => switchRouters(context, unit, address),
    }),
    prepare: (container) => putConfig(context, container, proxy.files()),
  });
  if (isNew && proxy.role === 'router') await joinAsGuest(context, id, unit.guests, address);
  if (isNew) return id;
  const reloaded = await applyConfig(context, unit.resource, id, proxy.files(), proxy.commands);
  if (reloaded) context.emit(proxy.reloaded, { resource: pathOf(context, unit.resource) });
  return id;
}
