import {
  dependenciesFirst,
  startGraph,
  type AppSpec,
  type ContainerSpec,
  type PoolSpec,
  type ResourceSpec,
  type RouterSpec,
  type SecretSpec,
  type ServiceSpec,
  type StackSpec,
  type VolumeSpec,
} from '@plumbstack/core';

/** A resource with what follows for it from the rest of its stack. */
export type DesiredResource =
  | (Common & { readonly kind: 'volume'; readonly spec: VolumeSpec })
  | (Common & { readonly kind: 'secret'; readonly spec: SecretSpec })
  | (Common & { readonly kind: 'app' | 'service'; readonly spec: AppSpec | ServiceSpec })
  | (Common & { readonly kind: 'pool'; readonly spec: PoolSpec; readonly app: AppSpec })
  | (Common & { readonly kind: 'router'; readonly spec: RouterSpec });

interface Common {
  readonly name: string;
  /** Names of what must be there first. */
  readonly needs: readonly string[];
  /** Names of the secrets that it is given. */
  readonly secrets: readonly string[];
}

export interface DesiredStack {
  readonly name: string;
  /** In the order in which they can be made. */
  readonly resources: readonly DesiredResource[];
}

/** Turns a spec into what has to be there. An app that only runs as a pool's workers is part of that pool. */
export function desiredStack(spec: StackSpec): DesiredStack {
  const { resources } = spec;
  const pooled = new Set(resources.flatMap((each) => (each.kind === 'pool' ? [each.app] : [])));
  const byName = new Map(resources.map((each) => [each.name, each]));
  const started = dependenciesFirst(startGraph(spec)).flatMap((name) => byName.get(name) ?? []);
  const ordered: readonly ResourceSpec[] = [
    ...resources.filter(({ kind }) => kind === 'volume' || kind === 'secret'),
    ...started.filter(
      ({ kind, name }) => (kind === 'app' || kind === 'service' || kind === 'pool') && !pooled.has(name),
    ),
    ...resources.filter(({ kind }) => kind === 'router'),
  ];
  return { name: spec.name, resources: ordered.map((each) => desiredResource(each, spec)) };
}

function desiredResource(resource: ResourceSpec, stack: StackSpec): DesiredResource {
  const { name } = resource;
  switch (resource.kind) {
    case 'volume':
      return { kind: 'volume', name, spec: resource, needs: [], secrets: [] };
    case 'secret':
      return { kind: 'secret', name, spec: resource, needs: [], secrets: [] };
    case 'app': {
      const spec = withPrefix(resource, stack, name);
      return { kind: 'app', name, spec, needs: needsOf(spec), secrets: secretsOf(spec) };
    }
    case 'service':
      return {
        kind: 'service',
        name,
        spec: resource,
        needs: needsOf(resource),
        secrets: secretsOf(resource),
      };
    case 'pool': {
      const found = stack.resources.find((each) => each.kind === 'app' && each.name === resource.app);
      const app = withPrefix(found as AppSpec, stack, name);
      return { kind: 'pool', name, spec: resource, app, needs: needsOf(app), secrets: secretsOf(app) };
    }
    case 'router': {
      const passwords = resource.routes.flatMap(({ auth }) =>
        Object.values(auth?.users ?? {}).flatMap((user) => (typeof user === 'string' ? [] : [user.secret])),
      );
      const { tls: { certificate, hosts } = {} } = resource;
      const tls = [certificate, ...Object.values(hosts ?? {})].flatMap((each) =>
        each?.type === 'own' ? [each.certificate, each.key] : [],
      );
      const secrets = [...new Set([...tls, ...passwords])];
      const targets = resource.routes.flatMap(({ target }) =>
        target.type === 'resource' ? [target.name] : [],
      );
      return { kind: 'router', name, spec: resource, needs: [...new Set([...targets, ...secrets])], secrets };
    }
  }
}

function secretsOf({ secrets }: ContainerSpec): readonly string[] {
  return secrets.map(({ secret }) => secret);
}

function needsOf(spec: ContainerSpec): readonly string[] {
  const volumes = spec.mounts.flatMap((each) => (each.type === 'volume' ? [each.volume] : []));
  return [...new Set([...spec.dependsOn, ...volumes, ...secretsOf(spec)])];
}

/** Fills in `prefixEnv` where exactly one route leads to the app, or to the pool that runs it. */
function withPrefix(app: AppSpec, { resources }: StackSpec, routed: string): AppSpec {
  if (app.prefixEnv === undefined) return app;
  const routes = resources
    .flatMap((each) => (each.kind === 'router' ? each.routes : []))
    .filter(({ target }) => target.type === 'resource' && target.name === routed);
  const prefix = routes.length === 1 ? (routes[0]?.prefix.slice(0, -1) ?? '') : '';
  return prefix === '' ? app : { ...app, env: { [app.prefixEnv]: prefix, ...app.env } };
}
