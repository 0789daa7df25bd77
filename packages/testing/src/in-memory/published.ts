import { routerTlsPort, type PublishSpec } from '@plumbstack/core';
import type { EngineState, ResourceRecord } from './engine-state.js';
import type { PortBinding } from './host-ports.js';

/** Every port that a resource publishes. */
export function publishedBy(spec: ResourceRecord['spec']): readonly PublishSpec[] {
  return spec.kind === 'pool' ? [...spec.publish, ...spec.stats] : spec.publish;
}

/** Where a resource is reached from this machine, one address for each published port. */
export function endpointsOf(
  state: EngineState,
  stack: string,
  { name, spec }: ResourceRecord,
): readonly string[] {
  return state.ports.bindingsOf(`${stack}/${name}`).map((each) => urlOf(spec, each).href);
}

export function urlOf(spec: ResourceRecord['spec'], { host, port, containerPort }: PortBinding): URL {
  const everywhere = host === '0.0.0.0' || host === '::';
  const address = everywhere ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host;
  const tls = spec.kind === 'router' && spec.tls !== undefined && containerPort === routerTlsPort;
  const scheme = spec.kind === 'service' ? 'tcp' : tls ? 'https' : 'http';
  return new URL(`${scheme}://${address}:${port}`);
}
