import type { PublishedPort } from '@plumbstack/docker/client';
import { engineFailure } from './engine-failure.js';

const everyHost: readonly string[] = ['0.0.0.0', '::', ''];
/** Where an engine begins to look for a port that nobody asked for. */
const firstFree = 32_768;

/** Which ports of the host are taken, and by whom. */
export class HostPorts {
  readonly #held = new Map<string, readonly PublishedPort[]>();

  /** All or none. A port of 0 becomes any that is free. Throws `PORT_IN_USE`. */
  bind(holder: string, wanted: readonly PublishedPort[]): readonly PublishedPort[] {
    const bound: PublishedPort[] = [];
    for (const each of wanted) {
      const taken = [...[...this.#held.values()].flat(), ...bound];
      const port = each.port === 0 ? freePort(each.host, taken) : each.port;
      const { host } = each;
      if (taken.some((other) => clash(other, { host, port }))) {
        throw engineFailure(500, `Bind for ${host}:${port} failed: port is already allocated`, {
          ...{ code: 'PORT_IN_USE', host, port },
        });
      }
      bound.push({ ...each, port });
    }
    if (bound.length > 0) this.#held.set(holder, bound);
    return bound;
  }

  release(holder: string): void {
    this.#held.delete(holder);
  }
}

function freePort(host: string, taken: readonly PublishedPort[]): number {
  let port = firstFree;
  while (taken.some((other) => clash(other, { host, port }))) port += 1;
  return port;
}

type HostPort = Pick<PublishedPort, 'host' | 'port'>;

function clash(a: HostPort, b: HostPort): boolean {
  return a.port === b.port && (a.host === b.host || everyHost.includes(a.host) || everyHost.includes(b.host));
}
