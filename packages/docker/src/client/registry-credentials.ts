import { spawn } from 'node:child_process';
import { dockerConfiguration, type DockerConfiguration, type StoredLogin } from './docker-configuration.js';
import type { Environment } from './environment.js';

/** What the engine shows a registry for the user. */
export interface RegistryCredential {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly serveraddress: string;
}

export interface FoundCredential {
  readonly credential?: RegistryCredential;
  /** Why there is none although the configuration promises one. */
  readonly problem?: string;
}

/** The name under which Docker keeps Docker Hub's login. */
const dockerHub = 'https://index.docker.io/v1/';
const helperTimeoutMs = 30_000;

/**
 * The user's logins, from the `docker` program's configuration: in its file, or with a helper program that keeps them in
 * the system's key store. https://docs.docker.com/reference/cli/docker/login/#credential-stores
 */
export class RegistryCredentials {
  readonly #environment: Environment;

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** @param registry host of a registry, as `docker.io` or `registry.example.org:5000` */
  async find(registry: string): Promise<FoundCredential> {
    return this.#lookUp(
      registry === 'docker.io' ? dockerHub : registry,
      await dockerConfiguration(this.#environment),
    );
  }

  /** Every login there is, by server: a build may need any of them for its base images. */
  async all(): Promise<Readonly<Record<string, RegistryCredential>>> {
    const configuration = await dockerConfiguration(this.#environment);
    const servers = new Set([
      ...Object.keys(configuration.auths ?? {}),
      ...Object.keys(configuration.credHelpers ?? {}),
      ...(await this.#listed(configuration.credsStore)),
    ]);
    const all: Record<string, RegistryCredential> = {};
    for (const server of servers) {
      const { credential } = await this.#lookUp(server, configuration);
      if (credential !== undefined) all[server] = credential;
    }
    return all;
  }

  async #lookUp(server: string, configuration: DockerConfiguration): Promise<FoundCredential> {
    const helper =
      configuration.credHelpers?.[hostOf(server)] ??
      configuration.credHelpers?.[server] ??
      configuration.credsStore;
    if (helper !== undefined && helper !== '') return this.#fromHelper(helper, server);
    const found = Object.entries(configuration.auths ?? {}).find(
      ([key]) => key === server || hostOf(key) === hostOf(server),
    );
    const credential = found === undefined ? undefined : fromFile(found[1], server);
    return credential === undefined ? {} : { credential };
  }

  async #fromHelper(helper: string, server: string): Promise<FoundCredential> {
    const { stdout, problem } = await runHelper(helper, 'get', server, this.#environment);
    // The helpers' own way to say "none", on standard output. docker/docker-credential-helpers, credentials/error.go
    if (/credentials not found/i.test(stdout)) return {};
    const answer = problem === undefined ? readAnswer(stdout) : undefined;
    if (answer === undefined)
      return { problem: problem ?? `docker-credential-${helper} answers no credentials.` };
    const { Username, Secret } = answer;
    if (Username === '<token>') return { credential: { identitytoken: Secret, serveraddress: server } };
    return { credential: { username: Username, password: Secret, serveraddress: server } };
  }

  async #listed(helper: string | undefined): Promise<readonly string[]> {
    if (helper === undefined || helper === '') return [];
    const { stdout, problem } = await runHelper(helper, 'list', '', this.#environment);
    const answer = problem === undefined ? tryParse(stdout) : undefined;
    return typeof answer === 'object' && answer !== null ? Object.keys(answer) : [];
  }
}

function fromFile(login: StoredLogin, server: string): RegistryCredential | undefined {
  const { auth, identitytoken } = login;
  if (identitytoken) return { identitytoken, serveraddress: server };
  if (auth) {
    const plain = Buffer.from(auth, 'base64').toString();
    const colon = plain.indexOf(':');
    // Some programs pad the password with NUL.
    const password = plain.slice(colon + 1).replace(/\0+$/, '');
    return colon < 1 ? undefined : { username: plain.slice(0, colon), password, serveraddress: server };
  }
  const { username, password } = login;
  return username && password ? { username, password, serveraddress: server } : undefined;
}

/** `https://registry.example.org/v1/` and `registry.example.org` are one server in the file. */
function hostOf(server: string): string {
  const host = server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return host === 'docker.io' ? 'index.docker.io' : host;
}

function readAnswer(text: string): { readonly Username: string; readonly Secret: string } | undefined {
  const answer = tryParse(text) as { Username?: unknown; Secret?: unknown } | null | undefined;
  if (typeof answer?.Username !== 'string' || typeof answer.Secret !== 'string') return undefined;
  return { Username: answer.Username, Secret: answer.Secret };
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Runs a helper, with its question on standard input. */
function runHelper(
  helper: string,
  action: 'get' | 'list',
  input: string,
  { env }: Environment,
): Promise<{ readonly stdout: string; readonly problem?: string }> {
  const program = `docker-credential-${helper}`;
  return new Promise((resolve) => {
    const child = spawn(program, [action], { env: { ...env }, timeout: helperTimeoutMs });
    const output: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.resume();
    child.stdin.on('error', () => {}); // A helper that reads nothing closes it; its exit code says more.
    child.on('error', (error) =>
      resolve({ stdout: '', problem: `${program} cannot be run (${error.message}).` }),
    );
    child.on('close', (code) => {
      const stdout = Buffer.concat(output).toString();
      resolve(code === 0 ? { stdout } : { stdout, problem: `${program} ended with ${code ?? 'a signal'}.` });
    });
    child.stdin.end(input);
  });
}
