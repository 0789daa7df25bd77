import { PlumbstackError, poolPort, resourcePath, routerTlsPort } from '@plumbstack/core';
import type { PublishedPort } from '../client/docker-client.js';
import type { ObservedContainer } from '../plan/observed-state.js';

/** Where this machine reaches a published port of a resource. */
export function endpointOf(
  stack: string,
  resource: string,
  containers: readonly ObservedContainer[],
  engineHost: string,
  port: number | undefined,
): URL {
  const published = containers
    .filter(({ role }) => role !== 'worker')
    .flatMap(({ identityPorts }) => identityPorts);
  const wanted = port ?? defaultPort(containers, published);
  const candidates =
    wanted === undefined ? published : published.filter(({ containerPort }) => containerPort === wanted);
  const [first, second] = candidates;
  if (first === undefined) throw notPublished(stack, resource, published, port);
  if (second !== undefined && new Set(candidates.map(({ containerPort }) => containerPort)).size > 1) {
    throw new PlumbstackError('INVALID_OPTION', 'it publishes several ports; say which.', {
      resource: resourcePath(stack, resource),
      details: { published },
      hint: `As endpoint('${resource}', ${first.containerPort}).`,
    });
  }
  return new URL(urlOf(containers, first, engineHost));
}

/**
 * Of a router with TLS, HTTPS is meant: plain HTTP beside it only leads there, or is for whoever asks for it. Of a pool, its
 * workers are, rather than its statistics.
 */
function defaultPort(
  containers: readonly ObservedContainer[],
  published: readonly PublishedPort[],
): number | undefined {
  const [first] = containers;
  const isPool = containers.some(({ role }) => role === 'balancer' || role === 'worker');
  if (isPool) return published.some(({ containerPort }) => containerPort === poolPort) ? poolPort : undefined;
  const isSecure = published.some(({ containerPort }) => containerPort === routerTlsPort);
  return first?.role === 'router' && isSecure ? routerTlsPort : undefined;
}

export function urlOf(
  containers: readonly ObservedContainer[],
  published: PublishedPort,
  engineHost: string,
): string {
  const { host, port, containerPort } = published;
  const reached = reachedAt(host, engineHost);
  const role = containers[0]?.role;
  const scheme =
    role === 'service' ? 'tcp' : role === 'router' && containerPort === routerTlsPort ? 'https' : 'http';
  return `${scheme}://${reached.includes(':') && !reached.startsWith('[') ? `[${reached}]` : reached}:${port}/`;
}

/** Where a port that is bound to an address of the engine's machine is reached from here. */
function reachedAt(bound: string, engineHost: string): string {
  const isLocal = isLoopback(engineHost.replace(/^\[(.*)\]$/, '$1'));
  if (bound === '0.0.0.0' || bound === '') return engineHost;
  // An engine binds `::` to IPv6 alone.
  if (bound === '::') return isLocal ? '::1' : engineHost;
  // A loopback address means the engine's own machine, as seen from there.
  return isLoopback(bound) && !isLocal ? engineHost : bound;
}

function isLoopback(host: string): boolean {
  return host.startsWith('127.') || host === '::1' || host === 'localhost';
}

function notPublished(
  stack: string,
  resource: string,
  published: readonly PublishedPort[],
  port: number | undefined,
): PlumbstackError {
  const ports = published.map(({ containerPort }) => containerPort);
  return new PlumbstackError(
    'NOT_FOUND',
    port === undefined ? 'it publishes no port.' : `it does not publish its port ${port}.`,
    {
      resource: resourcePath(stack, resource),
      details: { published },
      hint:
        ports.length === 0
          ? 'Give it publish: <port>, or reach it through a router.'
          : `It publishes ${ports.join(', ')}, numbered as in its container.`,
    },
  );
}
