import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';

/** What the search for an engine and for credentials reads of the machine. Passed in, so that a test can be any machine. */
export interface Environment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly platform: NodeJS.Platform;
  exists(path: string): Promise<boolean>;
  /** The file's text; nothing where there is none. */
  readFile(path: string): Promise<string | undefined>;
}

/** The machine this process runs on. */
export function thisMachine(): Environment {
  return {
    env: process.env,
    home: homedir(),
    platform: process.platform,
    exists: (path) =>
      stat(path).then(
        () => true,
        (error: NodeJS.ErrnoException) => error.code !== 'ENOENT' && error.code !== 'ENOTDIR',
      ),
    readFile: (path) =>
      readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
        throw error;
      }),
  };
}

/** The folder of the `docker` program's own configuration. */
export function dockerConfigFolder({ env, home }: Environment): string {
  return env['DOCKER_CONFIG'] || `${home}/.docker`;
}
