import type { CallOptions, ImageDetails, ImageSummary } from './docker-client.js';
import { packNothing } from './config-archive.js';
import type { Engine } from './engine.js';
import { readEngineMessages } from './engine-messages.js';
import { toImageDetails, toImageSummary } from './from-engine.js';
import { unlessGone } from './gone.js';
import { parseImageReference } from './image-reference.js';

/** The calls about images that the engine has. */
export class Images {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async inspect(reference: string, options: CallOptions): Promise<ImageDetails | undefined> {
    const found = this.#engine.call(`inspect image ${reference}`, options, async (docker) => {
      return toImageDetails(await docker.getImage(reference).inspect());
    });
    return unlessGone(found);
  }

  async list(label: string, options: CallOptions): Promise<readonly ImageSummary[]> {
    const filters = { label: [label] };
    return this.#engine.call('list images', options, async (docker) => {
      return (await docker.listImages({ filters })).map(toImageSummary);
    });
  }

  async tag(image: string, reference: string, options: CallOptions): Promise<void> {
    const { name: repo, version: tag } = parseImageReference(reference);
    await this.#engine.call(`tag image ${reference}`, options, (docker) =>
      docker.getImage(image).tag({ repo, tag }),
    );
  }

  async remove(reference: string, options: CallOptions): Promise<void> {
    await unlessGone(
      this.#engine.call(`remove image ${reference}`, options, (docker) =>
        docker.getImage(reference).remove(),
      ),
    );
  }

  async importEmpty(reference: string, options: CallOptions): Promise<void> {
    const name = `import image ${reference}`;
    const { name: repo, version: tag } = parseImageReference(reference);
    const archive = packNothing();
    try {
      const answer = this.#engine.chunks(
        name,
        { ...options, silenceMs: this.#engine.callTimeoutMs },
        (docker) => docker.importImage(archive, { repo: `${repo}:${tag}` }), // Podman 4.3 reads no `tag`
      );
      for await (const { error } of readEngineMessages(answer)) {
        if (error !== undefined) throw this.#engine.refused(name, error);
      }
    } finally {
      archive.destroy();
    }
  }
}
