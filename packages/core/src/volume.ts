import { dictionary, line, options, text } from './check.js';
import { freeze } from './freeze.js';
import { Resource } from './resource.js';
import { resourceName } from './name.js';
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
    super(stack, resourceName('volume', name));
    const { driver = 'local', driverOptions = {} } = options<VolumeOptions>(given, name, {
      driver: line,
      driverOptions: dictionary(line, text),
    });
    this.#spec = freeze({ kind: 'volume', name, driver, driverOptions });
  }

  toSpec(): VolumeSpec {
    return this.#spec;
  }
}
