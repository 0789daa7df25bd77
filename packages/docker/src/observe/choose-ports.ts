import {
  addressesOverlap,
  PlumbstackError,
  resourcePath,
  type HostPort,
  type StackSpec,
} from '@plumbstack/core';
import type { PublishedPort } from '../client/docker-client.js';
import { publishedBy, type Published } from '../compile/inputs.js';
import { declaredName } from '../object-names.js';
import type { ObservedState } from '../plan/observed-state.js';

/** Far more than one machine's share of ports that are not free takes. */
const mostAttempts = 1000;

/**
 * Host ports for what the program publishes at any free one, by key. What a resource has, or a pool for its front, it keeps. No
 * two of them can meet, nor one with a port that the program names.
 *
 * @param free a port of an address that nobody on the engine's machine holds
 */
export async function choosePorts(
  spec: StackSpec,
  observed: ObservedState,
  free: (host: string) => Promise<number>,
): Promise<Record<string, number>> {
  const all = spec.resources.map((resource) => ({ name: resource.name, published: publishedBy(resource) }));
  const taken: HostPort[] = all.flatMap(({ published }) => published).filter(({ port }) => port !== 0);
  const chosen: Record<string, number> = {};
  const isFree = ({ host, port }: HostPort): boolean =>
    !taken.some((each) => each.port === port && addressesOverlap(each.host, host));
  const choose = (key: string, place: HostPort): void => {
    chosen[key] = place.port;
    taken.push(place);
  };
  // All that is kept comes first: what is new keeps clear of it.
  for (const { name, published } of all) {
    for (const { key, host, port } of keptPorts(published, heldBy(observed, name)))
      if (isFree({ host, port })) choose(key, { host, port });
  }
  for (const { name, published } of all) {
    for (const { key, host, port } of published) {
      if (port !== 0 || key in chosen) continue;
      choose(key, { host, port: await otherPort(host, free, isFree, resourcePath(spec.name, name)) });
    }
  }
  return chosen;
}

async function otherPort(
  host: string,
  free: (host: string) => Promise<number>,
  isFree: (place: HostPort) => boolean,
  resource: string,
): Promise<number> {
  for (let attempt = 0; attempt < mostAttempts; attempt++) {
    const port = await free(host);
    if (isFree({ host, port })) return port;
  }
  throw new PlumbstackError('PORT_IN_USE', `no free port of ${host} was found.`, {
    resource,
    details: { host },
    hint: 'Name a port, or publish less.',
  });
}

/** Which of a resource's ports each of its free ones goes on with: one at the same address, else one of the same purpose. */
function keptPorts(published: readonly Published[], held: readonly PublishedPort[]): readonly Published[] {
  const left = [...held];
  const take = (isIt: (each: PublishedPort) => boolean): number | undefined => {
    const index = left.findIndex(isIt);
    return index < 0 ? undefined : left.splice(index, 1)[0]?.port;
  };
  const isSame = (one: Published, each: PublishedPort): boolean =>
    each.containerPort === one.containerPort && each.host === one.host;
  const named = published.filter(({ port }) => port !== 0);
  for (const one of named) take((each) => isSame(one, each) && each.port === one.port);
  const kept = new Map<string, number | undefined>();
  const unnamed = published.filter(({ port }) => port === 0);
  for (const one of unnamed)
    kept.set(
      one.key,
      take((each) => isSame(one, each)),
    );
  for (const one of unnamed)
    kept.set(one.key, kept.get(one.key) ?? take((each) => each.containerPort === one.containerPort));
  return unnamed.flatMap((one) => {
    const port = kept.get(one.key);
    return port === undefined ? [] : [{ ...one, port }];
  });
}

function heldBy({ containers }: ObservedState, resource: string): readonly PublishedPort[] {
  const own = [resource, declaredName(resource)];
  const held = own.flatMap((name) =>
    containers.filter((each) => each.resource === name).flatMap(({ identityPorts }) => identityPorts),
  );
  // Several containers of one resource, as those that an interrupted run left, have the same ports.
  return [...new Map(held.map((each) => [JSON.stringify(each), each])).values()];
}
