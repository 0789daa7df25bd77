import { randomBytes } from 'node:crypto';
import { connect, type ContainerCreation, type DockerClient } from '@plumbstack/docker/client';
import { hostOf, inFreeSubnet } from '../../support/free-subnet';

export const label = 'io.plumbstack.test.client';
export const image = 'nginx:1.30';

/** A client to the real engine, and everything that a test makes with it: removed at the end of `await using`. */
export class Objects implements AsyncDisposable {
  readonly client: DockerClient;
  readonly run = `cl-${randomBytes(3).toString('hex')}`;
  readonly #networks: string[] = [];
  readonly #images: string[] = [];
  readonly #volumes: string[] = [];

  private constructor(client: DockerClient) {
    this.client = client;
  }

  static async create(options: Parameters<typeof connect>[0] = {}): Promise<Objects> {
    return new Objects(await connect(options));
  }

  get label(): string {
    return `${label}=${this.run}`;
  }

  /** A name of this test's own. */
  name(last: string): string {
    return `${this.run}-${last}`;
  }

  /** A creation with nothing but a name and an image, and what is given. */
  creation(last: string, given: Partial<ContainerCreation> = {}): ContainerCreation {
    return {
      name: this.name(last),
      image,
      env: {},
      labels: { [label]: this.run },
      mounts: [],
      ports: [],
      restart: 'no',
      init: false,
      readOnlyRoot: false,
      capAdd: [],
      capDrop: [],
      securityOptions: [],
      extraHosts: {},
      limits: {},
      networks: {},
      ...given,
    };
  }

  async container(last: string, given: Partial<ContainerCreation> = {}): Promise<string> {
    return this.client.createContainer(this.creation(last, given));
  }

  async running(last: string, given: Partial<ContainerCreation> = {}): Promise<string> {
    const id = await this.container(last, given);
    await this.client.startContainer(id);
    return id;
  }

  /** One that runs a shell command. */
  shell(last: string, script: string, given: Partial<ContainerCreation> = {}): Promise<string> {
    return this.running(last, { entrypoint: ['/bin/sh', '-c', script], init: true, ...given });
  }

  /** @param subnet one of `anySubnet()`, where its addresses matter */
  async network(last: string, subnet?: string): Promise<string> {
    const name = this.name(last);
    this.#networks.push(name);
    const make = (free: string): Promise<unknown> =>
      this.client.createNetwork({
        name,
        subnet: free,
        gateway: hostOf(free, 1),
        dynamicRange: free.replace('.0/24', '.128/25'),
        labels: { [label]: this.run },
      });
    await (subnet === undefined ? inFreeSubnet(make) : make(subnet));
    return name;
  }

  async volume(last: string): Promise<string> {
    const name = this.name(last);
    this.#volumes.push(name);
    await this.client.createVolume({ name, labels: { [label]: this.run } });
    return name;
  }

  /** A reference that is removed in the end. */
  imageName(last: string): string {
    const reference = `${this.name(last)}:1`;
    this.#images.push(reference);
    return reference;
  }

  forget(reference: string): void {
    this.#images.push(reference);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const containers = await this.client.listContainers(this.label);
    await Promise.all(containers.map(({ id }) => this.client.removeContainer(id)));
    for (const name of this.#networks) await this.client.removeNetwork(name);
    for (const name of this.#volumes) await this.client.removeVolume(name);
    for (const name of this.#images) await this.client.removeImage(name);
    this.client.close();
  }
}

/** Waits until `check` holds, within a deadline. */
export async function eventually(check: () => boolean | Promise<boolean>, withinMs = 5000): Promise<void> {
  const end = Date.now() + withinMs;
  while (!(await check())) {
    if (Date.now() > end) throw new Error(`not within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
