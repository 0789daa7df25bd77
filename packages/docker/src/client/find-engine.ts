import { contextAddress, currentContext, tlsMaterial } from './docker-context.js';
import { parseEngineAddress, socketAddress, type EngineAddress } from './engine-address.js';
import { dockerConfigFolder, type Environment } from './environment.js';

/** An address worth a try, and what led to it. */
export interface EngineCandidate {
  readonly address: EngineAddress;
  readonly foundBy: string;
}

export interface EngineSearch {
  /** In the order to try. More than one only where nobody chose and several usual sockets exist. */
  readonly candidates: readonly EngineCandidate[];
  /** Usual sockets that do not exist. */
  readonly absent: readonly string[];
}

export interface EngineChoice {
  /** An address, or its text. */
  readonly host?: string | EngineAddress;
  /** Name of a context of the `docker` program. */
  readonly context?: string;
}

/**
 * Where to look for an engine, as the `docker` program decides it: what the options say, else `DOCKER_HOST`, else the
 * current context. Where none of them says anything: the sockets at which Docker, rootless Docker, Docker Desktop and
 * Podman listen. Asks no engine.
 *
 * @throws `INVALID_OPTION` for an address that is none, `NOT_FOUND` for a context that does not exist
 */
export async function findEngine(choice: EngineChoice, environment: Environment): Promise<EngineSearch> {
  const chosen = await chosenEngine(choice, environment);
  if (chosen !== undefined) return { candidates: [chosen], absent: [] };
  const candidates: EngineCandidate[] = [];
  const absent: string[] = [];
  for (const [path, foundBy] of usualSockets(environment)) {
    if (await environment.exists(path)) candidates.push({ address: usualAddress(path), foundBy });
    else absent.push(path);
  }
  return { candidates, absent };
}

async function chosenEngine(
  choice: EngineChoice,
  environment: Environment,
): Promise<EngineCandidate | undefined> {
  const { env } = environment;
  if (choice.host !== undefined) {
    const tls = await tlsFromEnvironment(environment);
    const { host } = choice;
    const address = typeof host === 'string' ? parseEngineAddress(host, 'the option host', tls) : host;
    return { address, foundBy: 'the option host' };
  }
  if (choice.context !== undefined && choice.context !== 'default') {
    return { address: await contextAddress(choice.context, environment), foundBy: 'the option context' };
  }
  if (env['DOCKER_HOST']) {
    const tls = await tlsFromEnvironment(environment);
    return { address: parseEngineAddress(env['DOCKER_HOST'], 'DOCKER_HOST', tls), foundBy: 'DOCKER_HOST' };
  }
  const context = choice.context === undefined ? await currentContext(environment) : undefined;
  if (context === undefined) return undefined;
  const foundBy = `the docker context ${JSON.stringify(context)}`;
  return { address: await contextAddress(context, environment), foundBy };
}

/**
 * `DOCKER_TLS_VERIFY` (any text) or `DOCKER_CERT_PATH` turn TLS on. The engine's certificate is checked in either case:
 * TLS to whoever answers protects nothing.
 */
async function tlsFromEnvironment(
  environment: Environment,
): Promise<Awaited<ReturnType<typeof tlsMaterial>>> {
  const { DOCKER_TLS_VERIFY: verify, DOCKER_CERT_PATH: folder } = environment.env;
  if (!verify && !folder) return undefined;
  const material = await tlsMaterial(folder || dockerConfigFolder(environment), true, environment);
  return material ?? { verify: true };
}

function usualSockets({
  env,
  home,
  platform,
}: Environment): readonly (readonly [path: string, foundBy: string])[] {
  if (platform === 'win32') return [['\\\\.\\pipe\\docker_engine', "Docker's usual pipe"]];
  const runtimeFolder = env['XDG_RUNTIME_DIR'];
  return [
    ['/var/run/docker.sock', "Docker's usual socket"],
    ...(runtimeFolder ? ([[`${runtimeFolder}/docker.sock`, "rootless Docker's socket"]] as const) : []),
    [`${home}/.docker/run/docker.sock`, "Docker Desktop's socket"],
    ...(runtimeFolder
      ? ([[`${runtimeFolder}/podman/podman.sock`, "rootless Podman's socket"]] as const)
      : []),
    ['/run/podman/podman.sock', "Podman's socket"],
  ];
}

function usualAddress(path: string): EngineAddress {
  if (!path.startsWith('\\')) return socketAddress(path);
  return { type: 'socket', path, address: `npipe://${path.replaceAll('\\', '/')}` };
}
