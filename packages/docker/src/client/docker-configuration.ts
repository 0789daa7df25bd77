import { dockerConfigFolder, type Environment } from './environment.js';

/** What is read of the `docker` program's own configuration. https://docs.docker.com/reference/cli/docker/#configuration-files */
export interface DockerConfiguration {
  readonly currentContext?: unknown;
  readonly auths?: Readonly<Record<string, StoredLogin>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
  /** By the engine's address, or `default`. */
  readonly proxies?: Readonly<Record<string, Readonly<Record<string, unknown>> | undefined>>;
}

export interface StoredLogin {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

/** Empty where there is none, and where it is broken: the `docker` program warns about that and goes on without it. */
export async function dockerConfiguration(environment: Environment): Promise<DockerConfiguration> {
  const text = await environment.readFile(`${dockerConfigFolder(environment)}/config.json`);
  try {
    const parsed: unknown = JSON.parse(text ?? '{}');
    return typeof parsed === 'object' && parsed !== null ? parsed : {};
  } catch {
    return {};
  }
}
