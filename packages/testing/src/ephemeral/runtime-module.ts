import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PlumbstackError, type Runtime } from '@plumbstack/core';

/** How another process makes a runtime like the one at hand: by importing a module and calling `new` on what it exports. */
export interface RuntimeModule {
  /** As `@plumbstack/docker`, or a path. */
  readonly module: string;
  /** Name of the class that it exports, as `DockerRuntime`. */
  readonly export: string;
  /** What the class is given: JSON-safe. @default nothing */
  readonly options?: object;
  /** Folder that the module is looked for from. @default the working directory */
  readonly from?: string;
}

/** Where the module is, as a URL. Throws `INVALID_OPTION` where it is not. */
export function locate({ module, from = process.cwd() }: RuntimeModule): string {
  try {
    return pathToFileURL(createRequire(join(from, 'from.js')).resolve(module)).href;
  } catch (cause) {
    throw new PlumbstackError('INVALID_OPTION', `cleaner.module cannot be found: ${module}.`, {
      details: { path: 'cleaner.module', module, from },
      hint: 'It is looked for as an import in that folder would be. Name the folder: from: __dirname.',
      cause,
    });
  }
}

/** The runtime of a located module. */
export async function runtimeOf(url: string, name: string, options: object | undefined): Promise<Runtime> {
  const exported: unknown = ((await import(url)) as Readonly<Record<string, unknown>>)[name];
  if (typeof exported !== 'function') {
    throw new PlumbstackError('INVALID_OPTION', `cleaner.export is no class of ${url}: ${name}.`, {
      details: { path: 'cleaner.export', name },
    });
  }
  return new (exported as new (options?: object) => Runtime)(options);
}
