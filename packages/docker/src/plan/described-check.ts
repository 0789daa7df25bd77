import { poolPort, routerPort, type HealthSpec } from '@plumbstack/core';
import { askingHost } from '../compile/checked-host.js';
import { openPort } from '../compile/open-port.js';
import type { Role } from '../labels.js';
import type { ObservedContainer } from './observed-state.js';

/** How to see whether a container is well; neither where only its process can tell. */
export interface DescribedCheck {
  readonly port?: number;
  readonly health?: HealthSpec;
}

/** What both proxies listen on in their containers, whatever they are described as. */
const proxyPort: Readonly<Partial<Record<Role, number>>> = { router: routerPort, balancer: poolPort };

/**
 * The check that a container was made with, by its labels: for whoever has no program at hand. A proxy has to take
 * connections: one that crashes again and again runs for moments too.
 */
export function describedCheck({ identity, role }: ObservedContainer): DescribedCheck {
  const {
    port = proxyPort[role],
    health,
    checkedHost,
  } = identity as DescribedCheck & { readonly checkedHost?: string };
  if (port === undefined) return health === undefined ? {} : { health };
  return { port, health: askingHost(health ?? openPort, checkedHost) };
}
