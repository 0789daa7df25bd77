import { poolPort, poolStatsPort, type AppSpec, type PoolSpec, type StackSpec } from '@plumbstack/core';
import { baseLabels } from '../labels.js';
import { configVolumeName } from '../object-names.js';
import { haproxyRunFolder } from '../proxy/haproxy-names.js';
import type { AddressPlan } from './address-plan.js';
import { askingHost, visitedHost } from './checked-host.js';
import { compileContainer, imageOf, publishedPorts } from './compile-container.js';
import type { PoolUnit } from './docker-spec.js';
import { workerTimeoutMs } from './fronts.js';
import type { Inputs } from './inputs.js';
import { own } from './own.js';
import { placeOf } from './place.js';
import { proxyContainer } from './proxy-container.js';

/** HAProxy's runtime API, on its container's own loopback. */
export const adminPort = 9999;

/**
 * What a router grants to visitors, the HAProxy behind it does not cut short: a second more than the longest that a router or
 * a route may say. What piles up over reloads is bounded by their number.
 */
const routersLongestMs = 86_400_000 + 1000;

export function compilePool(
  stackSpec: StackSpec,
  spec: PoolSpec,
  app: AppSpec,
  env: Readonly<Record<string, string>>,
  addresses: AddressPlan,
  inputs: Inputs,
): PoolUnit {
  const { name, maxConcurrency, slowStartMs } = spec;
  const stack = stackSpec.name;
  const host = visitedHost(stackSpec, name);
  const slots = addresses.slots[name] ?? [];
  const configVolume = configVolumeName(stack, name, 'balancer');
  return {
    kind: 'pool',
    resource: name,
    dependsOn: app.dependsOn,
    ...placeOf(addresses, name),
    publishes: spec.publish.length + spec.stats.length > 0,
    startTimeoutMs: 30_000,
    container: proxyContainer(stack, name, 'balancer', imageOf(name, inputs), {
      entrypoint: ['haproxy'],
      command: ['-W', '-db', '-f', '/etc/plumbstack/haproxy.cfg'],
      stopSignal: 'SIGUSR1',
      stopGraceMs: 30_000,
      configVolume,
      mounts: [{ type: 'tmpfs', target: haproxyRunFolder, mode: 0o1777 }],
      ports: publishedPorts(spec, inputs),
      logging: spec.logging,
    }),
    port: poolPort,
    spec,
    source: sourceOf(app, inputs),
    worker: {
      // A worker publishes nothing: several cannot hold one port.
      container: compileContainer(stack, name, app, 'worker', env, [], inputs, {
        port: app.port,
        health: app.health,
        ...(host !== undefined && { checkedHost: host }),
      }),
      guests: own(addresses.workerGuests, name) ?? [],
      slots,
      port: app.port,
      health: askingHost(app.health ?? spec.health, host),
      startTimeoutMs: app.startTimeoutMs,
      stopGraceMs: app.stopGraceMs,
    },
    config: {
      volume: { name: configVolume, labels: baseLabels(stack, name, 'config') },
      files: [],
      contents: [],
      targets: [],
      model: {
        pool: name,
        port: poolPort,
        ...(spec.stats.length > 0 && { statsPort: poolStatsPort }),
        adminPort,
        slots: slots.map((address, index) => ({ number: index + 1, address: `${address}:${app.port}` })),
        balance: spec.balance,
        ...(maxConcurrency !== undefined && { maxConcurrency }),
        queue: spec.queue,
        sticky: spec.sticky,
        health: askingHost(spec.health, host),
        believed: believedBy(stackSpec, name, addresses),
        keepAlive: app.keepAlive,
        ...(slowStartMs !== undefined && { slowStartMs }),
        timeoutMs: spec.timeoutMs ?? workerTimeoutMs,
        webSocketTimeoutMs: routersLongestMs,
        drainTimeoutMs: routersLongestMs,
        revision: '',
      },
    },
  };
}

/** What a person calls what an app was made of; a build without a folder has but its tag. */
function sourceOf({ name, image }: AppSpec, inputs: Inputs): string {
  if (image.type === 'pull') return image.reference;
  const [folder] = [image.context, ...Object.values(image.contexts)].filter((each) => each !== undefined);
  return folder === undefined ? imageOf(name, inputs).reference : inputs.absolute(folder);
}

/**
 * Where routers are, as a pool's HAProxy sees them: in the part of its network whose addresses the engine chooses, where nobody
 * else of the stack is, or, in the one network of all, at addresses of their own.
 */
function believedBy(
  { isolation, resources }: StackSpec,
  pool: string,
  { homes, networks, addresses }: AddressPlan,
): readonly string[] {
  if (isolation !== false)
    return networks.flatMap(({ name, dynamicRange }) => (name === homes[pool] ? [dynamicRange] : []));
  const leading = resources.filter(
    (each) =>
      each.kind === 'router' &&
      each.routes.some(({ target }) => target.type === 'resource' && target.name === pool),
  );
  return leading.flatMap(({ name }) => addresses[name] ?? []).sort();
}
