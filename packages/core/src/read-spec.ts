import { App } from './app.js';
import { refuse } from './check.js';
import { PlumbstackError } from './errors.js';
import { dependenciesFirst, findCycle } from './graph.js';
import { Pool } from './pool.js';
import type { Resource } from './resource.js';
import { Router } from './router.js';
import { Secret } from './secret.js';
import { Service } from './service.js';
import { startGraph } from './validate.js';
import type { StackOptions } from './stack.js';
import type {
  AppSpec,
  ContainerSpec,
  HealthSpec,
  ImageSpec,
  PoolSpec,
  ResourceSpec,
  RouterSpec,
  ServiceSpec,
  StackSpec,
} from './spec.js';
import { Volume } from './volume.js';

interface ReadSpec {
  readonly name: string;
  readonly options: StackOptions;
  readonly resources: readonly Resource[];
}

type Known = ReadonlyMap<string, Resource>;
type Loose = Record<string, unknown>;

/**
 * Makes resources of a spec's JSON by passing it through the same constructors, and so the same checks, as a program's
 * options. References are made first, so that each is an object by the time it is needed.
 */
export function readSpec(json: unknown): ReadSpec {
  const spec = shape(json);
  const cycle = findCycle(startGraph(spec));
  if (cycle !== undefined) {
    throw new PlumbstackError('INVALID_STACK', `the spec's dependsOn is a cycle: ${cycle.join(' -> ')}.`, {
      details: { problems: [{ path: `${cycle[0]}.dependsOn`, message: `is a cycle: ${cycle.join(' -> ')}` }] },
    });
  }
  const byName = new Map(spec.resources.map((each) => [each.name, each]));
  const made = new Map<string, Resource>();
  const make = (each: ResourceSpec): void => {
    if (!made.has(each.name)) made.set(each.name, resourceOf(spec.name, each, made));
  };
  spec.resources.filter(({ kind }) => kind === 'volume' || kind === 'secret').forEach(make);
  for (const name of dependenciesFirst(startGraph(spec))) {
    const each = byName.get(name);
    if (each !== undefined && each.kind !== 'router') make(each);
  }
  spec.resources.forEach(make);
  const { subnet, baseDir } = spec;
  return {
    name: spec.name,
    options: { ...(subnet !== undefined && { subnet }), ...(baseDir !== undefined && { baseDir }) },
    resources: spec.resources.flatMap(({ name }) => made.get(name) ?? []),
  };
}

const kinds: readonly string[] = ['app', 'service', 'pool', 'router', 'volume', 'secret'];

/** Just enough of the shape for the constructors' own checks to take over. */
function shape(json: unknown): StackSpec {
  const spec = json as Loose;
  if (typeof json !== 'object' || json === null) refuse('the spec', 'an object', json);
  if (spec['schemaVersion'] !== 1) refuse('the spec: schemaVersion', '1', spec['schemaVersion']);
  if (!Array.isArray(spec['resources'])) refuse('the spec: resources', 'an array', spec['resources']);
  const names = new Set<string>();
  for (const [index, each] of (spec['resources'] as Loose[]).entries()) {
    const path = `the spec: resources[${index}]`;
    if (typeof each !== 'object' || each === null) refuse(path, 'an object', each);
    if (typeof each['name'] !== 'string' || names.has(each['name'])) refuse(`${path}.name`, 'a name of its own', each['name']);
    if (!kinds.includes(each['kind'] as string)) refuse(`${path}.kind`, kinds.join(', '), each['kind']);
    for (const list of listsOf(each['kind'] as string)) {
      if (!Array.isArray(each[list])) refuse(`${path}.${list}`, 'an array', each[list]);
    }
    names.add(each['name']);
  }
  return json as StackSpec;
}

function listsOf(kind: string): readonly string[] {
  if (kind === 'app' || kind === 'service') return ['dependsOn', 'mounts', 'secrets', 'files', 'publish'];
  return kind === 'router' ? ['routes', 'publish', 'serverName'] : [];
}

function resourceOf(stack: string, spec: ResourceSpec, known: Known): Resource {
  const { name } = spec;
  switch (spec.kind) {
    case 'app':
      return new App(stack, name, containerOptions(spec, known));
    case 'service':
      return new Service(stack, name, containerOptions(spec, known));
    case 'pool':
      return new Pool(stack, name, poolOptions(spec, known));
    case 'router':
      return router(stack, spec, known);
    case 'volume': {
      const { driver, driverOptions } = spec;
      return new Volume(stack, name, { driver, driverOptions });
    }
    case 'secret': {
      const { source } = spec;
      switch (source.type) {
        case 'file':
          return new Secret(stack, name, { file: source.path });
        case 'env':
          return new Secret(stack, name, { env: source.variable });
        case 'generate':
          return new Secret(stack, name, { generateBytes: source.bytes });
        case 'value':
          return Secret.withoutValue(stack, name);
      }
    }
  }
}

/** What a name in the spec stands for. Every caller hands it to a constructor, whose check says if it is of the wrong kind. */
function lookUp(name: string, known: Known, path: string): never {
  const found = known.get(name);
  if (found === undefined) refuse(path, 'the name of a resource in this spec', name);
  return found as never;
}

function imageOptions(image: ImageSpec): object {
  if (image.type === 'pull') return { image: { reference: image.reference, pull: image.policy } };
  const { type: _, ...build } = image;
  return { build };
}

function healthOptions(health: HealthSpec | undefined): object {
  if (health === undefined) return {};
  switch (health.type) {
    case 'tcp': {
      const { type: _, ...timing } = health;
      return { health: { tcp: true, ...timing } };
    }
    case 'http': {
      const { type: _, path, ...rest } = health;
      return { health: { http: path, ...rest } };
    }
    case 'command': {
      const { type: _, ...rest } = health;
      return { health: rest };
    }
  }
}

function containerOptions(spec: ContainerSpec, known: Known): Loose {
  const { kind: _kind, name, image, health, mounts, secrets, dependsOn, ...same } = spec as AppSpec | ServiceSpec;
  return {
    ...same,
    ...imageOptions(image),
    ...healthOptions(health),
    dependsOn: dependsOn.map((each, index) => lookUp(each, known, `${name}.dependsOn[${index}]`)),
    mounts: mounts.map((each, index) => {
      switch (each.type) {
        case 'bind':
          return { bind: each.source, target: each.target, readOnly: each.readOnly };
        case 'volume': {
          const volume = lookUp(each.volume, known, `${name}.mounts[${index}].volume`);
          return { volume, target: each.target, readOnly: each.readOnly };
        }
        case 'tmpfs': {
          const { type: _type, ...rest } = each;
          return { tmpfs: true, ...rest };
        }
      }
    }),
    secrets: secrets.map((each, index) => ({
      secret: lookUp(each.secret, known, `${name}.secrets[${index}].secret`),
      target: each.target,
    })),
  };
}

function poolOptions(spec: PoolSpec, known: Known): never {
  const { kind: _, name, app, balance, sticky, health, image, ...same } = spec;
  return {
    ...same,
    app: lookUp(app, known, `${name}.app`),
    balance: balance.algorithm === 'header' ? { header: balance.header } : balance.algorithm,
    sticky: sticky === 'none' ? false : sticky,
    ...healthOptions(health),
    ...imageOptions(image),
  } as never;
}

function router(stack: string, spec: RouterSpec, known: Known): Router {
  const { kind: _, name, routes, tls, image, ...same } = spec;
  const made = new Router(stack, name, {
    ...same,
    ...imageOptions(image),
    ...(tls !== undefined && {
      tls: {
        certificate: lookUp(tls.certificate, known, `${name}.tls.certificate`),
        key: lookUp(tls.key, known, `${name}.tls.key`),
      },
    }),
  });
  for (const [index, { prefix, target, ...options }] of routes.entries()) {
    const to =
      target.type === 'redirect'
        ? { redirect: target.to, status: target.status }
        : (lookUp(target.name, known, `${name}.routes[${index}].target`) as App | Pool);
    made.route(prefix, to, options);
  }
  return made;
}
