import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';

/** The plain `docker` program, for tests that look at the engine without going through what they test. */
export interface DockerResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `docker` to its end, whatever it ends with. */
export function tryDocker(...args: readonly string[]): Promise<DockerResult> {
  return new Promise((resolve) => {
    execFile('docker', args, { maxBuffer: 64 * 1024 * 1024, timeout: 120_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** Runs `docker`; resolves to its output without the last line end, or rejects with what it complained about. */
export async function docker(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await tryDocker(...args);
  if (code !== 0)
    throw new Error(`docker ${args.slice(0, 3).join(' ')} ended with ${code}: ${stderr || stdout}`);
  return stdout.trimEnd();
}

/** Builds an image from a Dockerfile that needs no other file. */
export async function buildImage(
  tag: string,
  dockerfile: string,
  options: readonly string[] = [],
): Promise<void> {
  const build = spawn('docker', ['build', '--quiet', ...options, '--tag', tag, '-'], {
    stdio: ['pipe', 'ignore', 'pipe'],
    timeout: 120_000,
  });
  build.stdin.end(dockerfile);
  const [complaints, [code]] = await Promise.all([
    text(build.stderr),
    once(build, 'close') as Promise<[number | null]>,
  ]);
  if (code !== 0) throw new Error(`docker build ended with ${code}: ${complaints}`);
}

export interface SandboxFile {
  /** Relative to the folder that the files are put into. */
  readonly path: string;
  readonly content: string;
}

export interface SandboxContainer {
  /** Last part of its name. */
  readonly name: string;
  readonly image: string;
  /** Fixed address in the sandbox's network. */
  readonly ip?: string;
  /** Further arguments of `docker create`. */
  readonly options?: readonly string[];
  readonly command?: readonly string[];
  /** Put in before the start. */
  readonly files?: { readonly folder: string; readonly files: readonly SandboxFile[] };
}

/** A network and its containers, all gone at the end of `await using`. */
export class Sandbox implements AsyncDisposable {
  readonly #prefix: string;
  readonly #containers = new Set<string>();

  private constructor(prefix: string) {
    this.#prefix = prefix;
  }

  static async create(prefix: string, subnet: string): Promise<Sandbox> {
    const sandbox = new Sandbox(`${prefix}-${randomBytes(3).toString('hex')}`);
    await docker('network', 'create', '--subnet', subnet, sandbox.network);
    return sandbox;
  }

  get network(): string {
    return `${this.#prefix}-net`;
  }

  nameOf(name: string): string {
    return `${this.#prefix}-${name}`;
  }

  /** Creates and starts a container; resolves to its name. */
  async start(container: SandboxContainer): Promise<string> {
    const name = await this.create(container);
    await docker('start', name);
    return name;
  }

  async create({ name, image, ip, options = [], command = [], files }: SandboxContainer): Promise<string> {
    const full = this.nameOf(name);
    this.#containers.add(full);
    const address = ip === undefined ? [] : ['--ip', ip];
    await docker(
      'create',
      '--name',
      full,
      '--network',
      this.network,
      ...address,
      ...options,
      image,
      ...command,
    );
    if (files !== undefined) await putFiles(full, files.folder, files.files);
    return full;
  }

  async remove(name: string): Promise<void> {
    await docker('rm', '--force', '--volumes', name);
    this.#containers.delete(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#containers.size > 0) await tryDocker('rm', '--force', '--volumes', ...this.#containers);
    await docker('network', 'rm', this.network);
  }
}

/** Puts files below a folder of a container, which may be created, running or read-only where the folder is a volume. */
export async function putFiles(
  container: string,
  folder: string,
  files: readonly SandboxFile[],
): Promise<void> {
  const local = await mkdtemp(join(tmpdir(), 'plumbstack-test-'));
  try {
    for (const { path, content } of files) {
      await mkdir(dirname(join(local, path)), { recursive: true });
      await writeFile(join(local, path), content, { mode: 0o644 });
    }
    await docker('cp', `${local}/.`, `${container}:${folder}`);
  } finally {
    await rm(local, { recursive: true });
  }
}

/** Port of this machine that leads to a container's port, published on loopback. */
export async function hostPort(container: string, port: number): Promise<number> {
  const answer = await docker('port', container, `${port}/tcp`);
  return Number(/:(\d+)$/m.exec(answer)?.[1]);
}

/** Waits for a condition, with a deadline. */
export async function until(
  what: string,
  condition: () => Promise<boolean>,
  { timeoutMs = 20_000, everyMs = 50 } = {},
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not in ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
