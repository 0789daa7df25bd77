import { Readable } from 'node:stream';
import type { BuildImageOptions, ImageBuild } from './docker-client.js';
import {
  openBuildContext,
  readDockerfile,
  rethrow,
  whileItChanges,
  type BuildContext,
} from './build-context.js';
import { buildWithBuildkit } from './buildkit-build.js';
import type { Deadline } from './deadline.js';
import { engineStatus } from './docker-failure.js';
import { buildFailure } from './image-failure.js';
import type { Engine } from './engine.js';
import { readEngineMessages, type EngineMessage } from './engine-messages.js';
import type { Environment } from './environment.js';
import { needsBuildkit } from './needs-buildkit.js';
import { proxyVariables } from './proxies.js';
import type { RegistryCredentials } from './registry-credentials.js';
import { missingLibraries } from './system-libraries.js';

const keptLines = 20;

/** Where a build runs, and what it may read of the machine. */
export interface Builder {
  readonly engine: Engine;
  readonly credentials: RegistryCredentials;
  readonly environment: Environment;
}

/** Builds with what the build needs: the classic builder, or BuildKit. Resolves to the image's id. */
export async function buildImage(
  builder: Builder,
  build: ImageBuild,
  options: BuildImageOptions,
): Promise<string> {
  options.signal?.throwIfAborted();
  const needs = needsBuildkit(build, await readDockerfile(build));
  if (needs === undefined) return whileItChanges(() => buildClassically(builder, build, options));
  await buildWithBuildkit(builder.engine, builder.environment, build, needs, options);
  return idOf(builder.engine, build, options, []);
}

/** With the engine's classic builder, which every engine and Podman has in its API. */
async function buildClassically(
  { engine, credentials, environment }: Builder,
  build: ImageBuild,
  options: BuildImageOptions,
): Promise<string> {
  const context = await openBuildContext(build);
  const [registryconfig, proxies] = await Promise.all([
    credentials.all(),
    proxyVariables(environment, engine.address.address),
  ]);
  const archive = context.pack();
  const output = new BuildOutput(options);
  let unreadable: unknown;
  archive.on('error', (error) => (unreadable = error));
  const answer = engine.chunks(
    `build image ${build.tag}`,
    { ...options, silenceMs: engine.silenceTimeoutMs },
    (docker, deadline) =>
      docker.buildImage(counted(archive, deadline), {
        ...buildOptions({ ...build, args: { ...proxies, ...build.args } }, context),
        registryconfig,
      } as object),
  );
  try {
    for await (const message of readEngineMessages(answer)) {
      output.take(message);
      if (message.error === undefined) continue;
      throw failed(build, output, message.error, message.exitCode);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (unreadable !== undefined) rethrow(unreadable, build.context);
    if (engineStatus(error) === undefined) throw error;
    const { reason } = (error as { details: { reason?: unknown } }).details;
    throw failed(build, output, String(reason), undefined, error);
  } finally {
    archive.destroy();
  }
  return output.image ?? (await idOf(engine, build, options, output.lastLines));
}

function buildOptions(build: ImageBuild, { dockerfile }: BuildContext): object {
  const { tag, args, labels, target, platform, cacheFrom = [] } = build;
  return {
    ...{ t: tag, dockerfile, buildargs: args, labels, version: '1' },
    // Containers of the steps go away also when the build fails.
    ...{ rm: true, forcerm: true },
    ...(target !== undefined && { target }),
    ...(platform !== undefined && { platform }),
    ...(cacheFrom.length > 0 && { cachefrom: cacheFrom }),
  };
}

/** What is being sent is no silence. */
function counted(archive: Readable, deadline: Deadline): Readable {
  return Readable.from(
    (async function* () {
      for await (const chunk of archive) {
        deadline.restart();
        yield chunk as Buffer;
      }
    })(),
    { objectMode: false },
  );
}

/** The lines of a build, of which the last few are kept for an error. */
class BuildOutput {
  readonly #onProgress: BuildImageOptions['onProgress'];
  #open = '';
  #step: { readonly text: string; readonly current: number; readonly total: number } | undefined;
  image: string | undefined;
  readonly lastLines: string[] = [];
  /** Debian packages that the output asks for. */
  readonly libraries = new Set<string>();

  constructor({ onProgress }: BuildImageOptions) {
    this.#onProgress = onProgress;
  }

  get step(): string | undefined {
    return this.#step?.text;
  }

  take({ output, builtImage, status, id, progress }: EngineMessage): void {
    if (builtImage !== undefined) this.image = builtImage;
    if (output !== undefined) {
      const lines = `${this.#open}${output}`.split('\n');
      this.#open = lines.pop() ?? '';
      for (const line of lines) this.#line(plain(line));
    }
    if (status !== undefined) this.#onProgress?.({ ...(id !== undefined && { id }), status, ...progress });
  }

  /** The last output, without a line end as a failing program may leave it. */
  close(): void {
    if (this.#open !== '') this.#line(plain(this.#open));
    this.#open = '';
  }

  #line(line: string): void {
    if (line.trim() === '') return;
    const step = /^Step (\d+)\/(\d+) : /.exec(line);
    if (step !== null) {
      this.#step = { text: line, current: Number(step[1]), total: Number(step[2]) };
      this.lastLines.length = 0;
      this.libraries.clear();
    } else if (!line.startsWith(' ---> ')) {
      // That is how the builder speaks about itself.
      this.lastLines.push(line);
      for (const each of missingLibraries([line])) this.libraries.add(each);
      if (this.lastLines.length > keptLines) this.lastLines.shift();
    }
    const at = this.#step;
    this.#onProgress?.({
      ...(at && { id: `Step ${at.current}/${at.total}`, current: at.current, total: at.total }),
      status: line,
    });
  }
}

/** The builder paints a step's errors red. */
function plain(line: string): string {
  // eslint-disable-next-line no-control-regex
  return line.replace(/\u001b\[\d*m/g, '').trimEnd();
}

function failed(
  build: ImageBuild,
  output: BuildOutput,
  reason: string,
  exitCode?: number,
  cause?: unknown,
): Error {
  output.close();
  const { step, lastLines, libraries } = output;
  return buildFailure({
    ...{ image: build.tag, reason, step, exitCode, cause },
    ...{ lastLines: [...lastLines], libraries: [...libraries] },
  });
}

/** Engines that do not tell the new image's id know it by its tag. */
async function idOf(
  engine: Engine,
  build: ImageBuild,
  options: BuildImageOptions,
  lastLines: readonly string[],
): Promise<string> {
  const found = await engine
    .call(`inspect image ${build.tag}`, options, (docker) => docker.getImage(build.tag).inspect())
    .catch((error: unknown) => {
      if (engineStatus(error) === 404)
        throw buildFailure({
          image: build.tag,
          reason: 'the engine ended the build without an image',
          lastLines: [...lastLines],
        });
      throw error;
    });
  return found.Id;
}
