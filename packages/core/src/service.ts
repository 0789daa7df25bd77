import { connection as checkConnection, type CheckedConnection, type Connection } from './connection.js';
import { checkContainer, containerSpec, imageProblems, type ContainerOptions } from './container-options.js';
import { freeze } from './freeze.js';
import { linksIn, type Link } from './link.js';
import { resourceName } from './name.js';
import type { Problem } from './problem.js';
import { loopback } from './publish.js';
import { Resource } from './resource.js';
import type { ServiceSpec } from './spec.js';

export interface ServiceOptions extends ContainerOptions {
  /** What a container gets that connects to this service. @default nothing but the start order */
  readonly connection?: Connection;
}

/** A container that is no routed app: a database, a cache, a queue. Other resources reach it at its name. */
export class Service extends Resource<'service'> {
  readonly kind = 'service';
  readonly #links: readonly Link[];
  readonly #problems: readonly Problem[];
  readonly #spec: ServiceSpec;
  readonly #connection: CheckedConnection;

  constructor(stack: string, name: string, given: ServiceOptions) {
    super(stack, resourceName('service', name));
    const checked = checkContainer<{ connection?: CheckedConnection }>(
      given,
      name,
      { connection: checkConnection },
      loopback,
    );
    this.#connection = checked.connection ?? { env: {}, secrets: [] };
    this.#links = linksIn(given);
    this.#problems = imageProblems(name, checked);
    this.#spec = freeze({ kind: 'service', ...containerSpec(name, checked, undefined) });
  }

  override get links(): readonly Link[] {
    return this.#links;
  }

  override get problems(): readonly Problem[] {
    return this.#problems;
  }

  /** For containers that connect: what leads here, as their spec has it. A service of a spec that was read back has none. */
  get connection(): CheckedConnection {
    return this.#connection;
  }

  toSpec(): ServiceSpec {
    return this.#spec;
  }
}
