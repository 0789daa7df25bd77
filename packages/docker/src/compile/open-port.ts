import type { HealthSpec } from '@plumbstack/core';

/** What is looked at where nobody says how to tell that it is well: whether its port is open. */
export const openPort: HealthSpec = { type: 'tcp', intervalMs: 1000, timeoutMs: 2000, retries: 3 };
