import type { CallOptions, ContainerCreation, DockerClient } from '@plumbstack/docker/client';

const creation: ContainerCreation = {
  ...{
    name: 'x',
    image: 'y',
    env: {},
    labels: {},
    mounts: [],
    ports: [],
    restart: 'no',
    init: false,
    readOnlyRoot: false,
  },
  ...{ capAdd: [], capDrop: [], securityOptions: [], extraHosts: {}, limits: {}, networks: {} },
};
const network = {
  name: 'n',
  subnet: '10.231.0.0/24',
  gateway: '10.231.0.1',
  dynamicRange: '10.231.0.128/25',
  labels: {},
};
const build = { dockerfile: 'Dockerfile', inline: 'FROM scratch', args: {}, labels: {}, tag: 'x:1' };

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

/** As much as a request's body is. */
async function* chunks(): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(new Uint8Array(1024));
}

/** Every method of the port that asks the engine, so that the compiler asks for a new one here, too. */
export const everyCall: Readonly<
  Record<
    Exclude<keyof DockerClient, 'close' | 'inBackground' | 'machineSubnets'>,
    (client: DockerClient, options: CallOptions) => Promise<unknown>
  >
> = {
  info: (client, options) => client.info(options),
  clock: (client, options) => client.clock(options),
  sharesFiles: (client, options) => client.sharesFiles(options),
  listContainers: (client, options) => client.listContainers('l', options),
  inspectContainer: (client, options) => client.inspectContainer('x', options),
  listNetworks: (client, options) => client.listNetworks(options),
  listVolumes: (client, options) => client.listVolumes('l', options),
  inspectVolume: (client, options) => client.inspectVolume('v', options),
  inspectImage: (client, options) => client.inspectImage('i', options),
  listImages: (client, options) => client.listImages('l', options),
  readFiles: (client, options) => client.readFiles('x', '/etc', options),
  readArchive: (client, options) => drain(client.readArchive('x', '/etc', options)),
  putArchive: (client, options) => client.putArchive('x', '/', chunks(), options),
  logs: (client, options) => drain(client.logs('x', options)),
  events: (client, options) => drain(client.events('l', options)),
  createNetwork: (client, options) => client.createNetwork(network, options),
  removeNetwork: (client, options) => client.removeNetwork('n', options),
  connectNetwork: (client, options) => client.connectNetwork('n', 'x', { aliases: [] }, options),
  disconnectNetwork: (client, options) => client.disconnectNetwork('n', 'x', options),
  createVolume: (client, options) => client.createVolume({ name: 'v', labels: {} }, options),
  removeVolume: (client, options) => client.removeVolume('v', options),
  createContainer: (client, options) => client.createContainer(creation, options),
  startContainer: (client, options) => client.startContainer('x', options),
  stopContainer: (client, options) => client.stopContainer('x', 0, options),
  signalContainer: (client, options) => client.signalContainer('x', 'SIGHUP', options),
  restartContainer: (client, options) => client.restartContainer('x', 0, options),
  unpauseContainer: (client, options) => client.unpauseContainer('x', options),
  removeContainer: (client, options) => client.removeContainer('x', options),
  renameContainer: (client, options) => client.renameContainer('x', 'y', options),
  updateContainer: (client, options) => client.updateContainer('x', { limits: {}, restart: 'no' }, options),
  putFiles: (client, options) =>
    client.putFiles('x', '/', [{ path: 'a', content: 'b', mode: 0o644 }], options),
  exec: (client, options) => client.exec('x', ['true'], options),
  execLines: (client, options) => drain(client.execLines('x', ['true'], options)),
  pullImage: (client, options) => client.pullImage('i', options),
  buildImage: (client, options) => client.buildImage(build, options),
  tagImage: (client, options) => client.tagImage('i', 'i:2', options),
  removeImage: (client, options) => client.removeImage('i', options),
  importEmptyImage: (client, options) => client.importEmptyImage('i:1', options),
};
