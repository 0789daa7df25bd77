import type { Files } from './files.js';

/** What of an nginx matters to whoever runs it: the configuration that is in force. */
export class NginxProcess {
  readonly kind = 'nginx';
  readonly #config: Files;
  #revision: string;
  #targets: Readonly<Record<string, string>>;

  private constructor(config: Files, read: Configuration) {
    this.#config = config;
    this.#revision = read.revision;
    this.#targets = read.targets;
  }

  static start(config: Files): NginxProcess | undefined {
    const read = configurationIn(config);
    return read && new NginxProcess(config, read);
  }

  get revision(): string {
    return this.#revision;
  }

  /** `ip:port` of each resource that it sends requests to; empty where that one is nowhere. */
  get targets(): Readonly<Record<string, string>> {
    return this.#targets;
  }

  /** A configuration that it cannot read leaves the one in force. */
  reload(): void {
    const read = configurationIn(this.#config);
    if (read === undefined) return;
    this.#revision = read.revision;
    this.#targets = read.targets;
  }
}

interface Configuration {
  readonly revision: string;
  readonly targets: Readonly<Record<string, string>>;
}

function configurationIn(config: Files): Configuration | undefined {
  const revision = /^ *return 200 ([0-9a-f]+);$/m.exec(
    config.get('nginx.conf')?.content.toString() ?? '',
  )?.[1];
  if (revision === undefined) return undefined;
  // Where each target is stands in the configuration too, under names that only a renderer knows; the record has them apart.
  const record = JSON.parse(config.get('record.json')?.content.toString() ?? '{}') as {
    active?: Readonly<Record<string, string>>;
  };
  return { revision, targets: record.active ?? {} };
}
