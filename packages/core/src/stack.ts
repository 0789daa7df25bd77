import { App, type AppOptions } from './app.js';
import { flag, line, options } from './check.js';
import { PlumbstackError } from './errors.js';
import { freeze } from './freeze.js';
import { ipv4Network } from './ip-address.js';
import { name as checkName } from './name.js';
import { Pool, type PoolOptions } from './pool.js';
import type { Problem } from './problem.js';
import { readSpec } from './read-spec.js';
import { isResource, type Resource } from './resource.js';
import { Router, type RouterOptions } from './router.js';
import { Secret, type SecretOptions } from './secret.js';
import { Service, type ServiceOptions } from './service.js';
import type { StackSpec } from './spec.js';
import { validateSpec } from './validate.js';
import { Volume, type VolumeOptions } from './volume.js';

export interface StackOptions {
  /**
   * IPv4 network of the stack in CIDR form, /16 to /26, as `10.20.0.0/22`: those of its resources are parts of it.
   * @default a free one, chosen by the runtime
   */
  readonly subnet?: string;
  /**
   * Whether each app, pool and service has a network of its own, so that it reaches what it depends on and not its
   * neighbours. `false`: one network, in which everybody reaches everybody, at less cost of starting and taking down.
   * @default true
   */
  readonly isolation?: boolean;
  /** Folder that relative paths start from. @default the runtime's, which is the working directory of the process */
  readonly baseDir?: string;
}

const brand: unique symbol = Symbol.for('plumbstack.stack') as never;

/** Everything that belongs together: apps, services, pools, routers, volumes and secrets. It describes; a runtime acts. */
export class Stack {
  readonly [brand] = true;
  readonly name: string;
  readonly #options: StackOptions;
  readonly #resources: Resource[] = [];

  constructor(name: string, given: StackOptions = {}) {
    this.name = checkName(name, 'the name of a stack');
    this.#options = options<StackOptions>(given, name, {
      subnet: ipv4Network(16, 26),
      isolation: flag,
      baseDir: line,
    });
  }

  /** All resources, in the order of declaration. */
  get resources(): readonly Resource[] {
    return [...this.#resources];
  }

  app(name: string, given: AppOptions): App {
    return this.#add(new App(this.name, name, given));
  }

  service(name: string, given: ServiceOptions): Service {
    return this.#add(new Service(this.name, name, given));
  }

  pool(name: string, given: PoolOptions): Pool {
    return this.#add(new Pool(this.name, name, given));
  }

  router(name: string, given: RouterOptions = {}): Router {
    return this.#add(new Router(this.name, name, given));
  }

  volume(name: string, given: VolumeOptions = {}): Volume {
    return this.#add(new Volume(this.name, name, given));
  }

  secret(name: string, given: SecretOptions): Secret {
    return this.#add(new Secret(this.name, name, given));
  }

  #add<R extends Resource>(resource: R): R {
    this.#resources.push(resource);
    return resource;
  }

  /** Throws `INVALID_STACK` with every problem at once; returns quietly where there is none. Needs no engine. */
  validate(): void {
    const spec = this.#draft();
    const problems = [
      ...this.#resources.flatMap((each) => each.problems),
      ...this.#strangers(),
      ...validateSpec(spec),
    ];
    if (problems.length > 0) throw invalidStack(this.name, problems);
  }

  /** The stack as frozen, JSON-safe data with every default filled in. Throws what {@link validate} throws. */
  toSpec(): StackSpec {
    this.validate();
    return freeze(this.#draft());
  }

  /**
   * Reads back what {@link toSpec} gave, with all its checks: the JSON may come from anywhere. A secret that was made
   * from `{ value }` comes back without its value.
   */
  static fromSpec(json: unknown): Stack {
    const read = readSpec(json);
    const stack = new Stack(read.name, read.options);
    for (const resource of read.resources) stack.#add(resource);
    stack.validate();
    return stack;
  }

  #draft(): StackSpec {
    return {
      schemaVersion: 1,
      name: this.name,
      ...this.#options,
      resources: this.#resources.map((each) => each.toSpec()),
    };
  }

  // A reference into another stack is an object like any other until somebody looks whose it is.
  #strangers(): readonly Problem[] {
    const ours = new Set<Resource>(this.#resources);
    return this.#resources.flatMap((each) =>
      each.links
        .filter(({ target }) => !ours.has(target))
        .map(({ option, target }) => ({
          path: `${each.name}.${option}`,
          message: `refers to ${target.path}, which belongs to another stack`,
          hint: 'Declare it in this stack, or route to its published address from outside.',
        })),
    );
  }
}

export function isStack(value: unknown): value is Stack {
  return typeof value === 'object' && value !== null && brand in value && !isResource(value);
}

function invalidStack(stack: string, problems: readonly Problem[]): PlumbstackError {
  const lines = problems.map(
    ({ path, message, hint }) => `  - ${path}: ${message}${hint === undefined ? '' : `. ${hint}`}`,
  );
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new PlumbstackError('INVALID_STACK', `the stack "${stack}" has ${count}:\n${lines.join('\n')}`, {
    details: { stack, problems },
  });
}
