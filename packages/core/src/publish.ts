import { integer, isRecord, oneOrMany, options, refuse, type Check } from './check.js';
import { ipAddress, isIpv6 } from './ip-address.js';
import type { PublishSpec } from './spec.js';

export interface PublishOptions {
  /** Port on the host. 0 takes any free port, and keeps it over restarts and updates. */
  readonly port: number;
  /** Address to bind. @default '0.0.0.0' for a router, '127.0.0.1' for everything else */
  readonly host?: string;
  /** Port in the container. @default what the resource listens on; for a service, the same as `port` */
  readonly containerPort?: number;
}

/** A host port, its options, or several. */
export type Publish = number | PublishOptions | readonly (number | PublishOptions)[];

const port = integer(0, 65_535);
/** A port that something listens on. */
export const listeningPort = integer(1, 65_535);

/** Every IPv4 address: the public face. */
export const everyAddress = '0.0.0.0';
/** Every IPv6 address. */
const everyAddress6 = '::';
/** This machine only. */
export const loopback = '127.0.0.1';

/** Checks `publish`, with the resource's own address and port where none is said. */
export function publish(defaultHost: string, defaultContainerPort?: number): Check<readonly PublishSpec[]> {
  return oneOrMany((value, path): PublishSpec => {
    if (typeof value !== 'number' && !isRecord(value))
      refuse(path, 'a port, or { port, host, containerPort }', value);
    const given =
      typeof value === 'number'
        ? { port: port(value, path) }
        : options<PublishOptions>(value, path, { port, host: ipAddress, containerPort: listeningPort });
    if (given.port === undefined) refuse(`${path}.port`, 'a port from 0 to 65535', undefined);
    const { host, containerPort }: Partial<PublishOptions> = given;
    const inside = containerPort ?? defaultContainerPort ?? given.port;
    if (inside === 0) refuse(`${path}.containerPort`, 'given where port is 0', undefined);
    return { port: given.port, host: host ?? defaultHost, containerPort: inside };
  });
}

/** Whether two addresses cannot both have one port. IPv4 and IPv6 have ports of their own: `0.0.0.0` and `::` go together. */
export function addressesOverlap(a: string, b: string): boolean {
  return (
    a === b ||
    (isIpv6(a) === isIpv6(b) && [a, b].some((each) => each === everyAddress || each === everyAddress6))
  );
}
