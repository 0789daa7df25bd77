import { certifiedHosts, servedHosts } from './certified-hosts.js';
import { misplacedFiles } from './file-places.js';
import { findCycle, type Graph } from './graph.js';
import { isIpv6 } from './ip-address.js';
import { hostCovers, oneOfKind, reservedNames } from './name.js';
import { addressesOverlap } from './publish.js';
import type { Problem } from './problem.js';
import { routerPort } from './router.js';
import type {
  AppSpec,
  ContainerSpec,
  PublishSpec,
  ResourceSpec,
  RouteSpec,
  RouterSpec,
  StackSpec,
} from './spec.js';

/** Every problem that only shows when a stack is seen whole. Pure: needs no engine. */
export function validateSpec(spec: StackSpec): readonly Problem[] {
  return [
    ...duplicateNames(spec),
    ...longNames(spec),
    ...dependencyCycle(spec),
    ...portClashes(spec),
    ...pooledApps(spec),
    ...spec.resources.flatMap((each) =>
      each.kind === 'router'
        ? [...routeClashes(each), ...strangeCertificates(each), ...unobtainableCertificates(each)]
        : [],
    ),
    ...unknownVisitors(spec),
    ...spec.resources.flatMap((each) => (isContainer(each) ? misplacedFiles(each) : [])),
    ...spec.resources.flatMap((each) => (isContainer(each) ? variableClashes(each) : [])),
    ...spec.resources.flatMap((each) => (each.kind === 'app' ? heldPort(each) : [])),
  ];
}

function isContainer(spec: ResourceSpec): spec is Extract<ResourceSpec, ContainerSpec> {
  return spec.kind === 'app' || spec.kind === 'service';
}

function duplicateNames(spec: StackSpec): readonly Problem[] {
  const seen = new Map<string, ResourceSpec>();
  const problems: Problem[] = [];
  for (const resource of spec.resources) {
    const { name, kind } = resource;
    const first = seen.get(name);
    if (first !== undefined) {
      problems.push({
        path: name,
        message: `names both ${oneOfKind(first.kind)} and ${oneOfKind(kind)}`,
        hint: 'Give each resource of a stack a name of its own.',
      });
    }
    if (reservedNames.includes(name))
      problems.push({ path: name, message: 'is a reserved name', hint: 'Choose another.' });
    seen.set(name, first ?? resource);
  }
  return [...problems, ...containerNameClashes(spec)];
}

/** RFC 1123: one label of a host name. */
const longestLabel = 63;

/** A container's name is its host name: `<stack>-<name>`, and `<stack>-<pool>-<n>` with up to four digits. */
function longNames({ name: stack, resources }: StackSpec): readonly Problem[] {
  return resources.flatMap(({ kind, name }) => {
    if (kind === 'volume' || kind === 'secret') return [];
    const length = `${stack}-${name}${kind === 'pool' ? '-9999' : ''}`.length;
    if (length <= longestLabel) return [];
    return [
      {
        path: name,
        message: `makes container names of ${length} characters together with the stack's name`,
        hint: `A host name has at most ${longestLabel}. Shorten one of the two.`,
      },
    ];
  });
}

/** `<stack>-<pool>-<n>` must not be another resource's `<stack>-<name>`. */
function containerNameClashes({ resources }: StackSpec): readonly Problem[] {
  const pools = resources.filter((each) => each.kind === 'pool');
  return resources.flatMap(({ name }) =>
    pools
      .filter((pool) => name.startsWith(`${pool.name}-`) && /^\d+$/.test(name.slice(pool.name.length + 1)))
      .map((pool) => ({
        path: name,
        message: `is the name that a worker of the pool ${pool.name} gets`,
        hint: 'Rename one of the two.',
      })),
  );
}

/** What must be there before what: an app's `dependsOn`, a pool's app's. */
export function startGraph(spec: StackSpec): Graph {
  return new Map(
    spec.resources.map((each) => [
      each.name,
      isContainer(each) ? each.dependsOn : each.kind === 'pool' ? [each.app] : [],
    ]),
  );
}

function dependencyCycle(spec: StackSpec): readonly Problem[] {
  const cycle = findCycle(startGraph(spec));
  if (cycle === undefined) return [];
  return [
    {
      path: `${cycle[0]}.dependsOn`,
      message: `is a cycle: ${cycle.join(' -> ')}`,
      hint: 'Nothing of it could ever start first. Remove one of these dependencies.',
    },
  ];
}

interface Published extends PublishSpec {
  readonly path: string;
}

function publishedBy(resource: ResourceSpec): readonly Published[] {
  const named = (option: string, list: readonly PublishSpec[]): readonly Published[] =>
    list.map((each, index) => ({
      ...each,
      path: `${resource.name}.${option}${list.length > 1 ? `[${index}]` : ''}`,
    }));
  switch (resource.kind) {
    case 'app':
    case 'service':
    case 'router':
      return named('publish', resource.publish);
    case 'pool':
      return [...named('publish', resource.publish), ...named('stats', resource.stats)];
    case 'volume':
    case 'secret':
      return [];
  }
}

function portClashes(spec: StackSpec): readonly Problem[] {
  const all = spec.resources.flatMap(publishedBy).filter(({ port }) => port !== 0);
  return all.flatMap((each, index) => {
    const first = all
      .slice(0, index)
      .find((other) => other.port === each.port && addressesOverlap(other.host, each.host));
    if (first === undefined) return [];
    return [
      {
        path: each.path,
        message: `publishes port ${each.port}, which ${first.path} publishes too`,
        hint: 'Give one of them another port, or another address.',
      },
    ];
  });
}

function pooledApps(spec: StackSpec): readonly Problem[] {
  const poolOf = new Map<string, string>();
  const problems: Problem[] = [];
  for (const pool of spec.resources) {
    if (pool.kind !== 'pool') continue;
    const first = poolOf.get(pool.app);
    if (first === undefined) poolOf.set(pool.app, pool.name);
  }
  for (const resource of spec.resources) {
    if (resource.kind === 'app' && resource.publish.length > 0 && poolOf.has(resource.name)) {
      problems.push({
        path: `${resource.name}.publish`,
        message: `publishes a port of an app that only runs as workers of the pool ${poolOf.get(resource.name)}`,
        hint: 'Several workers cannot hold one port. Publish the pool.',
      });
    }
    const names =
      resource.kind === 'router'
        ? resource.routes.map(({ target }, index) => ({
            option: `routes[${index}].target`,
            name: target.type === 'resource' ? target.name : undefined,
          }))
        : isContainer(resource)
          ? resource.dependsOn.map((name, index) => ({ option: `dependsOn[${index}]`, name }))
          : [];
    for (const { option, name } of names) {
      const pool = name === undefined ? undefined : poolOf.get(name);
      if (pool === undefined) continue;
      problems.push({
        path: `${resource.name}.${option}`,
        message: `is the app ${name}, which only runs as workers of the pool ${pool}`,
        hint: `Refer to the pool.`,
      });
    }
  }
  return problems;
}

function routeClashes(router: RouterSpec): readonly Problem[] {
  const key = ({ host, prefix }: RouteSpec): string => `${host ?? '*'}${prefix}`;
  const firsts = new Map<string, number>();
  return router.routes.flatMap((route, index) => {
    const first = firsts.get(key(route));
    if (first === undefined) {
      firsts.set(key(route), index);
      return [];
    }
    return [
      {
        path: `${router.name}.routes[${index}]`,
        message: `has the host and prefix of routes[${first}]: ${route.host ?? 'every host'} ${route.prefix}`,
        hint: 'Remove one of them, or give them different hosts or prefixes.',
      },
    ];
  });
}

/**
 * What depends on a visitor's address, where visitors come over IPv6: a stack's networks are of IPv4, and the engine shows
 * its gateway's address instead of theirs.
 */
function unknownVisitors({ resources }: StackSpec): readonly Problem[] {
  const bySource = new Set(resources.flatMap((each) => (isBySource(each) ? [each.name] : [])));
  return resources.flatMap((each) => {
    if (each.kind !== 'router' && each.kind !== 'pool') return [];
    const published = each.publish.find(({ host }) => isIpv6(host));
    if (published === undefined) return [];
    const rules =
      each.kind === 'router' ? addressRules(each, bySource) : bySource.has(each.name) ? ['publish'] : [];
    return rules.map((rule) => ({
      path: `${each.name}.${rule}`,
      message: `depends on visitors' addresses, and those who come to [${published.host}]:${published.port} have none here`,
      hint: "The engine shows its gateway's address for every visitor over IPv6. Publish on IPv4 addresses only, or take the rule away.",
    }));
  });
}

function isBySource(spec: ResourceSpec): boolean {
  return spec.kind === 'pool' && (spec.sticky.type === 'source' || spec.balance.algorithm === 'source');
}

/** Options of a router by which it treats visitors by their addresses. */
function addressRules({ routes, maintenance }: RouterSpec, bySource: ReadonlySet<string>): readonly string[] {
  const excepts = (rule: RouteSpec['maintenance']): boolean => (rule?.except.length ?? 0) > 0;
  return [
    ...(excepts(maintenance) ? ['maintenance.except'] : []),
    ...routes.flatMap((route, index) => [
      ...(['allow', 'deny'] as const).flatMap((rule) =>
        route[rule].length > 0 ? [`routes[${index}].${rule}`] : [],
      ),
      ...(route.rateLimit === undefined ? [] : [`routes[${index}].rateLimit`]),
      ...(excepts(route.maintenance) ? [`routes[${index}].maintenance.except`] : []),
      ...(route.target.type === 'resource' && bySource.has(route.target.name)
        ? [`routes[${index}].target`]
        : []),
    ]),
  ];
}

/** A certificate for a host that answers nothing is a mistake in one of the two names. */
function strangeCertificates(router: RouterSpec): readonly Problem[] {
  const { name, serverName, tls } = router;
  if (tls === undefined || serverName.length === 0) return [];
  const served = servedHosts(router);
  const isServed = (host: string): boolean =>
    served.some((each) => hostCovers(each, host) || hostCovers(host, each));
  return Object.keys(tls.hosts)
    .filter((host) => !isServed(host))
    .map((host) => ({
      path: `${name}.tls.hosts`,
      message: `has a certificate for ${host}, which the router does not answer for`,
      hint: 'Add the host to serverName, or correct its name.',
    }));
}

/** What an authority that asks each host over plain HTTP cannot issue: RFC 8555, section 8.3. */
function unobtainableCertificates(router: RouterSpec): readonly Problem[] {
  const { name, publish, tls } = router;
  if (tls === undefined) return [];
  const wanted = [
    ...(tls.certificate.type === 'acme' ? [{ path: `${name}.tls.acme`, hosts: certifiedHosts(router) }] : []),
    ...Object.entries(tls.hosts).flatMap(([host, { type }]) =>
      type === 'acme' ? [{ path: `${name}.tls.hosts.${host}.acme`, hosts: [host] }] : [],
    ),
  ];
  const [first] = wanted;
  if (first === undefined) return [];
  const plain = publish.some(({ containerPort }) => containerPort === routerPort);
  return [
    ...wanted.flatMap(({ path, hosts }) => unobtainable(path, hosts)),
    ...(plain
      ? []
      : [
          {
            path: first.path,
            message: 'needs plain HTTP, over which the authority asks, and the router publishes none',
            hint: 'Publish it beside HTTPS: publish: [443, 80].',
          },
        ]),
  ];
}

function unobtainable(path: string, hosts: readonly string[]): readonly Problem[] {
  if (hosts.length === 0) {
    return [
      {
        path,
        message: 'is a certificate for no host',
        hint: 'Name the hosts that the router answers for: serverName.',
      },
    ];
  }
  return hosts
    .filter((host) => host.startsWith('*.'))
    .map((host) => ({
      path,
      message: `cannot be had for ${host}: the authority asks at the host itself, and a wildcard is none`,
      hint: 'Name the hosts one by one, or give the wildcard a certificate of your own in tls.hosts.',
    }));
}

function variableClashes({ name, env, secrets }: ContainerSpec): readonly Problem[] {
  const taken = new Map(Object.keys(env).map((variable) => [variable, `env.${variable}`]));
  return secrets.flatMap(({ env: variable }, index) => {
    if (variable === undefined) return [];
    const first = taken.get(variable);
    taken.set(variable, first ?? `secrets[${index}].env`);
    if (first === undefined) return [];
    return [
      {
        path: `${name}.secrets[${index}].env`,
        message: `is ${variable}, which ${first} sets too`,
        hint: 'Give each a variable of its own.',
      },
    ];
  });
}

function heldPort({ name, publish, updateOrder }: AppSpec): readonly Problem[] {
  if (publish.length === 0 || updateOrder === 'stop-first') return [];
  return [
    {
      path: `${name}.updateOrder`,
      message: 'is start-first for an app that publishes a port of its own',
      hint: 'Two containers cannot hold one port. Put a router in front of it, or leave updateOrder out.',
    },
  ];
}
