import type { HealthSpec } from '@plumbstack/core';
import { openPort } from '../compile/open-port.js';
import type { ObservedContainer } from './observed-state.js';

/** How to see whether a container is well; neither where only its process can tell. */
export interface DescribedCheck {
  readonly port?: number;
  readonly health?: HealthSpec;
}

/** The check that a container was made with, by its labels: for whoever has no program at hand. */
export function describedCheck({ identity }: ObservedContainer): DescribedCheck {
  const { port, health } = identity as DescribedCheck;
  if (port === undefined) return health === undefined ? {} : { health };
  return { port, health: health ?? openPort };
}
