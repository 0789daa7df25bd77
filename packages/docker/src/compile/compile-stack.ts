import { dependenciesFirst, startGraph, type AppSpec, type StackSpec } from '@plumbstack/core';
import type { VolumeCreation } from '../client/docker-client.js';
import { baseLabels, label } from '../labels.js';
import { inventoryName, volumeName } from '../object-names.js';
import type { AddressPlan } from './address-plan.js';
import { askingHost, visitedHost } from './checked-host.js';
import { compileContainer, publishedPorts } from './compile-container.js';
import { compilePool } from './compile-pool.js';
import { compileRouter } from './compile-router.js';
import type { AppUnit, DockerSpec, GeneratedSecret, ServiceUnit, Unit } from './docker-spec.js';
import type { Inputs, SecretInput } from './inputs.js';
import { openPort } from './open-port.js';
import { keptSecrets, type KeptSecret } from './kept-secrets.js';
import { own } from './own.js';
import { placeOf } from './place.js';
import { canonicalJson, digestOf } from './spec-hash.js';

/** Translates a stack to the engine's shapes. Pure: the same spec, addresses and inputs give the same result. */
export function compileStack(spec: StackSpec, addresses: AddressPlan, inputs: Inputs): DockerSpec {
  const { name: stack, resources } = spec;
  const byName = new Map(resources.map((each) => [each.name, each]));
  const pooled = new Set(resources.flatMap((each) => (each.kind === 'pool' ? [each.app] : [])));
  const prefixes = strippedPrefixes(spec);
  const unit = (name: string): Unit | undefined => {
    const resource = byName.get(name);
    switch (resource?.kind) {
      case 'app':
        return pooled.has(name) ? undefined : compileApp(spec, resource, addresses, inputs, prefixes);
      case 'service': {
        const container = compileContainer(
          stack,
          name,
          resource,
          'service',
          resource.env,
          publishedPorts(resource, inputs),
          inputs,
        );
        const { dependsOn, startTimeoutMs, stopGraceMs, health, publish } = resource;
        return {
          kind: 'service',
          resource: name,
          dependsOn,
          ...placeOf(addresses, name),
          container,
          publishes: publish.length > 0,
          startTimeoutMs,
          stopGraceMs,
          ...(health !== undefined && { health }),
        } satisfies ServiceUnit;
      }
      case 'pool': {
        const app = byName.get(resource.app) as AppSpec;
        return compilePool(spec, resource, app, appEnv(app, name, prefixes), addresses, inputs);
      }
      case 'router':
        return compileRouter(stack, resource, byName, addresses, inputs);
      default:
        return undefined;
    }
  };
  const units = dependenciesFirst(startGraph(spec)).flatMap((name) => unit(name) ?? []);
  return {
    stack,
    spec,
    addresses,
    networks: addresses.networks.map(({ resource, ...network }) => ({
      resource,
      creation: { ...network, labels: baseLabels(stack, resource, 'network') },
    })),
    volumes: resources.flatMap((each) =>
      each.kind === 'volume'
        ? [
            {
              resource: each.name,
              creation: {
                name: volumeName(stack, each.name),
                driver: each.driver,
                driverOptions: each.driverOptions,
                labels: {
                  ...baseLabels(stack, each.name, 'volume'),
                  // Not what they say: options may hold a password.
                  [label.digest]: digestOf({ driver: each.driver, driverOptions: each.driverOptions }),
                },
              },
            },
          ]
        : [],
    ),
    generated: keptSecrets(spec).map((each) => generatedSecret(each, own(inputs.secrets, each.name))),
    images: Object.entries(inputs.images).map(([resource, image]) => ({ resource, image })),
    inventory: inventoryOf(stack, units),
    units,
  };
}

function generatedSecret(secret: KeptSecret, input: SecretInput | undefined): GeneratedSecret {
  const { rotation: kept, due, value } = input ?? {};
  return {
    resource: secret.name,
    isKnown: value !== undefined,
    rotation: secret.type === 'random' ? secret.rotation : 0,
    ...(secret.type === 'acme' && { from: secret.authority.directory }),
    ...(kept !== undefined && { kept }),
    ...(due !== undefined && { due }),
  };
}

function inventoryOf(stack: string, units: readonly Unit[]): VolumeCreation {
  const kinds = Object.fromEntries(units.map(({ resource, kind }) => [resource, kind]));
  const drainTimeouts = Object.fromEntries(
    units.flatMap((unit) => (unit.kind === 'app' ? [[unit.resource, unit.drainTimeoutMs]] : [])),
  );
  return {
    name: inventoryName(stack),
    labels: {
      ...baseLabels(stack, '', 'inventory'),
      [label.resources]: canonicalJson(kinds),
      [label.drainTimeouts]: canonicalJson(drainTimeouts),
    },
  };
}

function compileApp(
  spec: StackSpec,
  app: AppSpec,
  addresses: AddressPlan,
  inputs: Inputs,
  prefixes: Prefixes,
): AppUnit {
  const { name, dependsOn, port, health, startTimeoutMs, stopGraceMs, publish, updateOrder, drainTimeoutMs } =
    app;
  const host = visitedHost(spec, name);
  return {
    kind: 'app',
    resource: name,
    dependsOn,
    ...placeOf(addresses, name),
    container: compileContainer(
      spec.name,
      name,
      app,
      'app',
      appEnv(app, name, prefixes),
      publishedPorts(app, inputs),
      inputs,
      { port, health, ...(host !== undefined && { checkedHost: host }) },
    ),
    publishes: publish.length > 0,
    port,
    health: askingHost(health ?? openPort, host),
    startTimeoutMs,
    stopGraceMs,
    updateOrder,
    drainTimeoutMs,
  };
}

/** Prefixes that routes take off on the way to each target, by its name. */
type Prefixes = ReadonlyMap<string, ReadonlySet<string>>;

function strippedPrefixes(spec: StackSpec): Prefixes {
  const prefixes = new Map<string, Set<string>>();
  for (const resource of spec.resources) {
    if (resource.kind !== 'router') continue;
    for (const { target, prefix, stripPrefix } of resource.routes) {
      if (target.type !== 'resource' || !stripPrefix) continue;
      const known = prefixes.get(target.name);
      if (known === undefined) prefixes.set(target.name, new Set([prefix]));
      else known.add(prefix);
    }
  }
  return prefixes;
}

/** The app's environment, with its public prefix where one route leads to it. */
function appEnv(app: AppSpec, routedAs: string, prefixes: Prefixes): Readonly<Record<string, string>> {
  if (app.prefixEnv === undefined || Object.hasOwn(app.env, app.prefixEnv)) return app.env;
  const [prefix, another] = prefixes.get(routedAs) ?? [];
  if (prefix === undefined || another !== undefined || prefix === '/') return app.env;
  return { ...app.env, [app.prefixEnv]: prefix.slice(0, -1) };
}
