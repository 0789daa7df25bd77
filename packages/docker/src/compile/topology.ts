import type { ContainerSpec, ResourceSpec, StackSpec } from '@plumbstack/core';
import {
  appNetworkName,
  edgeNetworkName,
  networkName,
  poolNetworkName,
  serviceNetworkName,
} from '../object-names.js';

/**
 * Which networks a stack has, and who is in which. A resource is at home in one network; of some others it is a guest:
 *
 * - a router of the network of everything that it routes to;
 * - a service of the networks of the apps and pools that depend on it, so that these do not meet each other there;
 * - of every other dependency, both ends are guests of a network that only they are in.
 *
 * A container's gateway, which its published ports go through, is the network whose name sorts first: on every engine,
 * and also when another one is connected later. The names are such that this is its home.
 */
export interface Topology {
  readonly networks: readonly StackNetwork[];
  /** Name of the network that each resource is at home in. */
  readonly homes: ReadonlyMap<string, string>;
  /** In the order of declaration; each guest once in a network. */
  readonly guests: readonly Guest[];
}

export interface StackNetwork {
  readonly name: string;
  /** Whose it is; empty for the one of the whole stack, `a/b` for that of `a` and `b`, which it depends on. */
  readonly resource: string;
}

export interface Guest {
  readonly resource: string;
  readonly network: string;
  /** Whether others look it up there, so that it has a fixed address and its name. */
  readonly isProvider: boolean;
  /** Whether a pool's workers are meant rather than its HAProxy. */
  readonly isWorker: boolean;
}

type Consumer = Extract<ResourceSpec, ContainerSpec>;

export function topologyOf(spec: StackSpec): Topology {
  const { name: stack, resources } = spec;
  const pooled = new Map<string, string[]>();
  for (const each of resources)
    if (each.kind === 'pool') pooled.set(each.app, [...(pooled.get(each.app) ?? []), each.name]);
  const inNetworks = resources.filter(
    ({ kind, name }) => kind !== 'volume' && kind !== 'secret' && !(kind === 'app' && pooled.has(name)),
  );
  if (spec.isolation === false) {
    const name = networkName(stack);
    return {
      networks: inNetworks.length === 0 ? [] : [{ name, resource: '' }],
      homes: new Map(inNetworks.map((each) => [each.name, name])),
      guests: [],
    };
  }
  const homes = new Map(inNetworks.map((each) => [each.name, homeOf(stack, each)]));
  const edges = new Map<string, StackNetwork>();
  const guests = new Map<string, Guest>();
  const invite = (guest: Guest): void => {
    const key = `${guest.network} ${guest.resource} ${guest.isWorker}`;
    if (!guests.has(key)) guests.set(key, guest);
  };
  const kinds = new Map(resources.map(({ name, kind }) => [name, kind]));
  const connect = (consumer: ResourceSpec, provider: string): void => {
    const home = homes.get(consumer.name) ?? '';
    if (kinds.get(provider) === 'service' && consumer.kind !== 'service') {
      invite({ resource: provider, network: home, isProvider: true, isWorker: false });
      return;
    }
    const network = edgeNetworkName(stack, consumer.name, provider);
    edges.set(network, { name: network, resource: `${consumer.name}/${provider}` });
    const isWorker = consumer.kind === 'pool';
    invite({ resource: provider, network, isProvider: true, isWorker: false });
    invite({ resource: consumer.name, network, isProvider: false, isWorker });
  };
  const apps = new Map(resources.map((each) => [each.name, each as Consumer]));
  for (const each of inNetworks) {
    if (each.kind === 'router') {
      for (const { target } of each.routes) {
        const network = target.type === 'resource' ? homes.get(target.name) : undefined;
        if (network !== undefined)
          invite({ resource: each.name, network, isProvider: false, isWorker: false });
      }
      continue;
    }
    const { dependsOn = [] } = apps.get(each.kind === 'pool' ? each.app : each.name) ?? {};
    // Whoever depends on a pooled app depends on its pools.
    for (const provider of dependsOn.flatMap((name) => pooled.get(name) ?? [name]))
      if (provider !== each.name) connect(each, provider);
  }
  const own = new Map<string, StackNetwork>();
  for (const { name, kind } of inNetworks) {
    const home = homes.get(name) ?? '';
    if (!own.has(home)) own.set(home, { name: home, resource: kind === 'router' ? '' : name });
  }
  return { networks: [...own.values(), ...edges.values()], homes, guests: [...guests.values()] };
}

function homeOf(stack: string, { kind, name }: ResourceSpec): string {
  if (kind === 'router') return networkName(stack);
  if (kind === 'service') return serviceNetworkName(stack, name);
  return kind === 'pool' ? poolNetworkName(stack, name) : appNetworkName(stack, name);
}
