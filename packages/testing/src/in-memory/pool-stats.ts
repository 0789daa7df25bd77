import type { PoolStats } from '@plumbstack/core';
import { isHealthy } from './containers.js';
import type { EngineState } from './engine-state.js';

/** What a test has set for a pool. No request ever passes through this engine, so that the rest is 0. */
export function poolStats(state: EngineState, stack: string, pool: string): PoolStats {
  const none = { sessions: 0, queued: 0, requestsTotal: 0, requestsPerSecond: 0 };
  return {
    pool: `${stack}/${pool}`,
    ...none,
    ...state.stats.get(`${stack}/${pool}`),
    workers: state.workersOf(stack, pool).map((each) => ({
      name: `w${each.slot ?? 0}`,
      state: isHealthy(each) ? 'up' : 'down',
      sessions: 0,
      queued: 0,
      requestsTotal: 0,
      responseTimeMs: 0,
      queueTimeMs: 0,
      failedResponses: 0,
    })),
  };
}
