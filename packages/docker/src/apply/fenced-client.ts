import type { DockerClient, DockerWriter } from '../client/docker-client.js';

/** Every call that can change something. The compiler refuses a list that lacks one. */
const writes: Readonly<Record<keyof DockerWriter, true>> = {
  createNetwork: true,
  removeNetwork: true,
  connectNetwork: true,
  disconnectNetwork: true,
  createVolume: true,
  removeVolume: true,
  createContainer: true,
  startContainer: true,
  stopContainer: true,
  signalContainer: true,
  restartContainer: true,
  unpauseContainer: true,
  removeContainer: true,
  renameContainer: true,
  updateContainer: true,
  putFiles: true,
  putArchive: true,
  exec: true,
  execLines: true,
  pullImage: true,
  buildImage: true,
  tagImage: true,
  removeImage: true,
  importEmptyImage: true,
};

type Call = (this: DockerClient, ...args: unknown[]) => unknown;

/** A client that asks `mayWrite` before each call that changes something, and does not make it where that rejects. */
export function fenced(client: DockerClient, mayWrite: () => Promise<void>): DockerClient {
  return new Proxy(client, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name, target);
      if (typeof found !== 'function') return found;
      const call = (found as Call).bind(target);
      if (!(name in writes)) return call;
      return async (...args: unknown[]): Promise<unknown> => {
        await mayWrite();
        return call(...args);
      };
    },
  });
}
