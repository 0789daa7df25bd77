import {
  defaultRouterImage,
  poolPort,
  type PoolSpec,
  type ResourceSpec,
  type RouterSpec,
  type StackSpec,
} from '@plumbstack/core';
import { frontName } from '../object-names.js';

/** Longest silence of a worker where nobody says otherwise: as long as any route may wait. */
export const workerTimeoutMs = 3_600_000;

/** How long a WebSocket may be silent, and how long what visitors have begun goes on after a reload: an hour, as with a router. */
const visitorsLimitMs = 3_600_000;

/**
 * Largest body of a request to a pool's own port. Without a limit, bodies would be passed on as they come, and the slowest
 * visitor would hold a worker; they wait on disk, which has one too.
 */
const maxFrontBodyBytes = 1024 ** 3;

/**
 * Gives each pool that publishes a port a front: a router of its own, which holds the port in HAProxy's stead and leads to the
 * pool alone. HAProxy cannot keep a slow visitor's body or answer away from a worker, believes what strangers say of other
 * visitors, and cannot be replaced while it holds a port. nginx can, does not, and need not be. Pure.
 */
export function withFronts(spec: StackSpec): StackSpec {
  return {
    ...spec,
    resources: spec.resources.flatMap((each) => (each.kind === 'pool' ? withFront(each) : [each])),
  };
}

function withFront(pool: PoolSpec): readonly ResourceSpec[] {
  const { trustedProxies: _, ...behind } = pool;
  const isForVisitors = ({ containerPort }: PoolSpec['publish'][number]): boolean =>
    containerPort === poolPort;
  const published = pool.publish.filter(isForVisitors);
  if (published.length === 0) return [behind];
  // What leads to another port of HAProxy's container is no business of visitors.
  const others = pool.publish.filter((each) => !isForVisitors(each));
  return [{ ...behind, publish: others }, frontOf(pool, published)];
}

/** Changes as little of a request and an answer as a router can. */
function frontOf(pool: PoolSpec, publish: PoolSpec['publish']): RouterSpec {
  return {
    kind: 'router',
    name: frontName(pool.name),
    publish,
    serverName: [],
    maxBodyBytes: maxFrontBodyBytes,
    compress: false,
    // HAProxy logs what fails; a log of every request is a router's.
    accessLog: 'off',
    headers: {},
    trustedProxies: pool.trustedProxies ?? [],
    errorPages: {},
    drainTimeoutMs: visitorsLimitMs,
    ...(pool.logging !== undefined && { logging: pool.logging }),
    routes: [
      {
        prefix: '/',
        target: { type: 'resource', name: pool.name },
        stripPrefix: false,
        timeoutMs: longestAnswerMs(pool),
        webSocketTimeoutMs: visitorsLimitMs,
        buffering: true,
        allow: [],
        deny: [],
        headers: {},
      },
    ],
    image: defaultRouterImage,
  };
}

/** Requests that HAProxy may make of one: `retries 2`. */
const attempts = 3;

/** It is HAProxy that gives a silent worker up, and asks another one: it may be silent itself all the while. */
function longestAnswerMs({ timeoutMs = workerTimeoutMs, queue }: PoolSpec): number {
  return attempts * (queue.timeoutMs + timeoutMs) + 1000;
}
