import { App } from './app.js';
import { flag, isRecord, oneOf, options, refuse, text, type Check } from './check.js';
import { PlumbstackError } from './errors.js';
import { dependenciesFirst, findCycle } from './graph.js';
import { Pool, type PoolOptions } from './pool.js';
import type { Resource } from './resource.js';
import { Router, type RouterOptions } from './router.js';
import { Secret, type SecretOptions } from './secret.js';
import { Service } from './service.js';
import type { ResourceKind, StackSpec } from './spec.js';
import type { StackOptions } from './stack.js';
import { startGraph } from './validate.js';
import { Volume } from './volume.js';

interface ReadSpec {
  readonly name: string;
  readonly options: StackOptions;
  readonly resources: readonly Resource[];
}

/** An object of the JSON, of which nothing is known but that it is one. */
type Loose = Readonly<Record<string, unknown>>;
type Named = Loose & { readonly name: string; readonly kind: ResourceKind };
type Known = ReadonlyMap<string, Resource>;

/**
 * Makes resources of a spec's JSON by passing it through the same constructors, and so the same checks, as a program's
 * options. References are made first, so that each is an object by the time it is needed. What is read here is only
 * what the spec writes in another way than the options do.
 */
export function readSpec(json: unknown): ReadSpec {
  const { name: stack, resources, ...given } = shape(json);
  // Of a resource, the graph reads only lists that `shape` has seen to, and compares what they hold.
  const graph = startGraph({ resources } as unknown as StackSpec);
  const cycle = findCycle(graph);
  if (cycle !== undefined) {
    const problem = { path: `${cycle[0]}.dependsOn`, message: `is a cycle: ${cycle.join(' -> ')}` };
    throw new PlumbstackError(
      'INVALID_STACK',
      `the spec has 1 problem:\n  - ${problem.path}: ${problem.message}`,
      {
        details: { stack, problems: [problem] },
      },
    );
  }
  const byName = new Map(resources.map((each) => [each.name, each]));
  const made = new Map<string, Resource>();
  const make = (each: Named): void => {
    if (!made.has(each.name)) made.set(each.name, resourceOf(stack, each, made));
  };
  resources.filter(({ kind }) => kind === 'volume' || kind === 'secret').forEach(make);
  for (const name of dependenciesFirst(graph)) {
    const each = byName.get(name);
    if (each !== undefined && each.kind !== 'router') make(each);
  }
  resources.forEach(make);
  return {
    name: stack,
    options: given,
    resources: resources.flatMap(({ name }) => made.get(name) ?? []),
  };
}

const anObject: Check<Loose> = (value, path) => (isRecord(value) ? value : refuse(path, 'an object', value));
const anArray: Check<readonly unknown[]> = (value, path) =>
  Array.isArray(value) ? (value as readonly unknown[]) : refuse(path, 'an array', value);
const kind = oneOf('app', 'service', 'pool', 'router', 'volume', 'secret');

/** Where everything has been read, anything that is left is unknown. */
function noMore(rest: Loose, path: string): void {
  options<object>(rest, path, {});
}

interface Shape extends StackOptions {
  readonly schemaVersion: 1;
  readonly name: string;
  readonly resources: readonly Named[];
}

function shape(json: unknown): Omit<Shape, 'schemaVersion'> {
  const spec = options<Partial<Shape>>(json, 'the spec', {
    schemaVersion: (value, path) => (value === 1 ? value : refuse(path, '1', value)),
    name: text,
    subnet: text,
    isolation: flag,
    baseDir: text,
    resources: (value, path) => anArray(value, path).map((each, index) => named(each, `${path}[${index}]`)),
  });
  const { schemaVersion, name, resources, ...rest } = spec;
  if (schemaVersion === undefined) refuse('the spec.schemaVersion', '1', schemaVersion);
  if (name === undefined) refuse('the spec.name', 'the name of a stack', name);
  if (resources === undefined) refuse('the spec.resources', 'an array', resources);
  const names = new Set<string>();
  for (const [index, { name: each }] of resources.entries()) {
    if (names.has(each)) refuse(`the spec.resources[${index}].name`, 'a name of its own', each);
    names.add(each);
  }
  return { ...rest, name, resources };
}

function named(json: unknown, path: string): Named {
  const resource = anObject(json, path);
  const isContainer = kind(resource['kind'], `${path}.kind`) === 'app' || resource['kind'] === 'service';
  for (const list of isContainer ? ['dependsOn', 'mounts', 'secrets'] : [])
    anArray(resource[list], `${path}.${list}`);
  text(resource['name'], `${path}.name`);
  return resource as Named;
}

function resourceOf(stack: string, { kind, name, ...given }: Named, known: Known): Resource {
  switch (kind) {
    case 'app':
      return new App(stack, name, containerOptions(name, given, known));
    case 'service':
      return new Service(stack, name, containerOptions(name, given, known));
    case 'pool':
      return new Pool(stack, name, poolOptions(name, given, known) as unknown as PoolOptions);
    case 'router':
      return router(stack, name, given, known);
    case 'volume':
      return new Volume(stack, name, given);
    case 'secret':
      return secret(stack, name, given);
  }
}

/** What a name in the spec stands for. Every caller hands it to a constructor, whose check says if it is of the wrong kind. */
function lookUp(name: unknown, path: string, known: Known): Resource {
  return known.get(text(name, path)) ?? refuse(path, 'the name of a resource in this spec', name);
}

function imageOptions(path: string, image: unknown, known: Known): Loose {
  const { type, ...given } = anObject(image, path);
  if (oneOf('pull', 'build')(type, `${path}.type`) === 'build') {
    const secrets = anArray(given['secrets'], `${path}.secrets`).map((each, index) => {
      const at = `${path}.secrets[${index}]`;
      const { secret, ...rest } = anObject(each, at);
      return { secret: lookUp(secret, `${at}.secret`, known), ...rest };
    });
    return { build: { ...given, secrets } };
  }
  const { policy, ...rest } = given;
  return { image: { ...rest, pull: policy } };
}

function healthOptions(path: string, health: unknown): Loose {
  if (health === undefined) return {};
  const { type, path: http, ...rest } = anObject(health, path);
  switch (oneOf('tcp', 'http', 'command')(type, `${path}.type`)) {
    case 'tcp':
      return { health: { tcp: true, ...rest } };
    case 'http':
      return { health: { http, ...rest } };
    case 'command':
      return { health: rest };
  }
}

function mountOptions(path: string, mount: unknown, known: Known): Loose {
  const { type, source, volume, ...rest } = anObject(mount, path);
  switch (oneOf('bind', 'volume', 'tmpfs')(type, `${path}.type`)) {
    case 'bind':
      return { bind: source, ...rest };
    case 'volume':
      return { volume: lookUp(volume, `${path}.volume`, known), ...rest };
    case 'tmpfs':
      return { tmpfs: true, ...rest };
  }
}

function containerOptions(resource: string, given: Loose, known: Known): Loose {
  const { image, health, mounts, secrets, dependsOn, ...same } = given;
  const at = (option: string): string => `${resource}.${option}`;
  const each = (
    option: string,
    list: unknown,
    read: (item: unknown, path: string) => unknown,
  ): readonly unknown[] =>
    anArray(list, at(option)).map((item, index) => read(item, at(`${option}[${index}]`)));
  return {
    ...same,
    ...imageOptions(at('image'), image, known),
    ...healthOptions(at('health'), health),
    dependsOn: each('dependsOn', dependsOn, (name, path) => lookUp(name, path, known)),
    mounts: each('mounts', mounts, (mount, path) => mountOptions(path, mount, known)),
    secrets: each('secrets', secrets, (mount, path) => {
      const { secret, ...rest } = anObject(mount, path);
      return { secret: lookUp(secret, `${path}.secret`, known), ...rest };
    }),
  };
}

function poolOptions(pool: string, given: Loose, known: Known): Loose {
  const { app, balance, maxConcurrency = 'unlimited', sticky, health, image, ...same } = given;
  const { algorithm, ...header } = anObject(balance, `${pool}.balance`);
  if (algorithm !== 'header') noMore(header, `${pool}.balance`);
  return {
    ...same,
    app: lookUp(app, `${pool}.app`, known),
    // Left out, it would be what the app says of its pools.
    maxConcurrency,
    balance: algorithm === 'header' ? header : algorithm,
    sticky: stickyOptions(`${pool}.sticky`, sticky),
    ...healthOptions(`${pool}.health`, health),
    ...imageOptions(`${pool}.image`, image, known),
  };
}

function stickyOptions(path: string, sticky: unknown): unknown {
  const { type, ...cookie } = anObject(sticky, path);
  if (oneOf('none', 'source', 'cookie')(type, `${path}.type`) === 'cookie') return { cookie };
  noMore(cookie, path);
  return type === 'none' ? false : type;
}

function router(stack: string, name: string, given: Loose, known: Known): Router {
  const { routes, tls, image, ...same } = given;
  const made = new Router(stack, name, {
    ...same,
    ...imageOptions(`${name}.image`, image, known),
    ...(tls !== undefined && { tls: tlsOptions(`${name}.tls`, tls, known) }),
  } as unknown as RouterOptions);
  for (const [index, route] of anArray(routes, `${name}.routes`).entries()) {
    const path = `${name}.routes[${index}]`;
    const { prefix, target, allow, auth, ...rest } = anObject(route, path);
    const options = {
      ...rest,
      // An empty list is the spec's way to say that everybody is let in; as an option it would be refused.
      ...(!(Array.isArray(allow) && allow.length === 0) && { allow }),
      ...(auth !== undefined && { auth: authOptions(`${path}.auth`, auth, known) }),
    };
    made.route(prefix as string, routeTarget(`${path}.target`, target, known) as never, options as never);
  }
  return made;
}

function authOptions(path: string, auth: unknown, known: Known): Loose {
  const { users, ...rest } = anObject(auth, path);
  const read = Object.entries(anObject(users, `${path}.users`)).map(([user, password]) => {
    if (!isRecord(password)) return [user, password];
    const { secret, ...more } = password;
    noMore(more, `${path}.users.${user}`);
    return [user, lookUp(secret, `${path}.users.${user}.secret`, known)];
  });
  return { ...rest, users: Object.fromEntries(read) };
}

function tlsOptions(path: string, tls: unknown, known: Known): Loose {
  const { certificate, hosts, ...rest } = anObject(tls, path);
  const others = Object.entries(anObject(hosts, `${path}.hosts`)).map(([host, each]) => [
    host,
    certificateOptions(`${path}.hosts.${host}`, each, known),
  ]);
  return {
    ...rest,
    ...certificateOptions(`${path}.certificate`, certificate, known),
    hosts: Object.fromEntries(others),
  };
}

function certificateOptions(path: string, given: unknown, known: Known): Loose {
  const { type, ...facts } = anObject(given, path);
  const { certificate, key, ...rest } = facts;
  switch (oneOf('own', 'self-signed', 'acme')(type, `${path}.type`)) {
    case 'own':
      noMore(rest, path);
      return {
        certificate: lookUp(certificate, `${path}.certificate`, known),
        key: lookUp(key, `${path}.key`, known),
      };
    case 'self-signed':
      noMore(facts, path);
      return { selfSigned: true };
    case 'acme':
      return { acme: facts };
  }
}

function routeTarget(path: string, target: unknown, known: Known): Loose | Resource {
  const { type, name, to, ...rest } = anObject(target, path);
  if (oneOf('resource', 'redirect')(type, `${path}.type`) === 'redirect') return { redirect: to, ...rest };
  noMore(rest, path);
  return lookUp(name, `${path}.name`, known);
}

function secret(stack: string, name: string, { source, ...rest }: Loose): Secret {
  noMore(rest, name);
  const { type, ...facts } = anObject(source, `${name}.source`);
  switch (oneOf('file', 'env', 'generate', 'value')(type, `${name}.source.type`)) {
    case 'file': {
      const { path: file, ...more } = facts;
      return new Secret(stack, name, { file, ...more } as SecretOptions);
    }
    case 'env': {
      const { variable: env, ...more } = facts;
      return new Secret(stack, name, { env, ...more } as SecretOptions);
    }
    case 'generate': {
      const { bytes: generateBytes, ...more } = facts;
      return new Secret(stack, name, { generateBytes, ...more } as SecretOptions);
    }
    case 'value':
      noMore(facts, `${name}.source`);
      return Secret.withoutValue(stack, name);
  }
}
