import { dictionary, line, options, text } from './check.js';
import { Resource } from './resource.js';
import { name as checkName } from './name.js';
import type { VolumeSpec } from './spec.js';

export interface VolumeOptions {
  /** Volume driver. @default 'local' */
  readonly driver?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
}

/** Named data that outlives containers, updates and `down`; it goes only with `down({ volumes: true })`. */
export class Volume extends Resource<'volume'> {
  readonly kind = 'volume';
  readonly #spec: VolumeSpec;

  constructor(stack: string, name: string, given: VolumeOptions = {}) {
    super(stack, checkName(name, `volume ${JSON.stringify(name)}`));
    const { driver = 'local', driverOptions = {} } = options<VolumeOptions>(given, name, {
      driver: line,
      driverOptions: dictionary(line, text),
    });
    this.#spec = { kind: 'volume', name, driver, driverOptions };
  }

  toSpec(): VolumeSpec {
    return this.#spec;
  }
}
