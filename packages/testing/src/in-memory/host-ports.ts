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

  /** What a holder would have of these ports: 0 stays what it was, or becomes a free one. Changes nothing. */
  foreseen(holder: string, wanted: readonly PublishSpec[]): readonly PortBinding[] {
    const before = this.bindingsOf(holder);
    const others = this.#others(holder);
    const bound: Held[] = [];
    for (const { host, port, containerPort } of wanted) {
      const chosen = port === 0 ? freePort(host, containerPort, before, [...others, ...bound]) : port;
      bound.push({ holder, host, port: chosen, containerPort });
    }
    return bound;
  }

  /**
   * Gives a holder exactly these ports, as they were foreseen, and takes others it had. Throws `PORT_IN_USE`, and then
   * changes nothing.
   */
  bind(holder: string, wanted: readonly PublishSpec[]): void {
    const held = [...this.#others(holder)];
    for (const each of this.foreseen(holder, wanted)) {
      const clash = held.find(({ host, port }) => port === each.port && overlap(host, each.host));
      if (clash !== undefined) throw portInUse(holder, each.host, each.port, clash.holder);
      held.push({ ...each, holder });
    }
    this.#held = held;
  }

  #others(holder: string): readonly Held[] {
    return this.#held.filter((each) => each.holder !== holder);
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
