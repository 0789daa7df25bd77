/** Label keys on the engine, all in one place. Values never hold a secret. */
export const label = {
  /** On everything that is ours; what lacks it is never changed or removed. */
  owner: 'io.plumbstack.owner',
  stack: 'io.plumbstack.stack',
  /** Name of the resource. */
  resource: 'io.plumbstack.resource',
  /** {@link Role} of the object. */
  role: 'io.plumbstack.role',
  /** Digest of what the object was made from. */
  digest: 'io.plumbstack.digest',
  /** What the object was made from, as JSON: the plan's reasons compare it. */
  identity: 'io.plumbstack.identity',
  /** Fixed IPv4 address of a container. */
  address: 'io.plumbstack.address',
  /** Name of the network that the address is of. */
  network: 'io.plumbstack.network',
  /** Number of a pool's worker, which is its slot in HAProxy. */
  worker: 'io.plumbstack.worker',
  /** Who holds a lease, for a person to read. */
  holder: 'io.plumbstack.holder',
  /** Kinds of a stack's resources by name, as JSON: what should be there also where it is gone. */
  resources: 'io.plumbstack.resources',
  /**
   * How long versions of single apps may take to leave, by name, as JSON. Beside the containers and not on them: it changes
   * without another container.
   */
  drainTimeouts: 'io.plumbstack.drain-timeouts',
  /**
   * Stack and resource that an image was built for. No others are on an image: every container that anybody makes of it
   * inherits them, and must not look like one of ours.
   */
  builtForStack: 'io.plumbstack.built-for.stack',
  builtForResource: 'io.plumbstack.built-for.resource',
} as const;

export const owner = 'plumbstack';

/** What an object on the engine is for. */
export type Role =
  | 'app'
  | 'service'
  | 'worker'
  | 'balancer'
  | 'router'
  | 'network'
  | 'volume'
  | 'config'
  | 'secret'
  | 'lease'
  /** Reads or writes a volume while somebody exports or imports it. */
  | 'copy'
  | 'inventory'
  /** An anonymous volume, which goes with its container. */
  | 'scratch';

/** Roles of containers that serve nobody: what a program sees of its stack is without them. */
export const backstage: readonly string[] = ['lease', 'secret', 'copy'] satisfies Role[];

/** Filter for everything of ours. */
export const ours = `${label.owner}=${owner}`;

/** Filter for everything of one stack. */
export function ofStack(stack: string): string {
  return `${label.stack}=${stack}`;
}

/** The labels of an image that is built for a resource. */
export function imageLabels(stack: string, resource: string): Readonly<Record<string, string>> {
  return { [label.builtForStack]: stack, [label.builtForResource]: resource };
}

/** The labels that every other object of a stack carries. */
export function baseLabels(stack: string, resource: string, role: Role): Readonly<Record<string, string>> {
  return { [label.owner]: owner, [label.stack]: stack, [label.resource]: resource, [label.role]: role };
}
