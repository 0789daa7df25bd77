import { argument, dictionary, integer, matching, options, refuse, type Check } from './check.js';
import type { LoggingSpec } from './spec.js';

/** Where the output of a container is kept, and how much of it. */
export interface Logging {
  /**
   * The engine's logging driver, as `local` or `journald`. Of some the output cannot be read back: `logs` and errors are
   * without it then.
   * @default the engine's own
   */
  readonly driver?: string;
  /** Size at which a file of the log is full, in bytes, of the drivers `json-file` and `local`. @default 10485760 */
  readonly maxSizeBytes?: number;
  /** Files that are kept, the one that is written to among them, of the same drivers. @default 3 */
  readonly maxFiles?: number;
  /** Further options of the driver, as `{ tag: 'api' }`. Everybody who may ask the engine sees them: no place for a secret. */
  readonly options?: Readonly<Record<string, string>>;
}

const rotating: readonly (string | undefined)[] = [undefined, 'json-file', 'local'];
const ours = ['max-size', 'max-file'];
const secretive = /token|password|passwd|secret|credential|key$/;

const optionName: Check<string> = (value, path) => {
  const name = matching(/^[a-z0-9][a-z0-9._-]*$/, 'a driver\'s option such as "tag"')(value, path);
  if (ours.includes(name)) refuse(path, 'given as maxSizeBytes or maxFiles', value);
  if (secretive.test(name))
    refuse(
      path,
      "left to the engine's own configuration: everybody who may ask the engine sees it here",
      value,
    );
  return name;
};

export const logging: Check<LoggingSpec> = (value, path) => {
  const given = options<LoggingSpec>(value, path, {
    driver: matching(/^[a-z0-9][a-z0-9._/:-]*$/i, 'the name of a logging driver, as "local"'),
    maxSizeBytes: integer(1024),
    maxFiles: integer(1, 1000),
    options: dictionary(optionName, argument),
  });
  for (const each of ['maxSizeBytes', 'maxFiles'] as const)
    if (given[each] !== undefined && !rotating.includes(given.driver))
      refuse(`${path}.${each}`, 'left out, as only json-file and local have it', given[each]);
  return given;
};
