import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readDockerfile, readIfThere } from './build-context.js';
import { BuildkitOutput } from './buildkit-output.js';
import { Deadline } from './deadline.js';
import type { BuildImageOptions, BuildSecretValue, ImageBuild } from './docker-client.js';
import { noAnswer } from './docker-failure.js';
import type { Engine } from './engine.js';
import type { EngineAddress } from './engine-address.js';
import type { Environment } from './environment.js';
import { buildFailure, buildxFailure } from './image-failure.js';

/** Time for `docker buildx` to call a build off. */
const cancelMs = 10_000;

/**
 * Builds with the engine's BuildKit, through `docker buildx`: its own protocol has sessions for secrets and SSH that no
 * library for Node speaks. The program gets a list of arguments, a Dockerfile's text on its standard input, and secrets in its
 * environment; it reads the user's logins itself.
 *
 * @param needs what the classic builder cannot do, for the error where there is no `docker buildx`
 */
export async function buildWithBuildkit(
  engine: Engine,
  environment: Environment,
  build: ImageBuild,
  needs: string,
  options: BuildImageOptions,
): Promise<void> {
  await using scratch = new ScratchFolder();
  const source = await sourceOf(build, scratch);
  const secrets = await passSecrets(build.secrets ?? [], scratch);
  const env = { ...(await engineEnvironment(engine.address, environment, scratch)), ...secrets.env };
  const call = { call: `build image ${build.tag}`, address: engine.address.address };
  const { silenceTimeoutMs } = engine;
  const deadline = new Deadline(silenceTimeoutMs, () => noAnswer(call, silenceTimeoutMs), options.signal);
  try {
    deadline.signal.throwIfAborted();
    const output = new BuildkitOutput(options, masks(build.secrets ?? []));
    const program = spawn('docker', [...buildArguments(build), ...secrets.options, ...source.options], {
      env,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    program.stdin.on('error', () => {}); // A program that reads nothing closes it; its exit code says more.
    program.stdin.end(source.text);
    const lines = createInterface({ input: program.stderr });
    lines.on('line', (line) => {
      deadline.restart();
      output.take(line);
    });
    const code = await ended(program, deadline.signal);
    deadline.signal.throwIfAborted();
    if (code === 0) return;
    throw failed(build, needs, output, code);
  } finally {
    deadline.clear();
  }
}

/** Its exit code; an error where it could not be run. Ends it when the signal aborts. */
function ended(program: ChildProcess, signal: AbortSignal): Promise<number | null | Error> {
  return new Promise((resolve) => {
    let last: NodeJS.Timeout | undefined;
    const end = (): void => {
      program.kill('SIGTERM');
      last = setTimeout(() => program.kill('SIGKILL'), cancelMs);
    };
    const settle = (result: number | null | Error): void => {
      clearTimeout(last);
      signal.removeEventListener('abort', end);
      resolve(result);
    };
    signal.addEventListener('abort', end, { once: true });
    program.once('error', settle);
    program.once('close', settle);
  });
}

function failed(
  build: ImageBuild,
  needs: string,
  output: BuildkitOutput,
  code: number | null | Error,
): Error {
  const { step, lastLines, libraries, reason } = output;
  const said = lastLines.join('\n');
  if (code instanceof Error) return buildxFailure(build.tag, needs, code.message, code);
  if (step === undefined && buildxIsMissing.test(said)) return buildxFailure(build.tag, needs, said);
  return buildFailure({
    image: build.tag,
    reason: reason ?? `docker buildx ended with ${code ?? 'a signal'}`,
    ...{ step, lastLines, libraries },
  });
}

/** How the `docker` program says that it has no buildx, and a buildx before 0.13 that it cannot write what is read here. */
const buildxIsMissing =
  /is not a docker command|unknown (?:shorthand )?flag|unknown command|invalid progress mode/;

/** Every value after `=` in one argument: none can be taken for an option. */
function buildArguments(build: ImageBuild): readonly string[] {
  const { args, labels, target, platform, tag, cacheFrom = [], contexts = {}, ssh = false } = build;
  return [
    // The builder that is the engine itself, whichever the user has chosen for other work.
    ...['buildx', 'build', '--builder=default', '--progress=rawjson', '--provenance=false', '--load'],
    `--tag=${tag}`,
    ...Object.entries(args).map(([key, value]) => `--build-arg=${key}=${value}`),
    ...Object.entries(labels).map(([key, value]) => `--label=${key}=${value}`),
    ...(target === undefined ? [] : [`--target=${target}`]),
    ...(platform === undefined ? [] : [`--platform=${platform}`]),
    ...cacheFrom.map((reference) => `--cache-from=${reference}`),
    ...Object.entries(contexts).map(([name, folder]) => `--build-context=${name}=${folder}`),
    ...(ssh ? ['--ssh=default'] : []),
  ];
}

/** Where the program finds what it builds from, and the Dockerfile's text where that is its input. */
async function sourceOf(
  build: ImageBuild,
  scratch: ScratchFolder,
): Promise<{ readonly options: readonly string[]; readonly text: string }> {
  const { context, dockerfile, inline, steps } = build;
  const text = inline === undefined && steps === undefined ? '' : await readDockerfile(build);
  if (context === undefined) return { options: ['-'], text };
  const from = (file: string): readonly string[] => [`--file=${file}`, '--', context];
  if (inline !== undefined) return { options: from('-'), text };
  if (steps === undefined) return { options: from(join(context, dockerfile)), text };
  // A file with more in it, with the ignore file beside it that the one of before has.
  const file = await scratch.write('Dockerfile', Buffer.from(text));
  const ignore = await readIfThere(join(context, `${dockerfile}.dockerignore`));
  if (ignore !== undefined) await scratch.write('Dockerfile.dockerignore', Buffer.from(ignore));
  return { options: from(file), text: '' };
}

/** Longest value of one variable that Linux takes, with room for its name. */
const longestVariable = 100_000;

interface PassedSecrets {
  readonly options: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** In the program's environment; what no variable can hold in a file that only this user reads and that goes afterwards. */
async function passSecrets(
  secrets: readonly BuildSecretValue[],
  scratch: ScratchFolder,
): Promise<PassedSecrets> {
  const options: string[] = [];
  const env: Record<string, string> = {};
  for (const [index, { id, value }] of secrets.entries()) {
    const text = value.toString();
    const isText = Buffer.from(text).equals(value) && !text.includes('\0');
    if (isText && value.length <= longestVariable) {
      const variable = `PLUMBSTACK_BUILD_SECRET_${index}`;
      env[variable] = text;
      options.push(`--secret=id=${id},env=${variable}`);
    } else options.push(`--secret=id=${id},src=${await scratch.write(`secret-${index}`, value)}`);
  }
  return { options, env };
}

/** What a step may print of a secret by mistake: no event and no error has it. */
function masks(secrets: readonly BuildSecretValue[]): readonly string[] {
  const shortest = 4;
  return secrets
    .flatMap(({ value }) => value.toString().split(/\r?\n/))
    .map((line) => line.trim())
    .filter((line) => line.length >= shortest);
}

/** The environment in which the `docker` program talks to this engine. */
async function engineEnvironment(
  address: EngineAddress,
  { env }: Environment,
  scratch: ScratchFolder,
): Promise<NodeJS.ProcessEnv> {
  const { DOCKER_CONTEXT: _, DOCKER_TLS: __, DOCKER_TLS_VERIFY: ___, DOCKER_CERT_PATH: ____, ...rest } = env;
  if (address.type !== 'tcp') return { ...rest, DOCKER_HOST: hostOf(address) };
  const host = `tcp://${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`;
  if (address.tls === undefined) return { ...rest, DOCKER_HOST: host };
  const { ca, cert, key, verify } = address.tls;
  for (const [name, text] of Object.entries({ ca, cert, key }))
    if (text !== undefined) await scratch.write(`${name}.pem`, Buffer.from(text));
  return {
    ...rest,
    DOCKER_HOST: host,
    DOCKER_TLS: '1',
    ...(verify && { DOCKER_TLS_VERIFY: '1' }),
    DOCKER_CERT_PATH: await scratch.path(),
  };
}

function hostOf(address: Exclude<EngineAddress, { type: 'tcp' }>): string {
  return address.type === 'socket' && address.path.startsWith('\\')
    ? `npipe://${address.path.replaceAll('\\', '/')}`
    : address.address;
}

/** A folder that only this user can enter, made when it is needed and gone at the end of `await using`. */
class ScratchFolder implements AsyncDisposable {
  #folder: string | undefined;

  async path(): Promise<string> {
    return (this.#folder ??= await mkdtemp(join(tmpdir(), 'plumbstack-build-')));
  }

  async write(name: string, content: Buffer): Promise<string> {
    const path = join(await this.path(), name);
    await writeFile(path, content, { mode: 0o600 });
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true });
  }
}
