import { PlumbstackError } from '@plumbstack/core';
import type { CallOptions, DockerClient, NetworkCreation } from '../client/docker-client.js';
import { engineStatus, isSubnetTaken } from '../client/docker-failure.js';
import type { DockerSpec } from '../compile/docker-spec.js';
import type { ObservedState } from '../plan/observed-state.js';
import { Gate } from './gate.js';

/** The networks of a stack, for whoever is about to be put into one. */
export interface Networks {
  /** Resolves when the network is there, to whether there is one of that name. Rejects where it cannot be made. */
  ready(name: string): Promise<boolean>;
  /** Resolves when none is being made any more; rejects with the first failure. */
  all(): Promise<void>;
}

/** Those that are there. */
export function existingNetworks({ networks }: ObservedState): Networks {
  const names = new Set(networks.map(({ name }) => name));
  return { ready: (name) => Promise.resolve(names.has(name)), all: () => Promise.resolve() };
}

// An engine makes one after the other; there is always a next one for it to begin with.
const width = 2;

/** Makes the networks that are missing, beside whatever else there is to do. */
export class NewNetworks implements Networks {
  readonly #existing: Networks;
  readonly #made: ReadonlyMap<string, Promise<void>>;
  readonly #refused: string[] = [];

  constructor(
    client: Pick<DockerClient, 'createNetwork' | 'listNetworks'>,
    { networks }: Pick<DockerSpec, 'networks'>,
    observed: ObservedState,
    call: CallOptions,
  ) {
    this.#existing = existingNetworks(observed);
    const gate = new Gate(width);
    const make = async (creation: NetworkCreation): Promise<void> => {
      await gate.run(
        () =>
          client.createNetwork(creation, call).then(
            () => undefined,
            async (error: unknown) => {
              if (isSubnetTaken(error)) this.#refused.push(creation.subnet);
              // The engine goes on with what an aborted run had asked for, after the next one has looked.
              if (engineStatus(error) !== 409 || !(await isThere(client, creation, call))) throw error;
            },
          ),
        call,
      );
    };
    const seen = new Set(observed.networks.map(({ name }) => name));
    this.#made = new Map(
      networks
        .filter(({ creation }) => !seen.has(creation.name))
        .map(({ creation }) => [creation.name, make(creation)]),
    );
    // Whoever needs one is told when it fails; until somebody does, that is no unhandled rejection.
    for (const each of this.#made.values()) each.catch(() => undefined);
  }

  async ready(name: string): Promise<boolean> {
    const made = this.#made.get(name);
    if (made === undefined) return this.#existing.ready(name);
    await made;
    return true;
  }

  async all(): Promise<void> {
    await this.settled();
    await Promise.all(this.#made.values());
  }

  /** Subnets that the engine did not take, once none is being made any more. */
  async settled(): Promise<readonly string[]> {
    await Promise.allSettled(this.#made.values());
    return this.#refused;
  }
}

/**
 * Whether the network is there as it was to be made. One of ours with other addresses comes from an aborted run, which saw
 * other networks around it: whoever runs all this looks again, and goes on with that one.
 */
async function isThere(
  client: Pick<DockerClient, 'listNetworks'>,
  { name, subnet, labels }: NetworkCreation,
  call: CallOptions,
): Promise<boolean> {
  const found = (await client.listNetworks(call)).find((each) => each.name === name);
  const isOurs = Object.entries(labels).every(([key, value]) => found?.labels[key] === value);
  if (found === undefined || !isOurs) return false;
  if (found.subnets[0] === subnet) return true;
  throw new PlumbstackError('ENGINE_FAILED', `the network ${name} was made with ${found.subnets.join()}.`, {
    details: { meddled: name },
    hint: 'Another run was about to make it. Run again.',
  });
}
