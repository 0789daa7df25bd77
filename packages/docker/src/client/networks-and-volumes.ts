import type {
  CallOptions,
  ListVolumesOptions,
  NetworkCreation,
  NetworkSummary,
  VolumeCreation,
  VolumeSummary,
} from './docker-client.js';
import { part } from './containers.js';
import { hasLostInterface } from './docker-failure.js';
import type { Engine } from './engine.js';
import { toNetworkSummary, toVolumeSummary } from './from-engine.js';
import { unlessGone } from './gone.js';
import { toEngineNetwork } from './to-engine.js';

/** How often an engine looks at its machine's interfaces, of which one may go at any time. */
const mostLooks = 10;

/** The calls about networks and volumes. */
export class NetworksAndVolumes {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async listNetworks(options: CallOptions): Promise<readonly NetworkSummary[]> {
    return this.#engine.call('list networks', options, async (docker) => {
      return (await docker.listNetworks()).map(toNetworkSummary);
    });
  }

  async createNetwork(network: NetworkCreation, options: CallOptions): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#engine.call(`create network ${network.name}`, options, async (docker) => {
          return (await docker.createNetwork(toEngineNetwork(network))).id;
        });
      } catch (error) {
        if (!hasLostInterface(error) || attempt === mostLooks) throw error;
      }
    }
  }

  async removeNetwork(id: string, options: CallOptions): Promise<void> {
    await unlessGone(
      this.#engine.call(`remove network ${id}`, options, (docker) => docker.getNetwork(part(id)).remove()),
    );
  }

  async listVolumes(
    label: string,
    { unused = false, ...options }: ListVolumesOptions,
  ): Promise<readonly VolumeSummary[]> {
    const filters = { label: [label], ...(unused && { dangling: ['true'] }) };
    return this.#engine.call('list volumes', options, async (docker) => {
      return ((await docker.listVolumes({ filters })).Volumes ?? []).map(toVolumeSummary);
    });
  }

  async inspectVolume(name: string, options: CallOptions): Promise<VolumeSummary | undefined> {
    const found = this.#engine.call(`inspect volume ${name}`, options, async (docker) => {
      return toVolumeSummary(await docker.getVolume(part(name)).inspect());
    });
    return unlessGone(found);
  }

  async createVolume(volume: VolumeCreation, options: CallOptions): Promise<void> {
    await this.#engine.call(`create volume ${volume.name}`, options, (docker) =>
      docker.createVolume({
        Name: volume.name,
        ...(volume.driver !== undefined && { Driver: volume.driver }),
        DriverOpts: { ...volume.driverOptions },
        Labels: { ...volume.labels },
      }),
    );
  }

  async removeVolume(name: string, options: CallOptions): Promise<void> {
    await unlessGone(
      this.#engine.call(`remove volume ${name}`, options, (docker) => docker.getVolume(part(name)).remove()),
    );
  }
}
