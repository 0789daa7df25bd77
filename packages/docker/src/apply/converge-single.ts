import type { AppUnit, ServiceUnit } from '../compile/docker-spec.js';
import { containerName } from '../object-names.js';
import { inviteRouters } from './attachments.js';
import { convergeContainer } from './converge-container.js';
import { drainTimeoutOf } from './drain-connections.js';
import type { RunContext } from './run-context.js';
import { switchRouters, vantagesOf } from './switch-routers.js';

/** Brings a single app to what is described; without a gap where two may run at once. */
export async function convergeApp(context: RunContext, unit: AppUnit): Promise<void> {
  const { resource, port, health, stopGraceMs, updateOrder } = unit;
  await inviteRouters(context, unit);
  await convergeContainer(context, {
    unit,
    role: 'app',
    name: containerName(context.stack, resource),
    startFirst: updateOrder === 'start-first',
    port,
    health,
    stopGraceMs,
    drainTimeoutMs: drainTimeoutOf(unit),
    vantages: vantagesOf(context, resource),
    switchTo: (address) => switchRouters(context, unit, address),
  });
}

/** Brings a service to what is described. Never two at once: they might share a volume. */
export async function convergeService(context: RunContext, unit: ServiceUnit): Promise<void> {
  const { resource, health, stopGraceMs } = unit;
  await convergeContainer(context, {
    unit,
    role: 'service',
    name: containerName(context.stack, resource),
    startFirst: false,
    ...(health !== undefined && { health }),
    stopGraceMs,
    drainTimeoutMs: drainTimeoutOf(unit),
  });
}
