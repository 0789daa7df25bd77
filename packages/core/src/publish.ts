import { integer, matching, oneOrMany, options, refuse, type Check } from './check.js';
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
const address = matching(
  /^(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?!$)|$)){4}$|^(?=[0-9a-fA-F:]*:[0-9a-fA-F:]*$)[0-9a-fA-F:]{2,39}$/,
  'an IP address to bind, such as "127.0.0.1" or "0.0.0.0"',
);

/** Every address: the public face. */
export const everyAddress = '0.0.0.0';
/** This machine only. */
export const loopback = '127.0.0.1';

/** Checks `publish`, with the resource's own address and port where none is said. */
export function publish(defaultHost: string, defaultContainerPort?: number): Check<readonly PublishSpec[]> {
  return oneOrMany((value, path): PublishSpec => {
    const given =
      typeof value === 'number'
        ? { port: port(value, path) }
        : options<PublishOptions>(value, path, { port, host: address, containerPort: integer(1, 65_535) });
    if (given.port === undefined) refuse(`${path}.port`, 'a port from 0 to 65535', undefined);
    const { host, containerPort }: Partial<PublishOptions> = given as PublishOptions;
    const inside = containerPort ?? defaultContainerPort ?? given.port;
    if (inside === 0) refuse(`${path}.containerPort`, 'given where port is 0', undefined);
    return { port: given.port, host: host ?? defaultHost, containerPort: inside };
  });
}
