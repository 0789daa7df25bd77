import { dockerConfiguration } from './docker-configuration.js';
import type { Environment } from './environment.js';

/** Settings of the `docker` program's configuration, by the variable that programs look for. */
const settings = {
  HTTP_PROXY: 'httpProxy',
  HTTPS_PROXY: 'httpsProxy',
  FTP_PROXY: 'ftpProxy',
  NO_PROXY: 'noProxy',
  ALL_PROXY: 'allProxy',
} as const;

/**
 * Variables that tell programs in containers, and steps of builds, which proxies lead out of this network: what `docker run` and
 * `docker build` set from `proxies` in the `docker` program's configuration. Each in capital and in small letters, since
 * programs look for either. https://docs.docker.com/engine/cli/proxy/
 *
 * @param address the engine's, as `tcp://10.0.0.1:2375`: it may have proxies of its own
 */
export async function proxyVariables(
  environment: Environment,
  address: string,
): Promise<Readonly<Record<string, string>>> {
  const { proxies = {} } = await dockerConfiguration(environment);
  const chosen = proxies[address] ?? proxies['default'] ?? {};
  return Object.fromEntries(
    Object.entries(settings).flatMap(([variable, setting]) => {
      const value = chosen[setting];
      if (typeof value !== 'string' || value === '') return [];
      return [variable, variable.toLowerCase()].map((name) => [name, value] as const);
    }),
  );
}
