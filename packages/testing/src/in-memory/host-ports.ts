import { PlumbstackError, type PublishSpec } from '@plumbstack/core';

export interface PortBinding {
  readonly host: string;
  readonly port: number;
  readonly containerPort: number;
}

interface Held extends PortBinding {
  /** Path of the resource, or whatever a stranger is called. */
  readonly holder: string;
}

/** First of the ports that IANA leaves to dynamic use: RFC 6335, section 6. */
const firstFreePort = 49_152;
const everyAddress: readonly string[] = ['0.0.0.0', '::'];

/** Who holds which port of the host. */
export class HostPorts {
  #held: readonly Held[] = [];

  bindingsOf(holder: string): readonly PortBinding[] {
    return this.#held.filter((each) => each.holder === holder);
  }

  /**
   * Gives a holder exactly these ports, and takes others it had. Port 0 stays what it was, or becomes a free one. Throws
   * `PORT_IN_USE`, and then changes nothing.
   */
  bind(holder: string, wanted: readonly PublishSpec[]): void {
    const before = this.bindingsOf(holder);
    const others = this.#held.filter((each) => each.holder !== holder);
    const bound: Held[] = [];
    for (const { host, port, containerPort } of wanted) {
      const taken = [...others, ...bound];
      const chosen = port === 0 ? freePort(host, containerPort, before, taken) : port;
      const clash = taken.find((each) => each.port === chosen && overlap(each.host, host));
      if (clash !== undefined) throw portInUse(holder, host, chosen, clash.holder);
      bound.push({ holder, host, port: chosen, containerPort });
    }
    this.#held = [...others, ...bound];
  }

  /** Lets go of what a holder has and none of `wanted` asks for, so that others can have it first. */
  releaseUnwanted(holder: string, wanted: readonly PublishSpec[]): void {
    const stays = (held: Held): boolean =>
      wanted.some(
        ({ host, port, containerPort }) =>
          held.host === host && (port === held.port || (port === 0 && containerPort === held.containerPort)),
      );
    this.#held = this.#held.filter((each) => each.holder !== holder || stays(each));
  }

  release(holder: string): void {
    this.#held = this.#held.filter((each) => each.holder !== holder);
  }
}

function freePort(
  host: string,
  containerPort: number,
  before: readonly PortBinding[],
  taken: readonly Held[],
): number {
  const free = (port: number): boolean =>
    !taken.some((each) => each.port === port && overlap(each.host, host));
  const same = before.find(
    (each) => each.host === host && each.containerPort === containerPort && free(each.port),
  );
  if (same !== undefined) return same.port;
  let port = firstFreePort;
  while (!free(port)) port += 1;
  return port;
}

function overlap(a: string, b: string): boolean {
  return a === b || everyAddress.includes(a) || everyAddress.includes(b);
}

function portInUse(resource: string, host: string, port: number, holder: string): PlumbstackError {
  return new PlumbstackError('PORT_IN_USE', `port ${port} of ${host} is held by ${holder}.`, {
    resource,
    details: { port, host, holder },
    hint: 'Publish another port, or 0 for any free one; or take down what holds it.',
  });
}
