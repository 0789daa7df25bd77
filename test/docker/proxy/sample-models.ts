import type { HaproxyModel, NginxModel, NginxRoute } from '@plumbstack/docker/proxy';

/** A route with every option at core's default. */
export function sampleRoute(
  prefix: string,
  target: NginxRoute['target'],
  more: Partial<NginxRoute> = {},
): NginxRoute {
  return {
    prefix,
    target,
    stripPrefix: true,
    timeoutMs: 60_000,
    webSocketTimeoutMs: 3_600_000,
    buffering: true,
    allow: [],
    deny: [],
    headers: {},
    ...more,
  };
}

export function upstream(name: string, ...servers: readonly string[]): NginxRoute['target'] {
  return { type: 'upstream', name, servers, pool: false, keepAlive: false };
}

export function sampleNginx(more: Partial<NginxModel> = {}): NginxModel {
  return {
    port: 8080,
    serverNames: [],
    root: '/usr/share/nginx/html',
    maxBodyBytes: 10 * 1024 * 1024,
    compress: true,
    accessLog: 'json',
    headers: {},
    trustedProxies: [],
    ownNetworks: [],
    errorPages: {},
    drainTimeoutMs: 3_600_000,
    routes: [],
    statusPort: 9998,
    revision: 'c0ffee',
    ...more,
  };
}

export function sampleHaproxy(more: Partial<HaproxyModel> = {}): HaproxyModel {
  return {
    pool: 'workers',
    port: 8080,
    adminPort: 9999,
    believed: [],
    keepAlive: false,
    slots: [],
    balance: { algorithm: 'leastconn' },
    queue: { limit: 1024, timeoutMs: 30_000 },
    sticky: { type: 'none' },
    health: { type: 'tcp', intervalMs: 1000, timeoutMs: 2000, retries: 3 },
    timeoutMs: 60_000,
    webSocketTimeoutMs: 3_600_000,
    drainTimeoutMs: 3_600_000,
    revision: 'c0ffee',
    ...more,
  };
}

/** Slots w1 to w<n> at consecutive addresses. */
export function sampleSlots(base: string, first: number, count: number): HaproxyModel['slots'] {
  return Array.from({ length: count }, (_, index) => ({
    number: index + 1,
    address: `${base}.${first + index}:8000`,
  }));
}
